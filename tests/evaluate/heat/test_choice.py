import numpy as np

from peakid.evaluate.heat import choice
from peakid.evaluate.scored_images import ScoredImages


def scored(rows, class_names=("dom", "eiger", "weisshorn")):
    """Images from (given, predicted, confidence, group)."""
    n, k = len(rows), len(class_names)
    pred_probs = np.zeros((n, k), dtype=np.float32)
    for row, (_, predicted, confidence, _) in enumerate(rows):
        pred_probs[row] = (1 - confidence) / (k - 1)
        pred_probs[row, predicted] = confidence
    given = np.array([row[0] for row in rows], dtype=np.int32)
    return ScoredImages(
        run_id=1,
        split="valid",
        class_names=class_names,
        digests=tuple(f"{n:064x}" for n in range(n)),
        image_ids=np.arange(n),
        given=given,
        newest=given,
        is_reviewed=np.zeros(n, dtype=bool),
        also_shows=np.zeros(n, dtype=bool),
        groups=np.array([row[3] for row in rows]),
        pred_probs=pred_probs,
    )


def test_the_most_confident_errors_come_first_then_every_class_in_turn():
    images = scored(
        [
            (0, 1, 0.6, 0),  # 0: an error
            (0, 0, 0.9, 1),
            (0, 0, 0.9, 2),
            (1, 0, 0.9, 3),  # 3: a worse error
            (1, 1, 0.9, 4),
            (2, 2, 0.9, 5),
        ]
    )
    assert choice.choose(images, 10).tolist() == [3, 0, 1, 4, 5, 2]
    assert choice.classes_of(images, 3) == [0, 1]
    assert choice.classes_of(images, 5) == [2]


def test_half_of_the_places_are_for_right_images_and_what_is_left_is_used():
    many_errors = scored([(0, 1, 0.9, n) for n in range(8)] + [(0, 0, 0.9, 10), (1, 1, 0.9, 11)])
    assert (choice.choose(many_errors, 4) < 8).sum() == 2
    assert (choice.choose(many_errors, 8) < 8).sum() == 6  # There are only two right ones.
    assert len(choice.choose(many_errors, 100)) == 10


def test_a_larger_limit_keeps_what_a_smaller_one_chose():
    rng = np.random.default_rng(0)
    images = scored([(int(a), int(b), 0.9, n) for n, (a, b) in enumerate(rng.integers(0, 3, (60, 2)))])
    chosen = [set(choice.choose(images, limit).tolist()) for limit in (6, 12, 40)]
    assert chosen[0] < chosen[1] < chosen[2]


def test_of_near_duplicates_one_is_chosen_before_the_second_of_any():
    images = scored([(0, 0, 0.9, 7), (0, 0, 0.9, 7), (0, 0, 0.9, 8)])
    assert choice.choose(images, 2).tolist() == [0, 2]
