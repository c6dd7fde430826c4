"""Every command takes `--json`, also for its errors, and a mistyped word leads to the right one."""

import json

import click
import pytest

from peakid.cli.main import COMMANDS, cli


def tree(command=cli, path=()):
    """Yield every command that is not a group, as (words, command)."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from tree(command.get_command(context, name), (*path, name))


LEAVES = dict(tree())
GROUPS = sorted({path[:-1] for path in LEAVES if len(path) > 1})
CHOICES = [
    (path, parameter)
    for path, command in LEAVES.items()
    for parameter in command.params
    if isinstance(parameter.type, click.Choice)
]


def test_the_walk_finds_the_commands():
    assert len(LEAVES) > 50
    assert ("decide",) in GROUPS
    assert len(CHOICES) >= 7


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json(path):
    options = {option for parameter in LEAVES[path].params for option in parameter.opts}
    assert "--json" in options


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_usage_error_of_every_command_is_a_document_with_json(peakid, path):
    answer = peakid(*path, "--no-such-option", "--json")
    assert (answer.code, answer.out) == (2, "")
    document = json.loads(answer.err)
    assert set(document) == {"error", "message", "remedy", "actions"}
    assert document["error"] == "UsageError"
    assert "--no-such-option" in document["message"]
    assert f"peakid {' '.join(path)} --help" in document["remedy"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_mistyped_command_leads_to_the_right_one(peakid, name):
    answer = peakid(f"{name}{name[-1]}")
    assert (answer.code, answer.out) == (2, "")
    assert f"'{name}'" in answer.err.splitlines()[-1]


@pytest.mark.parametrize("path", [path for path in LEAVES if len(path) > 1], ids=" ".join)
def test_a_mistyped_subcommand_leads_to_the_right_one(peakid, path):
    *group, name = path
    answer = peakid(*group, f"{name}{name[-1]}", "--json")
    assert answer.code == 2
    assert f"Did you mean '{name}'" in json.loads(answer.err)["remedy"]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_mistyped_option_leads_to_the_right_one(peakid, path):
    options = [each.opts[0] for each in LEAVES[path].params if isinstance(each, click.Option)]
    wanted = max(options, key=len)
    answer = peakid(*path, f"{wanted[:-2]}{wanted[-1]}{wanted[-2]}")
    assert answer.code == 2
    assert wanted in answer.err.splitlines()[-1]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_command_waits_or_not_as_it_is_told(peakid, path):
    option = next((each for each in LEAVES[path].params if "--wait" in each.opts), None)
    if option is None:
        asked = peakid(*path, "--wait")
        assert (asked.code, asked.out) == (2, "")
        assert asked.err.splitlines()[-1].endswith("Leave it out: this command always waits.")
    else:
        assert option.secondary_opts == ["--no-wait"]
        assert f"Default: {'--wait' if option.default else '--no-wait'}." in option.help


def test_the_former_name_of_no_wait_leads_to_it(peakid):
    asked = json.loads(peakid("scan", "--background", "--json").err)
    assert "--no-wait" in asked["message"]


@pytest.mark.parametrize("n", range(len(CHOICES)), ids=lambda n: " ".join(CHOICES[n][0]))
def test_a_mistyped_value_leads_to_the_right_one(n):
    _, parameter = CHOICES[n]
    wanted = max(parameter.type.choices, key=len)
    with pytest.raises(click.BadParameter, match=f"Did you mean '{wanted}'"):
        parameter.type.convert(f"{wanted}x", parameter, click.Context(click.Command("any")))


def test_a_command_of_a_group_is_found_without_the_group(peakid):
    assert peakid("label", "abc", "dom").err.endswith("Did you mean peakid decide label?\n")


def test_a_command_that_resembles_none_gets_the_list(peakid):
    remedy = json.loads(peakid("snapshot", "zzz", "--json").err)["remedy"]
    assert remedy == "There are: create, credits, diff, leaks, list, show, verify, write."


def test_deciding_names_every_part_that_is_wrong(peakid, plant):
    digest = plant({"a": "matterhorn"})["a"]
    both = peakid("decide", "label", "abc", "zebra").err
    assert "No image has a digest that starts with 'abc'." in both
    assert "There is no class 'zebra'." in both
    only_class = peakid("decide", "label", digest[:10], "matterhron").err
    assert only_class.startswith("There is no class 'matterhron'. Did you mean 'matterhorn'?")
    only_digest = peakid("decide", "label", "abc", "matterhorn").err
    assert "'abc'" in only_digest
    assert "class" not in only_digest.split("Use:")[0]
    verdict = json.loads(peakid("decide", "lable", digest, "matterhorn", "--json").err)
    assert verdict["message"] == "The verdict 'lable' does not exist."
    assert verdict["remedy"].startswith("Did you mean 'label'?")


def test_a_further_class_names_every_part_that_is_wrong(peakid, plant):
    plant({"a": "matterhorn"})
    both = peakid("also", "abc", "matterhron").err
    assert "No image has a digest that starts with 'abc'." in both
    assert "There is no class 'matterhron'." in both
    assert "Did you mean 'matterhorn'?" in both


def words_of(path):
    """Return a command with a value for each argument: none of them exists."""
    arguments = [each for each in LEAVES[path].params if isinstance(each, click.Argument) and each.required]
    values = [
        next(iter(each.type.choices)) if isinstance(each.type, click.Choice) else "1" for each in arguments
    ]
    options = [each for each in LEAVES[path].params if isinstance(each, click.Option)]
    required = [each.opts[0] for each in options if each.required]
    return [*path, *values, *(word for option in required for word in (option, "any"))]


# Those that create a workspace, read only a file, or serve until Ctrl-C.
READS_FILES = [("restore",), ("import", "columns"), ("predict",), ("weights", "add"), ("sort",), ("unsort",)]
WITHOUT_WORKSPACE = {("init",), ("demo",), ("app",), ("serve",), ("weights", "list"), *READS_FILES}
WITHOUT_WORKSPACE |= {("workspaces", "list"), ("workspaces", "remove"), ("collect", "adapters"), ("engines",)}


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - WITHOUT_WORKSPACE), ids=" ".join)
def test_an_error_of_every_command_is_one_document_with_json(peakid, path, tmp_path, monkeypatch):
    (tmp_path / "1").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    answer = peakid(*words_of(path), "--json")
    assert (answer.code, answer.out) == (1, "")
    document = json.loads(answer.err)
    assert document["error"] == "NoWorkspace"
    assert set(document) == {"error", "message", "remedy", "actions"}


@pytest.mark.parametrize("path", READS_FILES, ids=" ".join)
def test_an_error_about_a_file_is_one_document_with_json(peakid, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = peakid(*words_of(path), "--json")
    assert (answer.code, answer.out) == (1, "")
    assert set(json.loads(answer.err)) == {"error", "message", "remedy", "actions"}


READING = [
    *("status", "roots list", "import list", "import rejections", "scan", "issues list"),
    *("duplicates list", "classes list", "log", "log --steps", "queue all", "queues"),
    *(
        "views list",
        "snapshot list",
        "weights",
        "weights list",
        "embed list",
        "jobs list",
        "clean --dry-run",
        "clean",
        "init",
    ),
]


@pytest.mark.parametrize("command", READING)
def test_a_command_prints_one_document_with_json(peakid, plant, command):
    plant({"a": "dom"})
    answer = peakid(*command.split(), "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.count("\n") == 1
    assert isinstance(answer.json, dict | list)


def test_the_image_may_come_before_the_verdict(peakid, plant):
    digest = plant({"a": "dom", "b": "eiger"})["a"]
    step = peakid("decide", digest[:10], "label", "eiger", "--json").json
    assert step["decisions"][0]["label"] == "eiger"
    both = peakid("decide", "abc", "label", "zebra").err
    assert "'abc'" in both
    assert "'zebra'" in both
    wrong = peakid("decide", digest, "lable", "eiger").err
    assert "The verdict 'lable' does not exist. Did you mean 'label'?" in wrong


@pytest.mark.parametrize(
    ("command", "suggested"),
    [
        (["classes", "rename", "matterhron", "x"], "matterhorn"),
        (["classes", "merge", "matterhron", "x"], "matterhorn"),
        (["queue", "all", "--class", "matterhron"], "matterhorn"),
        (["queue", "class:matterhron"], "matterhorn"),
        (["queue", "worht"], "worth"),
        (["queue", "all", "--split", "vlid"], "valid"),
        (["queue", "issue:drk"], "dark"),
        (["issues", "list", "--kind", "blury"], "blurry"),
        (["snapshot", "show", "frist"], "first"),
        (["views", "remove", "lynxs"], "lynx"),
        (["train", "--recipe", "standrd"], "standard"),
        (["train", "--set", "base_ler=1"], "base_lr"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else part,
)
def test_a_mistyped_name_leads_to_the_right_one(peakid, plant, command, suggested):
    plant({"a": "matterhorn", "b": "x"})
    peakid("views", "save", "lynx", "all")
    if command[0] == "snapshot":
        peakid("snapshot", "create", "--name", "first")
    answer = peakid(*command)
    assert (answer.code, answer.out) == (1, "")
    assert f"Did you mean '{suggested}'?" in answer.err


def test_an_interruption_is_a_document_with_json(peakid, monkeypatch):
    def interrupted(*_arguments, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "invoke", interrupted)
    answer = peakid("status", "--json")
    assert answer.code == 130
    assert json.loads(answer.err)["error"] == "Interrupted"
