"""Words and openings that do not come back: plain English in code, on pages and in documents."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from tests.parsed import modules

ROOT = Path(__file__).resolve().parents[1]

Place = Literal[
    "docstring",
    "comment",
    "string",     # Of the package and the pages; a docstring is not one of them.
    "page text",  # Strings of pages/ and peakid/web.
    "script",     # Lines of the JavaScript files.
    "document",   # Lines of the Markdown files.
]  # fmt: skip
EVERYWHERE: tuple[Place, ...] = ("docstring", "comment", "string", "script", "document")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "db" / "README.md"]


@dataclass(frozen=True)
class Ban:
    """A pattern that must not occur in some places. `example` is a text that it finds."""

    places: tuple[Place, ...]
    pattern: str
    write: str
    example: str

    def finds(self, text: str) -> bool:
        return re.search(self.pattern, text) is not None


BANS = [
    Ban(("docstring",), r"\AAnswers?\b", "Return", "Answer the newest run."),
    Ban(EVERYWHERE, r"(?i)\bhouses?\b", "package, application", "How a model leaves the house."),
    Ban(EVERYWHERE, r"(?i)\b(at|through) (the|every|any|a) doors?\b", "input", "Refuse it at the door."),
    Ban(EVERYWHERE, r"(?i)\blies? on the table\b", "is loaded", "Which images lie on the table."),
    Ban(EVERYWHERE, r"(?i)\ball the same\b", "anyway", "Train all the same"),
    Ban(EVERYWHERE, r"(?i)\bway of training\b", "method", "Way of training"),
    Ban(EVERYWHERE, r"(?i)(?<!there )\bis no (verdict|digest|time|error|number|image|file|class)\b",
        "is not a ..., unknown ...", "'x' is no verdict."),
    Ban(EVERYWHERE, r"(?i)\bcame before\b", "earlier, published", "Trainings that came before"),
    Ban(EVERYWHERE, r"(?i)\bnobody('s)?\b", "no one, or the passive", "What nobody has reviewed."),
    Ban(EVERYWHERE, r"(?i)\bstrangers?\b", "untrusted", "Strangers' files are decoded elsewhere."),
    Ban(EVERYWHERE, r"(?i)\bfor ever\b", "permanently, always", "Cached for ever."),
    Ban(EVERYWHERE, r"(?i)\blet(s|ting)? go of\b", "release", "It lets go of the lock."),
    Ban(EVERYWHERE, r"(?i)\bsuch as it is\b|\bthat which\b", "what, as it is", "That which was judged."),
    Ban(EVERYWHERE, r"(?i)\bjourneys?\b", "steps, navigation, workflow", "In journey order."),
    Ban(EVERYWHERE, r"(?i)\bgo(es)? on (as|with|where|from|behind|sharing)\b",
        "continue", "It goes on from run 7."),
    Ban(EVERYWHERE, r"(?i)\brate search\b", "LR finder", "Rate search"),
    Ban(EVERYWHERE, r"(?i)\baugmented scoring\b", "test-time augmentation", "Augmented scoring"),
    Ban(EVERYWHERE, r"(?i)\blook-?alikes?\b", "duplicates, near duplicates", "Look-alikes share a split."),
    Ban(EVERYWHERE, r"(?i)\bnear-duplicates\b", "near duplicates", "Near-duplicates share a split."),
    Ban(("page text",), r"(?i)\btype the command\b", "a button or link", "Type the command in a terminal."),
    Ban(("page text",), r"\bpeakid [a-z]+(-[a-z]+)* |\bpeakid [a-z-]+$|--set ", "a button or link",
        "Begin with: peakid train"),
]  # fmt: skip


@dataclass(frozen=True)
class Text:
    """One piece of text: where it is and what kind it is."""

    place: Place
    path: str
    line: int
    text: str


def texts_of_module(path: str, code: str, tree: ast.Module) -> Iterator[Text]:
    """Yield docstrings, strings and comments of a Python module."""
    docstrings = set()
    is_page = path.startswith(("pages/", "peakid/web/"))
    for node in ast.walk(tree):  # An expression comes before the constant in it.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstrings.add(node.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node in docstrings:
                yield Text("docstring", path, node.lineno, node.value)
                continue
            yield Text("string", path, node.lineno, node.value)
            if is_page:
                yield Text("page text", path, node.lineno, node.value)
    for number, line in enumerate(code.splitlines(), 1):
        if "#" in line:  # In a string too, where the same words are banned. `tokenize` is slow.
            yield Text("comment", path, number, line[line.index("#") :])


def texts_of_lines(place: Place, path: str, content: str) -> Iterator[Text]:
    for number, line in enumerate(content.splitlines(), 1):
        yield Text(place, path, number, line)


@cache
def all_texts() -> tuple[Text, ...]:
    return tuple(_all_texts())


def _all_texts() -> Iterator[Text]:
    for path, (code, tree) in modules().items():
        yield from texts_of_module(path, code, tree)
    for path in ROOT.glob("peakid/web/**/*.js"):
        yield from texts_of_lines("script", str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    for path in DOCUMENTS:
        yield from texts_of_lines("document", str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.example)
def test_the_project_is_written_in_plain_english(ban: Ban) -> None:
    found = [each for each in all_texts() if each.place in ban.places and ban.finds(each.text)]
    lines = [f"{each.path}:{each.line}: {' '.join(each.text.split())[:100]}" for each in found]
    assert lines == [], f"write: {ban.write}"


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.example)
def test_a_planted_sentence_is_found_in_each_place(ban: Ban) -> None:
    code = f'"""{ban.example}"""\nx = "{ban.example}"  # {ban.example}\n'
    planted = [*texts_of_module("pages/planted.py", code, ast.parse(code))]
    planted += texts_of_lines("script", "planted.js", f"// {ban.example}")
    planted += texts_of_lines("document", "planted.md", ban.example)
    assert {each.place for each in planted if ban.finds(each.text)} >= set(ban.places)


def test_every_module_has_texts() -> None:
    assert {each.place for each in all_texts()} == {*EVERYWHERE, "page text"}
