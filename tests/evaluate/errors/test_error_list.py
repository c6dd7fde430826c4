"""The list of errors, what speaks for and against each, and the runs that its judgements make out of date."""

from dataclasses import replace

import numpy as np
import pytest

from peakid.curate import class_merges, classes, decisions
from peakid.curate.duplicates import pair_judgements
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.embed import near_classes, neighbours
from peakid.embed.index import build
from peakid.errors import NotFound
from peakid.evaluate import report, score_warnings, scored_images
from peakid.evaluate.errors import error_evidence, error_list, outdated
from peakid.records import Choice
from peakid.run_records import ImportedPredictions
from peakid.store import run_predictions, runs
from tests import planted_embeddings

ANNA = "human:anna"
IMPORTED = ImportedPredictions("another model", "predictions.csv", "0" * 64, True)


def images_of(workspace, run_id, split="valid"):
    return scored_images.load(workspace, runs.show(workspace, run_id), split)


def errors_of(workspace, run_id, split="valid", **options):
    run = runs.show(workspace, run_id)
    return error_list.list_errors(workspace, run, images_of(workspace, run_id, split), **options)


def digests_of(workspace, frozen, split, label):
    items = snapshots.items(workspace, frozen.digest)
    return [item.digest for item in items if (item.split, item.label) == (split, label)]


def add_pair(workspace, one, other):
    with workspace.transaction() as connection:
        ids = sorted(
            connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()[0]
            for digest in (one, other)
        )
        connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 3, 'now')", ids)
    return tuple(ids)


def cross_validated(workspace, frozen, add_run, n_wrong):
    """Add a run that predicts the first images wrongly, each image by the folds without its group."""
    run_id = add_run(frozen, folds=5)
    items = snapshots.items(workspace, frozen.digest)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM prediction WHERE run_id = ?", (run_id,))
        connection.execute("UPDATE run SET state = 'done', best_epoch = NULL WHERE id = ?", (run_id,))
    labels = [item.label for item in items]
    position = {name: n for n, name in enumerate(frozen.class_names)}
    pred_probs = np.full((len(items), 2), 0.1, dtype=np.float32)
    pred_probs[np.arange(len(items)), [position[label] for label in labels]] = 0.9
    pred_probs[:n_wrong] = pred_probs[:n_wrong, ::-1]
    digests = [item.digest for item in items]
    run_predictions.add(workspace, run_id, "cv", digests, pred_probs, labels, is_out_of_sample=True)
    return run_id


def label(workspace, digest, name, **more):
    decisions.decide(workspace, [Choice(digest, "label", name, **more)], actor=ANNA)


def test_the_list_has_the_errors_in_the_order_of_their_queue(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=3)
    found = errors_of(workspace, run_id)
    in_queue = review_queue.page(workspace, review_queue.errors_queue(run_id, "valid"))
    assert [each.digest for each in found] == [item.digest for item in in_queue]
    assert len(found) == 3
    first = found[0]
    assert (first.given_label, first.predicted_label, first.newest_label) == ("river", "sea", "river")
    assert (first.confidence, first.given_probability) == pytest.approx((0.9, 0.1))
    assert first.path.startswith("river/")
    assert (first.nearest, first.train_duplicates, first.is_reviewed) == ((), (), False)
    assert errors_of(workspace, run_id, limit=1) == found[:1]


def test_doubtful_labels_lead_the_list_as_they_lead_the_queue(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=3)
    last = errors_of(workspace, run_id)[-1].digest
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO head_fit VALUES (1, 1, '', 1, 0, 0, 0, 0, 0, 0, '')")
        connection.execute(
            "INSERT INTO suggestion (image_id, suggested_class_id, confidence, given_class_id, label_quality,"
            " is_issue, n_near, n_near_suggested) SELECT s.image_id, s.class_id, .9, s.class_id, .1, 1, 0, 0"
            " FROM image_state s JOIN image i ON i.id = s.image_id WHERE i.digest = ?",
            (last,),
        )
    found = [each.digest for each in errors_of(workspace, run_id)]
    in_queue = review_queue.page(workspace, review_queue.errors_queue(run_id, "valid"))
    assert found == [item.digest for item in in_queue]
    assert found[0] == last


def test_the_most_confident_error_is_first():
    images = scored_images.ScoredImages(
        *(1, "valid", ("a", "b"), ("0", "1", "2", "3"), np.arange(4)),
        *(np.array([0, 0, 1, 0]), np.array([0, 0, 1, 0]), np.zeros(4, bool)),
        *(np.array([False, False, False, True]), np.arange(4)),
        np.array([[0.4, 0.6], [0.1, 0.9], [0.2, 0.8], [0.0, 1.0]], dtype=np.float32),
    )
    assert error_list.order(images).tolist() == [1, 0]  # 2 is right, and 3 also shows the predicted class.


def test_the_nearest_training_images_and_near_duplicates_in_train_are_named(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=1)
    wrong = errors_of(workspace, run_id)[0].digest
    train = digests_of(workspace, frozen, "train", "sea")
    others = {item.digest: (0.0, 1.0, 0.0) for item in snapshots.items(workspace, frozen.digest)}
    features = {**others, wrong: (1.0, 0.0, 0.0), train[3]: (1.0, 0.1, 0.0), train[1]: (1.0, 0.3, 0.0)}
    features[digests_of(workspace, frozen, "valid", "sea")[0]] = (1.0, 0.0, 0.0)  # Not trained on.
    planted_embeddings.plant(workspace, features)
    pair = add_pair(workspace, wrong, train[3])
    [error] = errors_of(workspace, run_id)
    assert [each.digest for each in error.nearest[:2]] == [train[3], train[1]]
    assert error.nearest[0].label == "sea"
    assert error.nearest[1].similarity == pytest.approx(1 / np.sqrt(1.09), abs=1e-3)
    assert error.train_duplicates == (train[3],)
    pair_judgements.judge(workspace, [pair], "different", actor=ANNA)
    assert errors_of(workspace, run_id)[0].train_duplicates == ()


@pytest.fixture
def indexed(workspace, frozen, monkeypatch):
    """Embeddings of all images at random, with an index that is used from four images on."""
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 3)
    random = np.random.default_rng(0)
    items = snapshots.items(workspace, frozen.digest)
    vectors = {item.digest: random.normal(size=8).tolist() for item in items}
    build.build(workspace, planted_embeddings.plant(workspace, vectors).set_id)


@pytest.mark.parametrize("split", ["valid", "cv"])
def test_the_index_finds_the_nearest_training_images_of_comparing_all(
    workspace, frozen, add_run, indexed, monkeypatch, split
):
    n_wrong = 3
    if split == "cv":
        run_id = cross_validated(workspace, frozen, add_run, n_wrong)
    else:
        run_id = add_run(frozen, n_wrong=n_wrong)
    compare = neighbours.nearest
    monkeypatch.setattr(neighbours, "nearest", lambda *_, **__: pytest.fail("all were compared"))
    found = errors_of(workspace, run_id, split)
    monkeypatch.setattr(neighbours, "nearest", compare)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 10_000)
    assert found == errors_of(workspace, run_id, split)
    assert [len(each.nearest) for each in found] == [error_list.N_NEAREST] * n_wrong


def test_the_evidence_of_the_index_is_that_of_comparing_all(workspace, frozen, add_run, indexed, monkeypatch):
    queue = review_queue.errors_queue(add_run(frozen, n_wrong=1), "valid")
    wrong = errors_of(workspace, 1)[0].digest
    compare = neighbours.nearest
    monkeypatch.setattr(neighbours, "nearest", lambda *_, **__: pytest.fail("all were compared"))
    found = error_evidence.explain(workspace, wrong, queue=queue)
    monkeypatch.setattr(neighbours, "nearest", compare)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 10_000)
    assert found == error_evidence.explain(workspace, wrong, queue=queue)
    assert [len(each.images) for each in found.near] == [near_classes.N_SHOWN] * 2


def test_the_evidence_shows_training_images_of_both_classes(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=1)
    queue = review_queue.errors_queue(run_id, "valid")
    wrong = errors_of(workspace, run_id)[0].digest
    train = digests_of(workspace, frozen, "train", "sea")
    assert error_evidence.explain(workspace, wrong, queue=queue).sentences == ("Run 1 predicts sea (90 %).",)
    features = {item.digest: (0.0, 1.0) for item in snapshots.items(workspace, frozen.digest)}
    planted_embeddings.plant(workspace, {**features, wrong: (1.0, 0.0), train[2]: (1.0, 0.1)})
    add_pair(workspace, wrong, train[2])
    found = error_evidence.explain(workspace, wrong, queue=queue)
    assert [(each.class_name, each.role) for each in found.near] == [
        ("sea", "trained-predicted"),
        ("river", "trained-given"),
    ]
    assert found.near[0].images[0].digest == train[2]
    assert "A near duplicate is a training image labelled sea." in found.sentences
    label(workspace, wrong, "river")
    assert (
        "anna has given or confirmed its label."
        in error_evidence.explain(workspace, wrong, queue=queue).sentences
    )


def test_of_a_cross_validated_run_near_duplicates_in_other_groups_are_named(workspace, frozen, add_run):
    items = snapshots.items(workspace, frozen.digest)
    wrong, same_group, other = items[0], items[1], items[2]
    run_id = cross_validated(workspace, frozen, add_run, 1)
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE snapshot_item SET group_key = ? WHERE image_id = (SELECT id FROM image WHERE digest = ?)",
            (wrong.group_key, same_group.digest),
        )
    digests = [item.digest for item in items]
    features = dict.fromkeys(digests, (0.0, 1.0))
    near = {wrong.digest: (1.0, 0.0), same_group.digest: (1.0, 0.05), other.digest: (1.0, 0.1)}
    planted_embeddings.plant(workspace, {**features, **near})
    for each in (same_group, other):
        add_pair(workspace, wrong.digest, each.digest)
    [error] = errors_of(workspace, run_id, "cv")
    assert error.train_duplicates == (other.digest,)  # One group has one fold.
    assert error.nearest[0].digest == other.digest
    assert {wrong.digest, same_group.digest}.isdisjoint(each.digest for each in error.nearest)
    found = error_evidence.explain(workspace, wrong.digest, queue=review_queue.errors_queue(run_id, "cv"))
    named = f"may be a training image of its fold, labelled {other.label}."
    assert [each for each in found.sentences if "near duplicate" in each] == [
        f"A near duplicate in another group {named}"
    ]
    run = runs.show(workspace, run_id)
    scored = report.of_images(workspace, run, images_of(workspace, run_id, "cv"))
    warnings = " ".join(score_warnings.of(workspace, scored, run, n_leaks=3))
    assert "1 pair of near duplicates was found after its snapshot was frozen and may be in diff" in warnings
    assert "in different splits" not in warnings  # Folds keep groups together.
    shown = {image.digest for each in found.near for image in each.images}
    assert other.digest in shown
    assert same_group.digest not in shown


def test_the_evidence_of_a_test_image_is_hidden_until_it_is_judged_there(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=1)
    queue = review_queue.errors_queue(run_id, "test")
    [wrong] = [each.digest for each in errors_of(workspace, run_id, "test")]
    hidden = error_evidence.explain(workspace, wrong, queue=queue)
    assert (hidden.is_hidden, hidden.near, hidden.sentences) == (True, (), (error_evidence.HIDDEN,))
    label(workspace, wrong, "river", basis={"queue": queue})
    assert not error_evidence.explain(workspace, wrong, queue=queue).is_hidden
    with pytest.raises(NotFound):
        error_evidence.explain(workspace, wrong, queue="errors:9:test")


def test_a_changed_label_makes_the_runs_that_used_it_out_of_date(workspace, frozen, add_run):
    add_run(frozen)
    add_run(frozen, folds=5)  # Each image is trained on in turn.
    every = runs.list_runs(workspace)
    assert outdated.outdated(workspace, every) == []
    label(workspace, digests_of(workspace, frozen, "valid", "river")[0], "river")  # Confirmed, not changed.
    assert outdated.outdated(workspace, every) == []
    label(workspace, digests_of(workspace, frozen, "valid", "river")[1], "sea")
    for digest in digests_of(workspace, frozen, "train", "sea")[:2]:
        label(workspace, digest, "river")
    newest, first = outdated.outdated(workspace, every)
    assert first.sentence == (
        "Run 1 was trained on 2 labels that have changed since and is scored against 1 label that has changed"
        " since."
    )
    assert (newest.run_id, newest.n_trained, newest.n_scored) == (2, 3, 3)
    elsewhere = replace(every[1], imported=IMPORTED)  # Its training images are not known.
    assert outdated.outdated(workspace, [elsewhere])[0].n_trained == 0
    for _ in range(3):
        decisions.undo(workspace, actor=ANNA)
    assert outdated.outdated(workspace, every) == []


def test_an_excluded_image_counts_and_a_renamed_or_merged_class_does_not(workspace, frozen, add_run):
    add_run(frozen)
    classes.rename(workspace, "river", "River")
    class_merges.merge(workspace, "sea", "River", actor=ANNA)
    assert outdated.outdated(workspace, runs.list_runs(workspace)) == []
    excluded = digests_of(workspace, frozen, "train", "river")[0]
    decisions.decide(workspace, [Choice(excluded, "exclude", reason="blurred")], actor=ANNA)
    [found] = outdated.outdated(workspace, runs.list_runs(workspace))
    assert found.sentence == "Run 1 was trained on 1 label that has changed since."
