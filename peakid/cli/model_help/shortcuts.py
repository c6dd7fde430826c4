"""The command that tells whether a plain property of the images predicts their labels."""

from dataclasses import asdict
from typing import Any

import click

from peakid.cli.frame import emit, json_option, pass_workspace, table
from peakid.store.workspace import Workspace
from peakid.suggest import shortcut_check
from peakid.suggest.shortcut_check import Checked, Finding


@click.command()
@json_option
@pass_workspace
def shortcuts(workspace: Workspace, as_json: bool) -> None:
    """Test whether source, size, brightness, borders and other plain properties predict the label.

    A model can learn such a property instead of the subject, and fails where it is missing.
    """
    checked = shortcut_check.check(workspace)
    emit(as_json, [_document(each) for each in checked.findings], _text(checked))


def _text(checked: Checked) -> str:
    if not checked.findings:
        return "Too few labelled images, or only one class: nothing was tested."
    rows = [
        {
            "property": each.shortcut.title,
            "accuracy": each.shortcut.accuracy,
            "majority": each.shortcut.majority,
            "p_value": each.shortcut.p_value,
            "shortcut": "yes" if each.shortcut.is_shortcut else "",
        }
        for each in checked.findings
    ]
    lines = [each.text for each in checked.found]
    none = f"None of {len(checked.findings)} properties predicts the label of {checked.n_images:,} images."
    columns = ["property", "accuracy", "majority", "p_value", "shortcut"]
    return "\n".join([*(lines or [none]), table(rows, columns, empty="")])


def _document(finding: Finding) -> dict[str, Any]:
    each = finding.shortcut
    examples = [{**asdict(example), "label": finding.class_names[example.label]} for example in each.examples]
    return {
        "property": each.title,
        "is_shortcut": each.is_shortcut,
        "accuracy": each.accuracy,
        "accuracy_interval": list(each.interval),
        "majority": each.majority,
        "p_value": each.p_value,
        "n_images": each.n_images,
        "examples": examples,
        "text": finding.text,
    }
