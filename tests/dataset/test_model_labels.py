"""Labels that a model gave are trained on and never scored."""

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.records import Choice
from peakid.store import decision_log

ANNA = "human:anna"


@pytest.fixture
def accept(workspace):
    """Give images a label by the model: `accept(digests, "dom")`."""

    def accepted(digests, label):
        with workspace.transaction() as connection:
            step_id = decision_log.new_step(connection, actor=ANNA, kind="decide")
            for digest in digests:
                decision_log.append(
                    connection,
                    step_id=step_id,
                    image_id=connection.execute(
                        "SELECT id FROM image WHERE digest = ?", (digest,)
                    ).fetchone()[0],
                    verdict="label",
                    class_id=decision_log.class_id(connection, label),
                    is_reviewed=False,
                    actor="model:head",
                )

    return accepted


def splits_of(workspace):
    return {item.digest: item.split for item in snapshot.items(workspace)}


def people(n=40):
    return {f"p{i:02d}": "dom" if i % 2 else "eiger" for i in range(n)}


def test_accepted_suggestions_go_to_train_and_leave_the_shares_of_the_others_alone(workspace, plant, accept):
    plant(people())
    alone = snapshot.create(workspace, actor=ANNA).splits
    accepted = plant({f"m{i:03d}": None for i in range(200)})
    accept(accepted.values(), "dom")
    made = snapshot.create(workspace, actor=ANNA)
    assert made.splits == {**alone, "train": alone["train"] + 200}
    assert {splits_of(workspace)[digest] for digest in accepted.values()} == {"train"}
    assert snapshot.warnings(workspace, made) == [
        "200 labels in train were given by a model and not reviewed: trained on, never scored."
    ]


def test_the_label_of_a_model_on_a_test_image_is_left_out(workspace, plant, accept):
    digests = plant(people())
    first = snapshot.create(workspace, actor=ANNA)
    of_test = [digest for digest, split in splits_of(workspace).items() if split == "test"]
    accept(of_test[:2], "dom")
    made = snapshot.create(workspace, actor=ANNA)
    assert made.splits["test"] == first.splits["test"] - 2
    assert not set(of_test[:2]) & set(splits_of(workspace))
    assert len(splits_of(workspace)) == len(digests) - 2
    assert (
        "2 in valid and test are left out until a person labels them."
        in snapshot.warnings(workspace, made)[-1]
    )


def test_a_label_that_a_person_confirms_is_scored_again(workspace, plant, accept, judge_as):
    plant(people())
    first = snapshot.create(workspace, actor=ANNA)
    of_test = [digest for digest, split in splits_of(workspace).items() if split == "test"]
    accept(of_test[:1], "dom")
    judge_as(of_test[0], "dom")
    assert snapshot.create(workspace, actor=ANNA).splits == first.splits
    assert splits_of(workspace)[of_test[0]] == "test"


@pytest.fixture
def judge_as(workspace):
    return lambda digest, label: decisions.decide(workspace, [Choice(digest, "label", label)], actor=ANNA)


def test_a_near_duplicate_of_a_test_image_is_not_trained_on_because_a_model_labelled_it(
    workspace, plant, accept
):
    plant(people())
    snapshot.create(workspace, actor=ANNA)
    of_test = [digest for digest, split in splits_of(workspace).items() if split == "test"]
    twin = plant({"twin": None})["twin"]
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO duplicate_pair SELECT MIN(id), MAX(id), 'exact', 0, '' FROM image"
            " WHERE digest IN (?, ?)",
            (of_test[0], twin),
        )
    accept([twin], "dom")
    snapshot.create(workspace, actor=ANNA)
    assert twin not in splits_of(workspace)
    assert splits_of(workspace)[of_test[0]] == "test"
