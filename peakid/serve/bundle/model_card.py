"""The model card of a bundle, in the form of the Hugging Face Hub: what a user of the model has to know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

USE = "Sorting photos of the classes below. It has not been tested for anything else."
PEOPLE = "**The classes name people.** Recognising people without their consent is unlawful in many places."
NOT_KNOWN = "unknown"  # What the Hub calls a licence that was not named.
MATRIX = "confusion_matrix.svg"
N_CONFUSIONS = 10


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
        accuracy: The same as a share in 0..1; None where it was not measured.
        test_score: As `score`, of the test images; '' where no one has looked at it.
        other_figures: Further figures of the validation images, as text by name.
        confusion: int64 of shape (K, K) in the order of `classes`, row = given label; None = not measured.
        sources, licences: Images by where they come from and by their licence.
        weights: What the training started from, and the licence of these weights.
        warnings: Sentences about the data or the score.
        names_people: The classes name people.
        licence: Of the model, as the Hub names licences; '' = not chosen.
        credits: Files that say whose the images are, by name.
    """

    title: str
    score: str = ""
    accuracy: float | None = None
    test_score: str = ""
    other_figures: Mapping[str, str] = field(default_factory=dict)
    confusion: np.ndarray | None = None
    classes: Sequence[ClassFacts] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    licences: Mapping[str, int] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    snapshot: str = ""
    weights: str = ""
    warnings: Sequence[str] = ()
    intended_use: str = ""
    names_people: bool = False
    licence: str = ""
    credits: Mapping[str, bytes] = field(default_factory=dict)


def text(facts: ModelFacts, files: Mapping[str, str]) -> str:
    """Return the card as Markdown with the metadata block of the Hub.

    Args:
        files: What each file of the bundle is for, by name.
    """
    parts = [
        metadata(facts),
        f"# {_plain(facts.title)}",
        f"An image classifier of {len(facts.classes)} classes, trained and checked with Peakid.",
        "## Intended use",
        facts.intended_use or USE,
        _limits(facts),
        "## Figures",
        _figures(facts),
        _confusions(facts),
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


def metadata(facts: ModelFacts) -> str:
    """Return the block that the Hub reads. Its values are JSON, which is YAML too."""
    lines = [
        f"license: {json.dumps(facts.licence or NOT_KNOWN)}",
        "library_name: onnx",
        "pipeline_tag: image-classification",
        'tags: ["image-classification", "onnx", "peakid"]',
    ]
    if facts.accuracy is not None:
        found = {
            "task": {"type": "image-classification", "name": "Image classification"},
            "dataset": {"type": "imagefolder", "name": facts.title, "split": "validation"},
            "metrics": [{"type": "accuracy", "value": round(facts.accuracy, 4), "name": facts.score}],
        }
        results = [{"name": facts.title, "results": [found]}]
        lines += ["metrics: [accuracy]", f"model-index: {json.dumps(results, ensure_ascii=False)}"]
    return "\n".join(["---", *lines, "---"])


def _confusions(facts: ModelFacts) -> str:
    """Return the picture of the confusion matrix and its most frequent errors."""
    if facts.confusion is None:
        return ""
    wrong = facts.confusion * (1 - np.eye(len(facts.classes), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:N_CONFUSIONS]
    pairs = [divmod(int(place), len(facts.classes)) for place in order]
    rows = [
        [facts.classes[row].name, facts.classes[column].name, f"{wrong[row, column]} of {n_given}"]
        for row, column in pairs
        if wrong[row, column] and (n_given := int(facts.confusion[row].sum()))
    ]
    picture = f"![Confusion matrix of the validation images]({MATRIX})"
    return "\n\n".join(
        [picture, _table(["given label", "predicted as", "images"], rows) if rows else "No errors."]
    )


def _limits(facts: ModelFacts) -> str:
    lines = [PEOPLE, ""] if facts.names_people else []
    lines += [
        "It names one of its classes for every photo of which it is certain enough, also for one that shows"
        " none of them. Photos unlike those it was trained on are predicted worse than the figures say."
    ]
    if facts.warnings:
        lines += ["", *(f"- {_plain(each)}" for each in facts.warnings)]
    return "\n".join(["## Limits", "", *lines])


def _figures(facts: ModelFacts) -> str:
    rows = [["accuracy (validation, by which it was chosen)", facts.score or "not measured"]]
    rows.append(["accuracy (test)", facts.test_score or "not looked at so far"])
    rows += [[name, value] for name, value in facts.other_figures.items()]
    return _table(["figure", "value (95 % interval)"], rows)


def _data(facts: ModelFacts) -> str:
    lines = [
        f"SHA-256 of the snapshot (its images, labels and splits): `{facts.snapshot}`."
        if facts.snapshot
        else ""
    ]
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
