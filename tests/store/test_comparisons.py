"""An image counts as compared only while what it resembles is known by the rules of today."""

import hashlib

import pytest

from peakid.curate.duplicates import aligned, find, pair_judgements, pair_search
from peakid.imaging import hashes
from peakid.keep import forget
from peakid.store import comparisons
from peakid.store.comparisons import Compared

ANNA = "human:anna"


def missing(workspace):
    return comparisons.n_missing(workspace)


def test_an_image_is_compared_by_a_scan_and_not_by_its_arrival(workspace, fill):
    fill(river=3)
    assert missing(workspace) == 3
    find.scan(workspace)
    assert missing(workspace) == 0
    fill(sea=2)
    assert missing(workspace) == 2
    find.scan(workspace)
    assert missing(workspace) == 0


def test_an_image_compared_by_other_rules_counts_as_not_compared(workspace, fill, monkeypatch):
    fill(river=2)
    find.scan(workspace)
    with workspace.transaction() as connection:
        connection.execute("UPDATE image SET compared_with = 0 WHERE id = 1")
    assert missing(workspace) == 1
    assert find.scan(workspace).n_scanned == 1
    assert missing(workspace) == 0


def test_an_image_whose_hashes_cannot_be_made_counts_as_not_compared(workspace, fill):
    digest, _ = fill(river=2)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM part_hash WHERE image_id = 1")
    for path in (*workspace.images_dir.rglob(digest), *workspace.thumbs_dir.rglob(f"{digest}.jpg")):
        path.unlink()
    find.scan(workspace)
    assert missing(workspace) == 1


def connect(workspace, has_more):
    """Connect images 1 - 2 - 3, of which 1 and 3 may resemble each other without being stored as a pair."""
    with workspace.transaction() as connection:
        for a, b in ((1, 2), (2, 3)):
            connection.execute(
                "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at)"
                " VALUES (?, ?, 'near', 3, '')",
                (a, b),
            )
        connection.execute("UPDATE image SET has_more_pairs = ? WHERE id = 3", (has_more,))


@pytest.mark.parametrize(("has_more", "n_reopened"), [(1, 3), (0, 0)])
def test_a_group_is_compared_again_after_a_pair_is_called_different_if_not_all_pairs_are_stored(
    workspace, fill, has_more, n_reopened
):
    fill(river=5)
    find.scan(workspace)
    connect(workspace, has_more)
    pair_judgements.judge(workspace, [(1, 2)], "both", actor=ANNA)
    assert missing(workspace) == 0
    pair_judgements.judge(workspace, [(1, 2)], "different", actor=ANNA)
    assert missing(workspace) == n_reopened


@pytest.mark.parametrize(("has_more", "n_reopened"), [(1, 2), (0, 0)])
def test_a_group_is_compared_again_after_one_of_its_images_is_forgotten(
    workspace, fill, has_more, n_reopened
):
    digests = fill(river=5)
    find.scan(workspace)
    connect(workspace, has_more)
    forget.forget(workspace, digests[1], actor=ANNA)
    assert missing(workspace) == n_reopened


def test_an_image_forgotten_during_a_scan_ends_no_group_wrongly(workspace, fill):
    digests = fill(river=4)

    def forgetting(_phase, step, total, _message):
        if step == 0 and not forgotten:
            forgotten.append(forget.forget(workspace, digests[0], actor=ANNA))

    forgotten = []
    with (
        workspace.transaction() as connection
    ):  # One candidate, so that the scan reports once before it writes.
        for table in ("phash", "dhash"):
            connection.execute(
                f"UPDATE image SET {table} = (SELECT {table} FROM image WHERE id = 1) WHERE id = 2"
            )
    assert find.scan(workspace, report=lambda *a: forgetting(a[0], 0, a[2], a[3])).n_scanned == 3
    assert missing(workspace) == 0
    assert workspace.query("SELECT * FROM duplicate_pair") == []


def test_a_changed_limit_needs_another_version_of_the_rules():
    limits = {
        name: value
        for module in (pair_search, aligned, hashes)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and name not in ("BLOCK", "AT_ONCE", "PLACES")
    }
    text = repr(
        sorted((name, value) for name, value in limits.items() if isinstance(value, int | float | tuple))
    )
    # If this fails: the hashes or limits have changed. Increase RULE_VERSION, then write the new digest here.
    assert (comparisons.RULE_VERSION, hashlib.sha256(text.encode()).hexdigest()[:12]) == (1, "3637cfd934b6")


@pytest.mark.parametrize(
    ("compared", "finding", "is_warned"),
    [
        (Compared(5, 5, 0), "No leak was found among the 5 images, which were all compared.", False),
        (Compared(5, 3, 0), "No leak was found among the 3 compared images; 2 were never compared.", True),
        (
            Compared(5, 3, 1),
            "1 group of near duplicates in several splits among the 3 compared images;"
            " 2 were never compared.",
            True,
        ),
        (Compared(5, None, 0), f"No leak was found. {comparisons.NOT_KNOWN}", True),
    ],
)
def test_a_finding_says_among_how_many_images(compared, finding, is_warned):
    assert (compared.finding, bool(compared.warning)) == (finding, is_warned)


def test_counting_the_images_that_are_not_compared_reads_no_compared_one(workspace, plant):
    plant({"a": "dom", "b": "dom", "c": None})
    connection = workspace.connection()
    connection.execute("UPDATE image SET compared_with = NULL WHERE id = 1")
    connection.execute("UPDATE image SET compared_with = ? WHERE id = 2", (comparisons.RULE_VERSION,))
    connection.execute("UPDATE image SET compared_with = ? WHERE id = 3", (comparisons.RULE_VERSION + 1,))
    assert comparisons.n_missing(workspace) == 2
    sql = f"EXPLAIN QUERY PLAN SELECT COUNT(*) FROM image WHERE {comparisons._NOT_COMPARED}"
    assert not any(row["detail"].startswith("SCAN") for row in workspace.query(sql))
