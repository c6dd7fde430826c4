"""Two or more runs on the same images: what is compared, what is left out, and what the report says."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.evaluate.comparing import common_images, compare, compare_text, needed, pairs
from peakid.evaluate.comparing.common_images import CommonImages
from peakid.evaluate.comparing.pairs import Difference
from peakid.records import Choice
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace

ANNA = "human:anna"
TRUTH = {**{f"d{i}": "dom" for i in range(6)}, **{f"e{i}": "eiger" for i in range(4)}}
Train = Callable[..., int]


@pytest.fixture
def digests(plant: Callable[..., dict[str, str]]) -> dict[str, str]:
    return plant(TRUTH)


@pytest.fixture
def train(workspace: Workspace, digests: dict[str, str]) -> Train:
    """Add a run: `train({"d0": "eiger"})` is right about all of validation but d0."""

    def trained(
        wrong: Mapping[str, str] | None = None,
        *,
        trained_on: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        class_names: tuple[str, ...] = ("dom", "eiger"),
    ) -> int:
        frozen = snapshot.create(workspace, actor=ANNA)
        facts = {"job_id": None, "recipe": {}, "seed": 0, "code_version": "1", "libraries": {}}
        run_id = runs.create(
            workspace, snapshot_id=frozen.snapshot_id, class_names=list(class_names), **facts
        )
        answers = {**TRUTH, **(wrong or {})}
        for split, names in {
            "train": trained_on,
            "valid": [name for name in TRUTH if name not in (*trained_on, *without)],
        }.items():
            pred_probs = np.array(
                [[0.9 if name == answers[each] else 0.1 for name in class_names] for each in names]
            ).reshape(len(names), len(class_names))
            run_predictions.add(
                *(workspace, run_id, split, [digests[each] for each in names], pred_probs),
                [TRUTH[each] for each in names],
                is_out_of_sample=split != "train",
            )
        runs.finish(workspace, run_id, "done")
        return run_id

    return trained


def made(rights: list[str], groups: list[int] | None = None) -> CommonImages:
    """Return images of one class from strings such as "110": which of them each run is right about."""
    is_right = np.array([[char == "1" for char in each] for each in rights])
    n = is_right.shape[1]
    return CommonImages(
        run_ids=tuple(range(1, len(rights) + 1)),
        split="valid",
        class_names=("dom",),
        only_some_know=(),
        image_ids=np.arange(n),
        newest=np.zeros(n, dtype=np.int32),
        predicted=np.where(is_right, 0, -1).astype(np.int32),
        is_right=is_right,
        groups=np.arange(n) if groups is None else np.array(groups),
    )


def test_three_runs_are_compared_on_the_images_of_all(workspace: Workspace, train: Train) -> None:
    ids = [train({"d0": "eiger", "d1": "eiger"}), train({"d0": "eiger"}, without=("e3",)), train()]
    found = compare.compare_runs(workspace, ids, actor=ANNA)
    assert (found.n_common, [each.n_right for each in found.accuracies]) == (9, [7, 8, 9])
    assert [(each.a, each.b) for each in found.differences] == [(1, 2), (1, 3), (2, 3)]
    # By image: d0 001, d1 011, the others 111.
    # Q = 2 (3 x (49 + 64 + 81) - 24^2) / (3 x 24 - (1 + 4 + 63)) = 3
    assert found.overall is not None
    assert found.overall.q == pytest.approx(3.0)
    document = found.to_json()
    assert document["left_out"]["n_not_scored"] == 1
    assert document["differences"][1]["p_corrected"] == 1.0  # .5 x 3, at most 1.
    assert "Cochran's Q = 3.0 with 2 degrees of freedom" in compare_text.overall(found)


def test_images_that_one_of_the_runs_was_trained_on_are_left_out_and_counted(
    workspace: Workspace, train: Train, digests: dict[str, str]
) -> None:
    a, b = train(trained_on=("d0", "d1")), train({"d0": "eiger"}, trained_on=("e0",))
    decisions.decide(workspace, [Choice(digests["d5"], "exclude", reason="a map")], actor=ANNA)
    found = compare.compare_runs(workspace, [a, b], actor=ANNA)
    assert (found.n_common, found.left_out.n_trained_on, found.left_out.n_no_label) == (6, 3, 1)
    text = compare_text.left_out(found)
    assert text == "Left out: 3 that a run was trained on, 1 excluded, flagged or without a label now."


def test_runs_of_different_classes_are_compared_on_those_that_both_know(
    workspace: Workspace, train: Train
) -> None:
    a, b = train(), train({"e0": "mönch"}, class_names=("dom", "mönch"))
    found = compare.compare_runs(workspace, [a, b], actor=ANNA)
    assert (found.class_names, found.n_common, found.left_out.n_other_class) == (("dom",), 6, 4)
    assert "Not every run knows eiger" in compare_text.left_out(found)


def test_the_change_of_each_class_is_corrected_for_their_number(workspace: Workspace, train: Train) -> None:
    a, b = train({f"d{i}": "eiger" for i in range(6)}), train({"e0": "dom"})
    dom, eiger = compare.compare_runs(workspace, [a, b], actor=ANNA).by_class
    assert (dom.class_name, dom.change.n_only_b, dom.change.n_images) == ("dom", 6, 6)
    assert dom.change.p == pytest.approx(2 / 2**6)  # All six in one direction, two-sided.
    assert dom.change.p_corrected == pytest.approx(4 / 2**6)  # Of two classes.
    assert (eiger.change.n_only_a, eiger.change.p_corrected) == (1, 1.0)


def test_near_duplicates_count_once(workspace: Workspace) -> None:
    rights = ["1" * 10 + "0" * 8, "1" * 18]
    apart = compare.of_images(made(rights)).differences[0]
    together = compare.of_images(made(rights, [*range(10), *[10] * 8]))
    assert apart.p == pytest.approx(2 / 2**8)
    assert together.differences[0].p == 1.0  # Eight pictures of one scene: one change.
    assert "18 images in 11 groups" in compare_text.duplicates(together)
    assert compare_text.duplicates(compare.of_images(made(rights))) == ""


def test_a_difference_that_is_not_established_says_how_many_images_would_settle_it() -> None:
    found = compare.of_images(made(["1" * 85 + "0" * 3 + "1" * 2 + "0" * 10, "1" * 88 + "0" * 12]))
    pair, missing = found.differences[0], found.needed[0]
    assert (pair.n_only_a, pair.n_only_b, pair.is_real) == (2, 3, False)
    assert missing is not None
    # 6 of 102 differ: (1.96 sqrt(.0588) + .8416 sqrt(.0588 - .0001))^2 / .0001 = 4,614; 100 are there.
    assert missing.n_more == pytest.approx(4_514, abs=30)
    text = compare_text.unsettled(missing, "valid")
    assert text.startswith("No difference established; some 4,600 more validation images would settle it")
    assert "if the true difference is the +1.0 points seen here" in text
    assert f"about {needed.rounded(missing.n_more_at_best or 0):,} would do" in text
    established = compare.of_images(made(["0" * 9 + "1", "1" * 10]))
    assert (established.differences[0].is_real, established.needed[0]) == (True, None)


def test_equal_runs_are_said_never_to_be_settled_perhaps() -> None:
    found = compare.of_images(made(["1" * 20, "1" * 20]))
    assert found.needed[0] is not None
    assert found.needed[0].n_more is None
    assert "may never settle it" in compare_text.unsettled(found.needed[0], "test")


@pytest.mark.parametrize("ids", [(), (1,), tuple(range(9))])
def test_the_number_of_runs_is_checked(workspace: Workspace, ids: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="cannot be compared"):
        compare.compare_runs(workspace, ids, actor=ANNA)


def test_pairs_of_several_runs_are_corrected_by_holm() -> None:
    images = made(["1" * 20, "0" * 9 + "1" * 11, "0" * 8 + "1" * 12])
    by_pair = {(each.a, each.b): each for each in pairs.all_pairs(images)}
    assert by_pair[1, 2].p_corrected == pytest.approx(3 * 2 / 2**9)
    assert by_pair[1, 3].p_corrected == pytest.approx(2 * 2 / 2**8)
    assert by_pair[2, 3].p_corrected == 1.0


def test_the_command_prints_the_table_the_pairs_and_the_queues(
    peakid, workspace: Workspace, train: Train
) -> None:
    a, b, c = train({"d0": "eiger"}), train(), train({"e0": "dom"})
    text = peakid("compare", a, b).out
    assert "On 10 validation images that all runs scored" in text
    assert "Run 2 minus run 1: +10.0 points" in text
    assert "not significant (p = 1.00)" in text
    assert "more validation images would settle it" in text
    assert "won:1:2:valid and won:2:1:valid" in text
    several = peakid("compare", a, b, c)
    assert "corrected by Holm" in several.out
    document = peakid("compare", a, b, "--json").json
    assert {"a", "b", "n_common", "accuracy", "mcnemar_p", "difference_interval", "snapshot_diff"} <= set(
        document
    )
    assert document["by_class"][0]["class_name"] == "dom"
    assert [row["digest"] for row in peakid("queue", "won:1:2:valid", "--json").json]


def test_common_images_are_ordered_by_their_id(workspace: Workspace, train: Train) -> None:
    compared = [runs.show(workspace, train()), runs.show(workspace, train({"d2": "eiger"}))]
    images = common_images.load(workspace, compared, "valid")
    assert images.image_ids.tolist() == sorted(images.image_ids.tolist())
    assert images.predicted[1].tolist().count(images.class_names.index("eiger")) == 5
    assert images.is_right.sum(axis=1).tolist() == [10, 9]


@pytest.mark.parametrize("rights", [["1", "0"], ["1", "1"], ["0", "0"], ["000", "000"]])
def test_one_image_and_runs_that_are_never_right_have_a_report(rights: list[str]) -> None:
    found = compare.of_images(made(rights))
    low, high = found.differences[0].interval
    assert -1 <= low <= 0 <= high <= 1
    assert not found.differences[0].is_real
    assert found.needed[0] is not None
    assert compare_text.unsettled(found.needed[0], "valid").startswith("No difference established")
    assert compare.of_images(made([*rights, rights[0]])).overall is not None


def test_a_difference_is_that_of_the_counted_images():
    found = Difference(1, 2, 6000, 4835 / 6000, 4880 / 6000, 917, 962, (-0.007, 0.022), 0.3, 0.3)
    assert found.difference == 0.0075  # The shares give 0.00749999..., which is rounded to +0.7 points.
