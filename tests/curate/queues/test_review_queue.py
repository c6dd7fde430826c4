import json

import pytest

from peakid.curate import class_merges, classes, decisions, remarks
from peakid.curate.duplicates import pair_judgements
from peakid.curate.queues import queue_plans, review_queue
from peakid.errors import BadInput, NotFound
from peakid.records import Choice

ANNA = "human:anna"


def judge(workspace, digest, label="dom", verdict="label", queue="unreviewed", **more):
    choice = Choice(
        digest, verdict, label if verdict == "label" else None, reason="x", basis={"queue": queue}, **more
    )
    return decisions.decide(workspace, [choice], actor=ANNA)


def names_in(workspace, digests, queue):
    by_digest = {digest: name for name, digest in digests.items()}
    return "".join(by_digest[item.digest] for item in review_queue.page(workspace, queue))


def add_pair(workspace, digests, one, other, kind="near"):
    with workspace.transaction() as connection:
        ids = sorted(
            connection.execute("SELECT id FROM image WHERE digest = ?", (digests[name],)).fetchone()[0]
            for name in (one, other)
        )
        connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, ?, 3, 'now')", (*ids, kind))
    return tuple(ids)


def add_issue(workspace, digests, name, kind, score):
    with workspace.transaction() as connection:
        sql = "INSERT INTO image_issue_score SELECT ?, ?, id FROM image WHERE digest = ?"
        connection.execute(sql, (kind, score, digests[name]))


def test_an_image_leaves_unreviewed_when_a_person_judges_it(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": None})
    assert review_queue.counts(workspace) == {"unreviewed": 3, "flagged": 0, "excluded": 0, "all": 3}
    decisions.decide(workspace, [Choice(digests["a"], "label", "dom")], actor=ANNA)
    decisions.decide(workspace, [Choice(digests["b"], "flag", reason="two peaks")], actor=ANNA)
    assert review_queue.counts(workspace) == {"unreviewed": 1, "flagged": 1, "excluded": 0, "all": 3}
    (waiting,) = review_queue.page(workspace, "unreviewed")
    assert (waiting.digest, waiting.label, waiting.reason) == (digests["c"], None, "no label yet")
    assert review_queue.page(workspace, "flagged")[0].reason == "two peaks"


def test_stored_counts_match_the_images(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": None, "d": "dom"})
    judge(workspace, digests["a"], "eiger")
    judge(workspace, digests["b"], verdict="exclude")
    decisions.undo(workspace, actor=ANNA)
    judge(workspace, digests["d"], verdict="flag")
    counted = "SELECT COALESCE(class_id, 0), verdict, is_reviewed, COUNT(*) FROM image_state GROUP BY 1, 2, 3"
    kept = [
        tuple(row)
        for row in workspace.query("SELECT class_id, verdict, is_reviewed, n FROM state_count WHERE n > 0")
    ]
    assert sorted(kept) == sorted(tuple(row) for row in workspace.query(counted))
    assert [(each.queue, each.n) for each in review_queue.by_class(workspace)] == [
        ("class:dom", 1),
        ("class:eiger", 2),
    ]


def test_pages_neither_repeat_nor_skip_an_image_judged_meanwhile(workspace, plant):
    digests = plant(dict.fromkeys("abcdef", "dom"))
    first = review_queue.page(workspace, "unreviewed", limit=3)
    decisions.decide(workspace, [Choice(first[0].digest, "label", "dom")], actor=ANNA)
    second = review_queue.page(workspace, "unreviewed", limit=3, after=first[-1].cursor)
    assert [item.digest for item in first + second] == [digests[name] for name in "abcdef"]


def test_a_class_queue_has_the_images_of_that_class(workspace, plant):
    digests = plant({"a": "dom", "b": "piz: bernina"})
    assert [item.digest for item in review_queue.page(workspace, "class:piz: bernina")] == [digests["b"]]


def test_a_confusion_cell_is_a_queue_even_for_a_class_with_a_colon(workspace, plant, add_run):
    digests = plant({"a": "dom", "b": "dom"})
    run_id = add_run(digests, ("b", "valid", "dom", "piz: x", 0.75))
    (item,) = review_queue.page(workspace, review_queue.confusion_queue(run_id, "valid", "dom", "piz: x"))
    assert (item.digest, item.score, item.reason) == (digests["b"], 0.75, "run 1 predicts piz: x (75 %)")


def test_near_duplicates_with_two_labels_conflict_until_a_label_is_changed_or_the_pair_is_judged(
    workspace, plant
):
    digests = plant({"a": "dom", "b": "eiger", "c": "dom", "d": "eiger", "e": "dom", "f": "dom"})
    for one, other in ("ab", "cd", "ef"):
        pair = add_pair(workspace, digests, one, other)
    assert names_in(workspace, digests, "conflicts") == "abcd"
    assert review_queue.page(workspace, "conflicts")[0].reason == "a duplicate is labelled eiger"
    judge(workspace, digests["b"], "dom")
    assert names_in(workspace, digests, "conflicts") == "cd"
    decisions.undo(workspace, actor=ANNA)
    assert names_in(workspace, digests, "conflicts") == "abcd"
    judge(workspace, digests["a"], verdict="exclude")
    assert names_in(workspace, digests, "conflicts") == "cd"
    pair = add_pair(workspace, digests, "d", "f")
    pair_judgements.judge(workspace, [pair], "different", actor=ANNA)
    assert names_in(workspace, digests, "conflicts") == "cd"
    step = pair_judgements.judge(workspace, [(3, 4)], "different", actor=ANNA)
    assert names_in(workspace, digests, "conflicts") == ""
    decisions.undo(workspace, actor=ANNA, step_id=step)
    assert names_in(workspace, digests, "conflicts") == "cd"


def test_an_image_found_under_two_labels_conflicts_until_a_person_decides(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
            " VALUES (1, 1, 'zip', 'x/a.jpg', 'eiger', 'now')"
        )
    (item,) = review_queue.page(workspace, "conflicts")
    assert (item.digest, item.reason) == (digests["a"], "also found as eiger")
    judge(workspace, digests["a"])
    assert review_queue.page(workspace, "conflicts") == []


def test_stored_conflicts_match_the_view_of_conflicts(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": None, "d": "dom"})
    add_pair(workspace, digests, "a", "b", "exact")
    add_pair(workspace, digests, "c", "d")
    for act in (
        lambda: judge(workspace, digests["c"], "eiger"),
        lambda: judge(workspace, digests["a"], verdict="flag"),
    ):
        act()
        kept = {tuple(row) for row in workspace.query("SELECT * FROM label_conflict")}
        assert kept == {tuple(row) for row in workspace.query("SELECT * FROM label_conflict_now")}
        assert kept == {(1, 1), (2, 1), (3, 3), (4, 3)}


def test_images_whose_labels_conflict_follow_each_other(workspace, plant):
    digests = plant(dict.fromkeys("aceg", "dom") | dict.fromkeys("bdfh", "eiger"))  # a to h: 1 to 8.
    for pair in ("ad", "be", "cg", "gh"):  # c and g agree, g and h do not.
        add_pair(workspace, digests, *pair)
    by_id = sorted(
        digests, key=lambda name: workspace.one("SELECT id FROM image WHERE digest = ?", (digests[name],))[0]
    )
    found = [item.digest for item in review_queue.page(workspace, "conflicts")]
    shown = "".join(name for digest in found for name in digests if digests[name] == digest)
    assert by_id == list("acegbdfh")
    assert shown == "adebgh"
    cursor = review_queue.page(workspace, "conflicts", limit=3)[-1].cursor
    rest = [item.digest for item in review_queue.page(workspace, "conflicts", after=cursor)]
    assert rest == found[3:]


def test_disagreements_of_the_newest_finished_run_are_listed_by_confidence(workspace, plant, add_run):
    digests = plant(dict.fromkeys("abcdef", "dom") | {"g": "eiger"})
    add_run(digests, ("f", "valid", "dom", "eiger", 0.9))
    add_run(
        digests,
        ("a", "valid", "dom", "eiger", 0.4),
        ("b", "valid", "dom", "eiger", 0.8),
        ("c", "valid", "dom", "dom", 0.45),
        ("d", "train", "dom", "eiger", 0.99),  # A training image.
        ("g", "valid", "eiger", "dom", 0.7),
    )
    add_run(digests, ("e", "valid", "dom", "eiger", 0.9), state="failed")
    assert names_in(workspace, digests, "model-disagrees") == "bga"
    assert names_in(workspace, digests, "uncertain") == "ac"  # Confidence below .5.
    assert review_queue.page(workspace, "model-disagrees")[0].reason == "run 2 predicts eiger (80 %)"
    judge(workspace, digests["b"], "dom", queue="model-disagrees")  # The label was right.
    judge(workspace, digests["a"], "eiger")  # The model was right.
    assert names_in(workspace, digests, "model-disagrees") == "g"


def test_a_prediction_as_a_class_that_was_merged_with_the_label_is_no_disagreement(workspace, plant, add_run):
    digests = plant({"a": "dom", "b": "eiger", "c": "lyskamm"})
    add_run(
        digests,
        ("a", "valid", "dom", "eiger", 0.8),
        ("b", "valid", "eiger", "dom", 0.7),
        ("c", "valid", "lyskamm", "dom", 0.6),
    )
    assert names_in(workspace, digests, "model-disagrees") == "abc"
    class_merges.merge(workspace, "dom", "eiger", actor="human:anna")
    assert names_in(workspace, digests, "model-disagrees") == "c"
    assert names_in(workspace, digests, "errors:1:valid") == "c"
    class_merges.merge(workspace, "eiger", "lyskamm", actor="human:anna")  # With dom, by way of eiger.
    assert names_in(workspace, digests, "model-disagrees") == ""
    assert names_in(workspace, digests, "errors:1:valid") == ""


def test_predictions_for_test_images_are_hidden_and_judging_them_is_marked(workspace, plant, add_run):
    digests = plant({"a": "dom", "b": "dom", "c": "eiger", "d": "eiger", "e": "eiger"})
    add_run(
        digests,
        ("e", "test", "eiger", "eiger", 0.9),
        ("a", "test", "dom", "eiger", 0.4),
        ("b", "valid", "dom", "eiger", 0.8),
        ("d", "test", "eiger", "eiger", 0.3),
    )
    cell = review_queue.confusion_queue(1, "test", "dom", "eiger")
    for queue in ("model-disagrees", "uncertain", "worth", cell):
        hidden = next(item for item in review_queue.page(workspace, queue) if item.digest == digests["a"])
        assert hidden.score is None
        assert "eiger" not in hidden.reason
        assert hidden.reason == "test image: the prediction of run 1 is hidden until you judge it"
    for name, queue in (
        ("a", "unreviewed"),
        ("a", "worth"),
        ("d", "worth"),
        ("e", "worth"),
        ("d", "uncertain"),
        ("b", "model-disagrees"),
        ("a", cell),
    ):
        judge(workspace, digests[name], "dom", queue=queue)
    rows = workspace.query("SELECT basis FROM decision WHERE actor = ? ORDER BY id", (ANNA,))
    # A model is unsure of d, but did not choose e for "worth"; b is no test image, and marked all the same.
    assert [json.loads(row["basis"]).get("model_ranked", False) for row in rows] == [
        False,
        True,
        True,
        False,
        True,
        True,
        True,
    ]
    shown = review_queue.page(workspace, cell)[0]
    assert (shown.score, shown.reason) == (0.4, "run 1 predicts eiger (40 %)")


def test_the_newest_run_is_looked_up_once_for_a_decision_about_many_images(workspace, plant, add_run):
    digests = plant({"a": "dom", "b": "dom", "c": "dom"})
    add_run(digests, *((name, "test", "dom", "eiger", 0.8) for name in "abc"))
    choices = [Choice(each, "flag", basis={"queue": "model-disagrees"}) for each in digests.values()]
    statements: list[str] = []
    workspace.connection().set_trace_callback(statements.append)
    step = decisions.decide(workspace, choices, actor=ANNA)
    workspace.connection().set_trace_callback(None)
    assert step.n_images == 3
    assert sum("INDEXED BY run_done" in each for each in statements) == 1


def test_worth_has_each_image_once_and_conflicts_first(workspace, plant, add_run):
    digests = plant(dict.fromkeys("abcdefgh", "dom") | {"i": "eiger"})
    add_pair(workspace, digests, "a", "i")
    add_run(
        digests,
        ("a", "valid", "dom", "eiger", 0.9),
        ("b", "valid", "dom", "eiger", 0.8),
        ("h", "valid", "dom", "eiger", 0.7),
    )
    for name, kind, score in (
        ("i", "dark", 0.1),
        ("b", "dark", 0.1),
        ("c", "dark", 0.2),
        ("d", "dark", 0.1),
        ("d", "blurry", 0.01),
    ):
        add_issue(workspace, digests, name, kind, score)
    add_issue(workspace, digests, "e", "blurry", 0.02)
    add_issue(workspace, digests, "f", "blurry", 0.2)  # Above the threshold of .14.
    add_issue(workspace, digests, "g", "dark", 0.01)
    judge(workspace, digests["g"], "dom")  # Reviewed.
    judge(workspace, digests["h"], "dom")
    assert names_in(workspace, digests, "worth") == "ai" + "b" + "dc" + "e"
    assert review_queue.count(workspace, "worth") == 6
    paged, after = [], None
    while page := review_queue.page(workspace, "worth", limit=1, after=after):
        paged, after = paged + page, page[-1].cursor
        judge(workspace, page[0].digest, page[0].label, queue="worth")  # Judging does not move other images.
    assert [item.digest for item in paged] == [digests[name] for name in "aibdce"]
    assert review_queue.page(workspace, "worth") == []
    assert review_queue.first_offered(workspace) == "unreviewed"
    decisions.undo(workspace, actor=ANNA)
    assert review_queue.first_offered(workspace) == "worth"
    assert [each.queue for each in review_queue.offered(workspace)][:2] == ["worth", "unreviewed"]


def test_a_sample_stays_the_same_when_images_arrive(workspace, plant, monkeypatch):
    monkeypatch.setattr(queue_plans, "SAMPLE_SIZE", 5)
    plant({f"image {n}": "dom" for n in range(20)})
    first, other = (
        [item.digest for item in review_queue.page(workspace, queue)] for queue in ("sample", "sample:1")
    )
    assert len(set(first)) == 5
    assert first != other
    assert [item.digest for item in review_queue.page(workspace, "sample")] == first
    assert {item.reason for item in review_queue.page(workspace, "sample")} == {"random sample"}
    judge(workspace, first[0], queue="unreviewed")  # Reviewed and unreviewed alike.
    assert [item.digest for item in review_queue.page(workspace, "sample")] == first
    judge(workspace, first[0], queue="sample")
    assert [item.digest for item in review_queue.page(workspace, "sample")] == first[1:]
    last = [
        item.digest
        for item in review_queue.page(
            workspace, "sample", limit=2, after=review_queue.page(workspace, "sample", limit=2)[-1].cursor
        )
    ]
    assert last == first[3:]


def test_the_sample_of_a_small_workspace_has_all_images(workspace, plant):
    digests = plant(dict.fromkeys("abc", "dom"))
    assert {item.digest for item in review_queue.page(workspace, "sample")} == set(digests.values())


def test_recent_has_the_decisions_of_people_newest_first(workspace, plant):
    digests = plant(dict.fromkeys("abc", "dom"))
    judge(workspace, digests["b"])
    judge(workspace, digests["a"], verdict="exclude")
    assert names_in(workspace, digests, "recent") == "ab"
    assert review_queue.page(workspace, "recent")[0].reason.startswith("excluded by anna, 20")


def test_an_item_has_tags_note_and_origin(workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO origin (image_id, acquisition_id, source, path, created_at)"
            " VALUES (1, 1, 'csv', 'https://example.org/a', 'now')"
        )
    remarks.tag(workspace, [digests["a"]], "snow", actor=ANNA)
    remarks.note(workspace, digests["a"], "two peaks", actor=ANNA)
    remarks.also(workspace, digests["a"], "eiger", actor=ANNA)
    first, second = review_queue.page(workspace, "all")
    assert (first.tags, first.note, first.also_shows, first.origin_url) == (
        ("snow",),
        "two peaks",
        ("eiger",),
        "https://example.org/a",
    )
    assert (second.tags, second.note, second.also_shows, second.origin_url) == ((), None, (), None)


@pytest.mark.parametrize(
    "name", ["", "unreviewd", "class:", "confusion:1:valid", "worth:more", "issue", "issue:ugly"]
)
def test_an_unknown_queue_is_an_error_that_lists_the_queues(workspace, name):
    with pytest.raises(NotFound):
        review_queue.page(workspace, name)


@pytest.mark.parametrize("after", ["nonsense", "1~2~3~4", "99~1", "-1~2", "[]", '"x', "~", ""])
def test_an_invalid_cursor_returns_the_first_page(workspace, plant, after):
    plant({"a": "dom"})
    assert len(review_queue.page(workspace, "unreviewed", after=after)) == 1


def test_classes_keep_their_key_order_when_renamed_and_retired(workspace, plant):
    plant({"a": "dom", "b": "eiger", "c": "monch"})
    classes.rename(workspace, "monch", "moench")
    classes.retire(workspace, "eiger")
    assert classes.names(workspace) == ["dom", "moench"]
    classes.add(workspace, "eiger")
    assert classes.names(workspace) == ["dom", "eiger", "moench"]
    with pytest.raises(BadInput, match="already"):
        classes.rename(workspace, "dom", "eiger")
    with pytest.raises(BadInput, match="cannot be a class name"):
        classes.add(workspace, "  ")
    assert review_queue.page(workspace, "class:moench")[0].label == "moench"
