"""Generated documents are up to date, and links in the documents lead to files that exist."""

import functools
import re
from collections import Counter
from pathlib import Path

import click
import pytest

from peakid.cli import reference
from peakid.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]


DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "db/*.md", "bench/*.md")
    for path in ROOT.glob(pattern)
)


def test_the_command_reference_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference.reference(), "run: make docs"


def test_the_command_reference_shows_which_arguments_are_optional_or_repeated():
    text = reference.reference()
    assert "## `peakid tag DIGEST... NAME`" in text
    assert "## `peakid snapshot show [SNAPSHOT]`" in text
    assert "## `peakid duplicates resolve [GROUP]...`" in text


@functools.cache
def described():
    """Return the heading and the options of every command in the reference, by its words."""
    sections = re.split(r"^## `(.+)`$", reference.reference(), flags=re.MULTILINE)[1:]
    return {
        tuple(word for word in heading.split() if re.fullmatch(r"[a-z][a-z-]*", word)): (heading, body)
        for heading, body in zip(sections[::2], sections[1::2], strict=True)
    }


def commands(command=cli, path=("peakid",)):
    """Yield every command that is not a group, with its words, as click defines it."""
    context = click.Context(command)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from commands(command.get_command(context, name), (*path, name))
    if not isinstance(command, click.Group) and not command.hidden:
        yield path, command


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*each, id=" ".join(each[0])) for each in commands()]
)
def test_the_reference_shows_arguments_and_options_as_click_defines_them(path, command):
    heading, body = described()[path]
    shown = heading.split()[len(path) :]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    assert len(shown) == len(arguments)
    for text, argument in zip(shown, arguments, strict=True):
        assert text.startswith("[") == (not argument.required), text
        assert text.endswith("...") == (argument.nargs == -1), text
    for option in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
        line = " ".join(re.findall(rf"^- `{re.escape(option.opts[0])}\b.*(?:\n  .*)*", body, re.MULTILINE))
        name = line.split("`")[1]
        assert name.endswith("...") == option.multiple, line
        assert (" " in name.replace(" / --no-", "")) == (not option.is_flag), line
        assert ("[required]" in line) == option.required, line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_inside_the_project_lead_to_a_file(document):
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_every_term_of_the_glossary_is_in_the_code_and_they_are_sorted():
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+ \| (.+) \|$", text, re.MULTILINE)
    terms = [term for term, _ in rows[1:]]
    assert len(terms) > 40
    assert terms == sorted(terms, key=str.lower)
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("peakid/**/*.py")))
    words = [word for _, cell in rows[1:] for word in re.findall(r"`(.+?)`", cell)]
    known = set(re.findall(r"\w+", code))
    unknown = [word for word in words if word not in known]
    assert [word for word in unknown if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_says_the_same_twice(name):
    """Two branches that both changed a line leave both versions of it."""
    if name in ("docs/cli.md", "bench/RESULTS.md"):
        pytest.skip("Commands share options, and tables of figures repeat figures.")
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    repeated = Counter(run for line in text.splitlines() for run in set(runs_of_words(line)))
    within = [run for line in text.splitlines() for run, n in Counter(runs_of_words(line)).items() if n > 1]
    assert [*within, *(run for run, n in repeated.items() if n > 1)] == []


def runs_of_words(line: str, n: int = 12) -> list[str]:
    words = line.split()
    return [" ".join(words[k : k + n]) for k in range(len(words) - n + 1)]


def test_the_architecture_names_each_design_once():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    introduction = text[: text.index("## Packages")]
    linked = re.findall(r"\(design/(\w+)\.md\)", introduction)
    assert sorted(linked) == sorted(path.stem for path in (ROOT / "docs" / "design").glob("*.md"))
