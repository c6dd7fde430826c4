"""Which names a snapshot can have."""

import pytest

from peakid.dataset import snapshot as snapshots
from peakid.dataset import snapshot_names
from peakid.errors import BadInput, EmptySnapshot


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("", ""),
        ("  ", ""),
        (" before  cleaning ", "before cleaning"),
        ("zq\u202egpj\u200b", "zqgpj"),  # A mark of the writing direction, and a space of no width.
        ("\u05d3\u05d5\u05dd", "\u05d3\u05d5\u05dd"),
        ("<b>a</b>", "<b>a</b>"),
        ("2026", "2026"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_name_is_cleaned_as_the_names_of_classes_are(given, stored):
    assert snapshot_names.checked(given) == stored


@pytest.mark.parametrize(
    "name", ["x" * 81, "a\nb", "a\tb", "a\x1bb", "\u202e", "\u200b", "deadbee", "A" * 64]
)
def test_a_name_that_cannot_be_told_or_read_is_refused(name):
    with pytest.raises(BadInput):
        snapshot_names.checked(name)


def test_freezing_checks_the_name_before_anything_else(workspace):
    with pytest.raises(BadInput):
        snapshots.create(workspace, name="a\nb", actor="human:anna")
    with pytest.raises(EmptySnapshot):
        snapshots.create(workspace, name="a", actor="human:anna")
