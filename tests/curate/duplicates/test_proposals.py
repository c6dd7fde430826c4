"""What a model proposes as copies: which images share a split, what a person changes, what undo restores."""

from collections.abc import Callable

import numpy as np
import pytest

from peakid.curate import decisions, waiting
from peakid.curate.duplicates import (
    duplicate_groups,
    find,
    pair_judgements,
    proposals,
    proposed_groups,
    resolve,
    view_candidates,
)
from peakid.curate.duplicates.proposals import Proposal
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.errors import NotFound
from peakid.keep import forget
from peakid.store.workspace import Workspace

ACTOR = "human:anna"
SHIFT = ((1.0, 0.0, 0.25), (0.0, 1.0, 0.0))  # A quarter of the width to the right.
Propose = Callable[..., list[str]]


def together(workspace: Workspace, *digests: str) -> bool:
    groups = find.groups(workspace)
    return len({groups[digest] for digest in digests}) == 1


def test_a_strong_proposal_shares_a_split_at_once_and_is_not_excluded(
    workspace: Workspace, propose: Propose
) -> None:
    digests = propose((0, 1, "strong"), (2, 3, "proposed"))
    assert together(workspace, *digests[:2])
    assert not together(workspace, *digests[2:])
    assert {item.verdict for item in decisions.log(workspace)} == {"label"}
    frozen = snapshots.create(workspace, actor=ACTOR, is_scanned_first=False)
    keys = {item.digest: item.group_key for item in snapshots.items(workspace, frozen.digest)}
    assert keys[digests[0]] == keys[digests[1]]
    assert keys[digests[2]] != keys[digests[3]]


def test_two_imported_splits_with_a_strong_proposal_between_them_are_a_leak(
    workspace: Workspace, propose: Propose
) -> None:
    propose((0, 1, "strong"))
    with workspace.transaction() as connection:
        connection.execute("UPDATE origin SET split = CASE image_id WHEN 1 THEN 'train' ELSE 'test' END")
    frozen = snapshots.create(workspace, actor=ACTOR, is_scanned_first=False)
    assert frozen.n_leaks == 1
    assert len(snapshots.leaks(workspace, frozen.digest)[0]["images"]) == 2


def test_a_confirmed_proposal_shares_a_split_until_that_is_undone(
    workspace: Workspace, propose: Propose
) -> None:
    digests = propose((2, 3, "proposed"))
    assert proposed_groups.n_waiting(workspace) == 1
    resolve.keep_all(workspace, digests[2:], actor=ACTOR)
    assert together(workspace, *digests[2:])
    assert proposed_groups.n_waiting(workspace) == 0
    decisions.undo(workspace, actor=ACTOR)
    assert not together(workspace, *digests[2:])
    assert proposed_groups.n_waiting(workspace) == 1


def test_a_strong_proposal_that_a_person_denies_ties_nothing(workspace: Workspace, propose: Propose) -> None:
    digests = propose((0, 1, "strong"))
    resolve.not_duplicates(workspace, digests[:2], actor=ACTOR)
    assert not together(workspace, *digests[:2])
    assert [group.is_settled for group in proposed_groups.list_groups(workspace)] == [True]
    decisions.undo(workspace, actor=ACTOR)
    assert together(workspace, *digests[:2])


def test_keeping_one_excludes_the_others_and_one_undo_takes_it_back(
    workspace: Workspace, propose: Propose
) -> None:
    digests = propose((0, 1, "strong"), (0, 2, "proposed"))
    (group,) = proposed_groups.list_groups(workspace)
    assert (group.kind, len(group.images)) == ("proposed", 3)
    step = resolve.keep_best(workspace, kinds=("proposed",), actor=ACTOR)
    assert sorted(each.digest for each in step.decisions) == sorted(digests[1:3])
    assert proposed_groups.n_waiting(workspace) == 0
    decisions.undo(workspace, actor=ACTOR)
    assert proposed_groups.n_waiting(workspace) == 1


def test_a_rule_for_all_groups_never_touches_a_proposal(workspace: Workspace, propose: Propose) -> None:
    propose((0, 1, "strong"))
    (group,) = proposed_groups.list_groups(workspace)
    assert resolve.plan(workspace, kinds=("exact", "near")).excluded == []
    assert resolve.plan(workspace, keys=[group.group_key]).excluded == []
    assert len(resolve.plan(workspace, kinds=("proposed",), keys=[group.group_key]).excluded) == 1


def test_proposals_wait_beside_the_groups_that_hashes_found(workspace: Workspace, propose: Propose) -> None:
    propose((0, 1, "strong"), (2, 3, "proposed"))
    assert duplicate_groups.list_groups(workspace) == []
    assert waiting.duplicates(workspace).n == 2
    assert stored.sets(workspace) == []  # Views rank nothing.


def test_a_pair_that_the_hashes_find_later_is_proposed_no_more(
    workspace: Workspace, propose: Propose
) -> None:
    propose((0, 1, "strong"))
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO duplicate_pair VALUES (1, 2, 'near', 9, 'now')")
        connection.execute("UPDATE pair_revision SET revision = revision + 1")
    assert proposed_groups.list_groups(workspace) == []
    assert [group.kind for group in duplicate_groups.list_groups(workspace)] == ["near"]


def test_a_chain_is_laid_over_through_its_middle(workspace: Workspace, propose: Propose) -> None:
    propose((0, 1, "strong"), (0, 2, "strong"))
    found = {each.pair: each for each in proposals.read(workspace)}
    across = proposed_groups.between(found, 2, 3)  # From the second to the third, through the first.
    assert across is not None
    assert across @ [0.5, 0.5, 1.0] == pytest.approx([0.5, 0.5])
    back = proposed_groups.between(found, 2, 1)
    assert back is not None
    assert back @ [0.5, 0.5, 1.0] == pytest.approx([0.25, 0.5])
    assert proposed_groups.between(found, 1, 4) is None


def test_labels_that_differ_are_told_and_not_kept_both(workspace: Workspace, propose: Propose) -> None:
    digests = propose((0, 1, "proposed"), river=1, sea=1)
    (group,) = proposed_groups.list_groups(workspace)
    assert group.is_conflicting
    with pytest.raises(Exception, match="different labels"):
        resolve.keep_all(workspace, digests, actor=ACTOR)
    resolve.not_duplicates(workspace, digests, actor=ACTOR)
    assert pair_judgements.newest(workspace) == {(1, 2): "different"}


def test_a_forgotten_image_is_in_no_proposal(workspace: Workspace, propose: Propose) -> None:
    digests = propose((0, 1, "strong"))
    forget.forget(workspace, digests[0], actor=ACTOR)
    assert workspace.query("SELECT 1 FROM duplicate_proposal") == []
    assert proposals.n_compared(workspace) == 3
    again = [Proposal((1, 2), "strong", 0.9, 30, 0.8, 1.0, SHIFT)]  # Found before it was forgotten.
    proposals.write(workspace, again, [1, 2], set_id=1, rules=1)
    assert proposals.read(workspace) == []
    assert proposals.n_compared(workspace) == 3
    with pytest.raises(NotFound):
        proposed_groups.drawn_over(workspace, digests[0], digests[1])


def test_candidates_are_those_of_the_largest_cosine_of_any_view_with_a_base_view() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(90, 4, 8))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    vectors = vectors.astype(np.float16)
    unit = vectors.astype(np.float64)
    every = np.einsum("avc,bwc->abvw", unit, unit)
    expected = np.maximum(every[:, :, [0, 1]].max(axis=(2, 3)), every[..., [0, 1]].max(axis=(2, 3)))
    groups = np.arange(90) // 2  # Each image has one that is known to be its copy.
    rows = [0, 5, 88]
    found = list(view_candidates.nearest(vectors, rows, base=(0, 1), groups=groups))
    assert [row for row, _, _ in found] == rows
    for row, others, similarities in found:
        alike = np.where(groups == groups[row], -1, expected[row])
        order = np.argsort(-alike, kind="stable")
        wanted = [n for place, n in enumerate(order[:50]) if alike[n] >= (0.35 if place < 10 else 0.6)]
        assert others.tolist() == wanted
        assert similarities == pytest.approx(alike[wanted], abs=0.01)


def test_components_that_all_photos_share_count_no_more_than_the_others() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(300, 2, 40)).astype(np.float16)
    vectors[..., 0] *= 30  # What most differ in says least about copies.
    vectors[..., 1:] += 2
    found = view_candidates.projected(vectors, (0, 1)).astype(np.float64)
    assert found.shape == (300, 2, 40)
    assert np.linalg.norm(found, axis=2) == pytest.approx(1, abs=0.01)
    flat = found.reshape(-1, 40)
    spread = flat.T @ flat / len(flat)
    assert np.diag(spread) == pytest.approx(1 / 40, abs=0.01)
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 0.01
    few = view_candidates.projected(vectors[:5], (0, 1))  # Too few to know the spread of a component.
    assert few.shape == (5, 2, 40)
    assert view_candidates.projected(vectors[:0], (0, 1)).shape == (0, 2, 40)


@pytest.mark.parametrize("text", ["[]", "[[1, 0, 0]]", '[["a", 0, 0], [0, 1, 0]]', "[[0, 0, 0], [0, 0, 0]]"])
def test_a_matrix_of_a_restored_backup_that_maps_nothing_is_left_out(
    workspace: Workspace, propose: Propose, text: str
) -> None:
    propose((0, 1, "strong"))
    with workspace.transaction() as connection:
        connection.execute("UPDATE duplicate_proposal SET matrix = ?", (text,))
    assert proposals.read(workspace) == []
