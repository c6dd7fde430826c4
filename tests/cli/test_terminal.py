"""File and class names cannot control the terminal, and JSON has them exactly."""

import ast
import json
from pathlib import Path

import pytest

import peakid.cli
from peakid.cli import frame
from peakid.cli.output import terminal

CLEAR, TITLE, OVERRIDE = "\x1b[2J", "\x9b31m", "\u202egpj.exe"
NAME = f"dom{CLEAR}{TITLE}{OVERRIDE}"
RAW = ("\x1b", "\x9b", "\u202e", "\x07")


@pytest.fixture
def hostile(workspace, plant):
    """A workspace whose class and file have control characters in their names, as an old one may have."""
    plant({"dom": "dom", "eiger": "eiger"})
    with workspace.transaction() as connection:
        connection.execute("UPDATE class SET name = ? WHERE name = 'dom'", (NAME,))
        connection.execute("UPDATE origin SET path = ? WHERE path = 'dom/dom.jpg'", (f"{NAME}.jpg",))


COMMANDS = [
    *(["status"], ["classes", "list"], ["classes", "show", NAME], ["queue", "all"], ["log"]),
    *(["snapshot", "create"], ["snapshot", "create", "--name", NAME], ["classes", "add", NAME]),
    *(["decide", NAME, "label", "none"], ["train", "--recipe", NAME], ["train", "--set", f"{NAME}=1"]),
    *(["predict", NAME, NAME], ["import", "folder", f"/{NAME}"], ["import", "csv", f"/{NAME}"]),
    *(["snapshot", "show", NAME], ["views", "save", NAME, "all"], ["evaluate", NAME], ["x" + NAME]),
    *(["tag", NAME, NAME], ["restore", f"/{NAME}"], ["issues", "list", "--kind", NAME]),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]).split("\x1b")[0])
def test_no_command_prints_control_characters(peakid, hostile, command):
    answer = peakid(*command)
    assert not any(char in answer.out + answer.err for char in RAW)


def test_the_name_is_visible_in_the_table(peakid, hostile):
    assert r"dom\x1b[2J\x9b31m\u202egpj.exe" in peakid("queue", "all").out


@pytest.mark.parametrize("command", [["queue", "all"], ["status"], ["log"]])
def test_json_is_exact_and_has_no_raw_control_characters(peakid, hostile, command):
    answer = peakid(*command, "--json")
    assert not any(char in answer.out for char in RAW)
    assert NAME in json.dumps(answer.json, ensure_ascii=False).replace("\\u001b", "\x1b")


def test_an_error_as_json_is_exact(peakid, hostile):
    answer = peakid("predict", NAME, NAME, "--json")
    assert not any(char in answer.err for char in RAW)
    assert NAME in json.loads(answer.err)["message"]


def test_half_of_a_surrogate_pair_can_be_printed(capsys):
    terminal.say("a\ud800")
    terminal.say_json(["a\ud800"])
    out = capsys.readouterr().out
    assert out == 'a\\ud800\n["a\\ud800"]\n'
    assert json.loads(out.splitlines()[1]) == ["a\ud800"]


def test_cells_are_aligned_by_what_is_shown():
    rows = [{"name": "a\x1b", "n": 1}, {"name": "b\nb", "n": 10}]
    assert frame.table(rows, ["name", "n"], empty="").splitlines() == [
        "name     n",
        "a\\x1b    1",
        "b\\x0ab  10",
    ]


def test_progress_is_one_line(capsys):
    terminal.redraw("scan \x1b[2J\nb")
    assert capsys.readouterr().err == "\rscan \\x1b[2J\\x0ab"  # click removes the erasing without a terminal.


def test_only_the_terminal_module_prints():
    folder = Path(peakid.cli.__file__).parent
    printing = {
        path.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "click.secho", "print")
    }
    # These two write documents of the project itself.
    assert printing == {"terminal.py", "reference.py", "schema.py"}
