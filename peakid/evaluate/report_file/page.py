"""Write the report of a run as one HTML page that loads nothing from anywhere."""

from collections.abc import Iterable, Sequence
from importlib import resources

import peakid
from peakid.evaluate import score_text
from peakid.evaluate.errors import confusion
from peakid.evaluate.report_file import plots
from peakid.evaluate.report_file.gather import RunReport
from peakid.evaluate.report_file.markup import tag, text
from peakid.evaluate.slices import slice_text
from peakid.evaluate.slices.slicing import SlicedProperty
from peakid.evaluate.trust import trust_text
from peakid.records import Run

# Nothing is loaded and nothing runs, whatever a name holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MOST_SLICES = 30  # Of one property.
MOST_UNBROKEN = 20  # Rows of a table that is printed on one page.
OF_CLASSES = "class"  # The classes have a table of their own.


def write(report: RunReport) -> str:
    """Return the page."""
    style = resources.files("peakid.evaluate.report_file").joinpath("report.css").read_text("utf-8")
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        tag("title", text(f"{report.title} - Peakid")),
        tag("style", style),
    ]
    sections = [
        _opening(report),
        _confusions(report),
        _classes(report),
        _reliability(report),
        _slices(report),
        _gallery(report),
        _facts(report),
    ]
    body = tag("main", *(each for each in sections if each))
    return f"<!DOCTYPE html>\n{tag('html', tag('head', *head), tag('body', body), lang='en')}\n"


def _opening(report: RunReport) -> str:
    scored, snapshot = report.scored, report.snapshot
    how = "scored" if report.run.imported else "trained"
    made = f"{_model(report.run)}, {how} on {_snapshot_name(report)}. Report of {report.made_at[:10]}."
    parts = [tag("h1", text(report.title)), tag("p", text(made), class_="soft"), _scores(report)]
    if report.warnings:
        lines = [tag("li", text(each)) for each in report.warnings]
        parts.append(tag("ul", *lines, class_="warnings"))
    if scored.split == "test":
        times = "once" if scored.n_test_looks == 1 else f"{scored.n_test_looks:,} times"
        parts.append(tag("p", text(f"The test score of this run was shown {times}."), class_="soft"))
    if not snapshot.n_images:
        parts.append(tag("p", "The snapshot has no images."))
    return tag("header", *parts)


def _scores(report: RunReport) -> str:
    scored = report.scored
    accuracy = score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images)
    entries = [("Accuracy", accuracy)]
    if scored.tta:
        entries.append(("Without test-time augmentation", score_text.percent(scored.tta.plain_accuracy)))
    entries += [
        ("Guessing at random", score_text.baseline(scored.chance_accuracy)),
        (f"Always {scored.majority_class}", score_text.baseline(scored.majority_accuracy)),
    ]
    if report.probe is not None:
        entries.append((report.probe.title, score_text.score(report.probe.accuracy, report.probe.interval)))
    entries += [
        (trust_text.TITLES[each.name], f"{trust_text.value(each)} ({trust_text.interval(each)})")
        for each in report.scores
        if each.name != "accuracy" and each.value is not None
    ]
    entries.append(("Calibration error (0 is best)", score_text.percent(scored.ece)))
    first, *others = (_entry(title, value) for title, value in entries)
    return tag(
        "dl", tag("div", *first, class_="first"), *(tag("div", *each) for each in others), class_="scores"
    )


def _entry(title: str, value: str) -> tuple[str, str]:
    return tag("dt", text(title)), tag("dd", text(value))


def _confusions(report: RunReport) -> str:
    scored = report.scored
    finding = confusion.finding(scored.class_names, scored.confusion)
    title = f"Confusion matrix. {finding}."
    drawn = plots.matrix(scored.class_names, scored.confusion, title)
    parts = [
        tag("h2", "Errors"),
        tag("p", text(f"{finding}.")),
        tag("figure", _scrolled(drawn, "Confusion matrix"), tag("figcaption", _AXES)),
    ]
    if report.confusions:
        rows = [
            [text(each.given), text(each.predicted), f"{each.n_images:,}", f"{each.n_given:,}"]
            for each in report.confusions
        ]
        head = ["Given label", "Predicted label", "Images", "Of the class"]
        parts.append(_table("Most frequent errors", head, rows, words=(0, 1)))
    return tag("section", *parts)


_AXES = "Rows are given labels, columns predicted labels. A stronger colour is a larger share of the row."


def _classes(report: RunReport) -> str:
    rows = []
    for each, n_predicted in zip(report.scored.per_class, report.n_predicted, strict=True):
        recall = score_text.score(each.recall, each.recall_interval) if each.support else "-"
        bar = plots.bar(each.recall, each.recall_interval, f"Recall {recall}") if each.support else ""
        rows.append(
            [
                text(each.class_name),
                f"{each.support:,}",
                f"{n_predicted:,}",
                score_text.percent(each.precision) if n_predicted else "-",
                recall,
                bar,
                score_text.percent(each.f1) if each.support or n_predicted else "-",
            ]
        )
    head = ["Class", "Images", "Predicted", "Precision", "Recall (95 %)", "", "F1"]
    return tag("section", tag("h2", "Classes"), _table("", head, rows, name="Classes"))


def _reliability(report: RunReport) -> str:
    ece = score_text.percent(report.scored.ece)
    title = f"Confidence against share of correct predictions. Calibration error {ece}."
    caption = (
        "On the diagonal, predictions with a confidence of 80 % are right in 80 % of cases. Below it the"
        " model is too sure. Lines are 95 % intervals; larger points have more images."
    )
    return tag(
        "section",
        tag("h2", "Confidence"),
        tag("figure", plots.reliability(report.bins, title), tag("figcaption", caption)),
    )


def _slices(report: RunReport) -> str:
    found = report.slices
    parts = [tag("h2", "Slices")]
    if found.worst:
        lines = [tag("li", text(slice_text.finding(each, found.n_tested))) for each in found.worst]
        parts.append(tag("ul", *lines, class_="worse"))
    else:
        parts.append(tag("p", text(slice_text.nothing_found(found))))
    hard = [one for every in found.properties for one in every.slices if one.is_of_hard_classes]
    parts += [tag("p", text(slice_text.hard_classes(each)), class_="soft") for each in hard]
    properties = [each for each in found.properties if each.key != OF_CLASSES]
    if properties:
        parts.append(tag("p", _SLICE_NOTE, class_="soft"))
    parts += [_slice_table(each) for each in properties]
    return tag("section", *parts)


_SLICE_NOTE = (
    "Diamonds: the accuracy expected of the classes in a slice. Differences are to other images of the same"
    " classes, with 95 % interval; near duplicates count once. p-values are corrected for all slices."
)


def _slice_table(found: SlicedProperty) -> str:
    slices = [*found.slices]
    if len(slices) > MOST_SLICES:
        slices = sorted(slices, key=lambda each: each.accuracy)[:MOST_SLICES]
    rows = [
        [
            text(each.value),
            f"{each.n_images:,}",
            score_text.score(each.accuracy, each.interval),
            plots.bar(
                each.accuracy,
                each.interval,
                f"Expected accuracy {score_text.percent(each.expected_accuracy)}",
                expected=each.expected_accuracy,
                is_worse=each.is_worse,
            ),
            slice_text.difference(each.compared),
            text(slice_text.p_value(each.p_value)),
        ]
        for each in slices
    ]
    head = [found.title, "Images", "Accuracy (95 %)", "", "Difference (95 %)", "p-value"]
    return _table("", head, rows, name=found.title)


def _gallery(report: RunReport) -> str:
    if not report.gallery:
        return ""
    items = []
    for each in report.gallery:
        alt = f"{each.given} predicted as {each.predicted}"
        picture = (
            f'<img src="{each.address}" alt="{text(alt)}">'
            if each.address
            else tag("span", class_="none", role="img", aria_label=f"{alt}; the file cannot be read")
        )
        caption = f"{each.given} predicted as {each.predicted} ({score_text.percent(each.probability)})"
        items.append(tag("li", tag("figure", picture, tag("figcaption", text(caption)))))
    n = len(items)
    shown = f"The {n:,} surest of {report.n_errors:,}" if n < report.n_errors else f"All {n:,}"
    return tag(
        "section",
        tag("h2", "Gallery of errors"),
        tag("p", f"{shown} errors, the most confident first.", class_="soft"),
        tag("ul", *items, class_="gallery"),
    )


def _facts(report: RunReport) -> str:
    run, snapshot = report.run, report.snapshot
    splits = ", ".join(f"{split} {n:,}" for split, n in snapshot.splits.items())
    entries = [
        ("Run", f"{run.run_id}, {run.created_at[:16].replace('T', ' ')} UTC"),
        ("Model", _model(run)),
        *_origin(run),
        ("Snapshot", f"{_snapshot_name(report)}, digest {snapshot.digest[:12]}"),
        ("Images", f"{snapshot.n_images:,} in {snapshot.n_groups:,} groups: {splits}"),
        ("Labels not reviewed", f"{snapshot.n_unreviewed:,} when it was frozen"),
        ("Seed", str(run.seed)),
        ("Device", run.trained_on or "-"),
        (
            "Libraries",
            ", ".join(f"{name} {version}" for name, version in sorted(run.libraries.items())) or "-",
        ),
        ("Peakid", f"{peakid.__version__}; the run: {run.code_version or '-'}"),
    ]
    pairs = [part for title, value in entries for part in _entry(title, value)]
    recipe = [[text(key), text(value)] for key, value in sorted(run.recipe.items()) if key != "phases"]
    return tag(
        "section",
        tag("h2", "How it was made"),
        tag("dl", *pairs, class_="facts"),
        tag(
            "details",
            tag("summary", "All settings of the training"),
            _table("", ["Setting", "Value"], recipe, words=(0, 1), name="Settings of the training"),
        ),
    )


def _model(run: Run) -> str:
    if run.imported is not None:
        return run.imported.name
    return f"{run.recipe.get('arch', 'model')} at {run.recipe.get('image_size_px', '?')} px"


def _origin(run: Run) -> list[tuple[str, str]]:
    if run.imported is not None:
        return [
            ("Predictions", f"imported from {run.imported.file_name}, SHA-256 {run.imported.sha256[:12]}")
        ]
    best = "-" if run.best_epoch is None else str(run.best_epoch)
    return [("Starting weights", run.started_from or "-"), ("Best epoch", best)]


def _snapshot_name(report: RunReport) -> str:
    number, name = report.run.snapshot_id, report.snapshot.name
    return f"Snapshot {number} ({name})" if name else f"Snapshot {number}"


def _table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (0,),
    name: str = "",
) -> str:
    """Return a table whose cells are markup; its first column names the row.

    Args:
        words: Columns of words, which are aligned left.
        name: Of the table, for screen readers; the caption by default.
    """
    titles = [
        tag("th", text(each), scope="col", class_="words" if n in words else None)
        if each
        else tag("td", class_=None)
        for n, each in enumerate(head)
    ]
    lines = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", each, class_="words" if n in words else None) for n, each in enumerate(row[1:], 1)),
        )
        for row in rows
    ]
    shown = tag("caption", text(caption)) if caption else ""
    short = "short" if len(lines) <= MOST_UNBROKEN else None  # Kept on one page.
    found = tag("table", shown, tag("thead", tag("tr", *titles)), tag("tbody", *lines), class_=short)
    return _scrolled(found, caption or name, kind="wide" if max(words) else "wide figures")


def _scrolled(content: str, name: str, kind: str = "wide") -> str:
    """Return content that scrolls by itself where the window is narrow, also by keys."""
    return tag("div", content, class_=kind, tabindex="0", role="region", aria_label=name)
