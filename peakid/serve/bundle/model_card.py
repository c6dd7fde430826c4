"""The model card of a bundle, in the form of the Hugging Face Hub: what a user of the model has to know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

USE = "Sorting photos of the classes below. It has not been tested for anything else."
PEOPLE = "**The classes name people.** Recognising people without their consent is unlawful in many places."
_METADATA = """---
library_name: onnx
pipeline_tag: image-classification
tags:
- image-classification
- peakid
---"""


@dataclass(frozen=True)
class ClassFacts:
    """One class: images by split, and its recall with its interval as text; '' where there is none."""

    name: str
    n_train: int
    n_valid: int
    n_test: int
    recall: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """What is known about a model and its data.

    Attributes:
        score: Validation accuracy with interval and n, as text.
        sources, licences: Images by where they come from and by their licence.
        weights: What the training started from, and the licence of these weights.
        warnings: Sentences about the data or the score.
        names_people: The classes name people.
    """

    title: str
    score: str = ""
    test_score: str = ""
    classes: Sequence[ClassFacts] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    licences: Mapping[str, int] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    snapshot: str = ""
    weights: str = ""
    warnings: Sequence[str] = ()
    intended_use: str = ""
    names_people: bool = False


def text(facts: ModelFacts, files: Mapping[str, str]) -> str:
    """Return the card as Markdown with the metadata block of the Hub.

    Args:
        files: What each file of the bundle is for, by name.
    """
    parts = [
        _METADATA,
        f"# {_plain(facts.title)}",
        f"An image classifier of {len(facts.classes)} classes, trained and checked with Peakid.",
        "## Intended use",
        facts.intended_use or USE,
        _limits(facts),
        "## Figures",
        _figures(facts),
        "## Classes",
        _table(
            ["class", "train", "validation", "test", "recall (validation)"],
            [[each.name, each.n_train, each.n_valid, each.n_test, each.recall] for each in facts.classes],
        ),
        "## Data",
        _data(facts),
        "## Training",
        _training(facts),
        "## Files",
        _table(["file", "what it is"], [[name, use] for name, use in files.items()]),
        "Run `python verify.py` first: it proves that the model answers here as it did where it was made.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _limits(facts: ModelFacts) -> str:
    lines = [
        "It names one of its classes for every photo, also for one that shows none of them. Photos unlike"
        " those it was trained on are predicted worse than the figures say."
    ]
    lines += [f"- {_plain(each)}" for each in facts.warnings]
    if facts.names_people:
        lines.append(f"- {PEOPLE}")
    return "\n".join(["## Limits", "", *lines])


def _figures(facts: ModelFacts) -> str:
    rows = [["accuracy (validation, by which it was chosen)", facts.score or "not measured"]]
    rows.append(["accuracy (test)", facts.test_score or "not shown so far"])
    return _table(["figure", "value (95 % interval)"], rows)


def _data(facts: ModelFacts) -> str:
    lines = [f"Snapshot `{facts.snapshot[:16]}`." if facts.snapshot else ""]
    if facts.sources:
        lines.append(_table(["source", "images"], [[name, n] for name, n in facts.sources.items()]))
    rows = [[name or "not known", n] for name, n in facts.licences.items()] or [["not known", "all"]]
    lines.append(_table(["licence of the photos", "images"], rows))
    return "\n\n".join(line for line in lines if line)


def _training(facts: ModelFacts) -> str:
    lines = [f"Started from {_plain(facts.weights)}." if facts.weights else ""]
    if facts.recipe:
        shown = json.dumps(dict(facts.recipe), ensure_ascii=False, indent=1, default=str)
        lines.append("\n".join(["```json", shown, "```"]))
    return "\n\n".join(line for line in lines if line)


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(_plain(str(cell)) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Return a text that Markdown does not interpret."""
    if text == "---":
        return text
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!~$" else " " if c in "\r\n" else c for c in text)
