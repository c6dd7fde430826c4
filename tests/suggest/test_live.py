"""The live head: its queues, what a judgement changes, and what is written."""

import numpy as np
import pytest

from peakid.curate import classes, decisions
from peakid.curate.queues import review_queue
from peakid.embed import averaged, neighbours, stored
from peakid.embed.index import build
from peakid.keep import forget
from peakid.records import Choice
from peakid.suggest import fitted, groups, live
from peakid.suggest.live import Live

ANNA = "human:anna"


def names(workspace, digests, queue):
    by_digest = {digest: name for name, digest in digests.items()}
    return [by_digest[item.digest] for item in review_queue.page(workspace, queue)]


def judge(workspace, digest, label, queue="label-issues"):
    return decisions.decide(workspace, [Choice(digest, "label", label, basis={"queue": queue})], actor=ANNA)


def test_wrong_labels_are_issues_with_the_suggested_class_and_the_reason(workspace, flipped):
    digests, _truth = flipped
    Live(workspace).refresh()
    issues = review_queue.page(workspace, "label-issues")
    assert sorted(names(workspace, digests, "label-issues")) == ["dom 03", "eiger 05"]
    assert [item.score for item in issues] == sorted(item.score for item in issues)
    by_digest = {item.digest: item for item in issues}
    wrong = by_digest[digests["dom 03"]]
    assert wrong.predicted == "dom"
    assert wrong.reason.startswith("looks like dom (")
    assert wrong.reason.endswith("%), 5 of 5 nearest images are dom")


def test_images_without_a_label_get_suggestions_the_most_likely_first(workspace, flipped):
    digests, _truth = flipped
    Live(workspace).refresh()
    found = review_queue.page(workspace, "suggestions")
    assert {item.digest: item.predicted for item in found} == {
        digests["jungfrau 00"]: "jungfrau",
        digests["dom 11"]: "dom",
    }
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)


def test_a_judged_label_is_not_an_issue_again_unless_asked_and_stays_as_evidence(workspace, flipped):
    digests, _ = flipped
    head = Live(workspace)
    head.refresh()
    judge(workspace, digests["dom 03"], "eiger")  # A person insists on what the head doubts.
    head.refresh()
    assert names(workspace, digests, "label-issues") == ["eiger 05"]
    assert sorted(names(workspace, digests, "label-issues:all")) == ["dom 03", "eiger 05"]
    judge(workspace, digests["dom 03"], "eiger", "label-issues:all")  # Asked again, and judged again.
    assert names(workspace, digests, "label-issues:all") == ["eiger 05"]
    assert workspace.one("SELECT n_labelled FROM head_fit")[0] == 34


def test_a_correction_leaves_the_queue_at_once_and_the_next_fit_knows_it(workspace, flipped):
    digests, _ = flipped
    head = Live(workspace)
    first = head.refresh()
    assert not head.is_outdated()
    judge(workspace, digests["dom 03"], "dom")
    assert names(workspace, digests, "label-issues") == ["eiger 05"]  # Before the head was fitted again.
    assert head.is_outdated()
    second = head.refresh()
    assert second.number > first.number
    assert second.decision_id > first.decision_id
    assert second.n_issues == first.n_issues - 1


def test_new_embeddings_retired_classes_and_judged_pairs_make_a_fit_outdated(
    workspace, flipped, plant, embed_as
):
    head = Live(workspace)
    head.refresh()
    (known,) = stored.sets(workspace)
    digests = plant({"late": "dom"})
    assert head.refresh().n_images == 36
    image_id = workspace.one("SELECT id FROM image WHERE digest = ?", (digests["late"],))[0]
    stored.add(workspace, known.set_id, [image_id], np.ones((1, known.n_dimensions)))
    assert head.is_outdated()
    assert head.refresh(is_rebuilt=False).n_images == 36
    assert head.is_outdated()  # It does not have the new image yet.
    assert head.refresh().n_images == 37
    assert not head.is_outdated()
    classes.retire(workspace, "jungfrau")
    assert head.is_outdated()
    assert head.refresh().n_classes == 2


@pytest.fixture
def means(workspace, flipped):
    """Embed the images of `flipped` by means that put `dom 03` with eiger, as its label says."""
    digests, _truth = flipped
    (known,) = stored.sets(workspace)
    key = {"size_px": known.size_px, "weights_sha256": known.weights_sha256, "n_dimensions": 3}
    made = stored.create(workspace, averaged.name(known.backbone, 2), n_views=2, **key)
    names_of = {digest: name for name, digest in digests.items()}
    shown = [names_of[digest] for _, digest in stored.missing(workspace, made.set_id)]
    shown = ["eiger" if name == "dom 03" else name.split()[0] for name in shown]
    noise = np.random.default_rng(0).normal(0, 0.1, (len(shown), 3))
    rows = np.array([np.eye(3)[["dom", "eiger", "jungfrau"].index(name)] for name in shown]) + noise
    return made, [image_id for image_id, _ in stored.missing(workspace, made.set_id)], rows


def test_the_head_learns_from_means_over_several_views_once_all_images_have_one(workspace, flipped, means):
    digests, _truth = flipped
    made, ids, rows = means
    head = Live(workspace)
    head.refresh()
    stored.add(workspace, made.set_id, ids[:-1], rows[:-1])
    assert not head.is_outdated()  # It changes once, not with each part that is computed.
    assert "dom 03" in names(workspace, digests, "label-issues")
    stored.add(workspace, made.set_id, ids[-1:], rows[-1:])
    assert head.is_outdated()
    assert head.refresh().set_id == made.set_id
    assert names(workspace, digests, "label-issues") == ["eiger 05"]
    assert not head.is_outdated()


def test_nearest_images_are_found_by_the_embeddings_that_searches_use(workspace, flipped, means, monkeypatch):
    digests, _truth = flipped
    made, ids, rows = means
    stored.add(workspace, made.set_id, ids, rows)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 1)  # As with too many images to compare all.
    Live(workspace).refresh()
    (wrong,) = review_queue.page(workspace, "label-issues")
    assert (wrong.digest, wrong.predicted) == (digests["eiger 05"], "eiger")
    assert wrong.reason.endswith("%), 5 of 5 nearest images are eiger")


def test_only_rows_that_changed_visibly_are_written(workspace, flipped):
    digests, _ = flipped
    head = Live(workspace)
    head.refresh()
    workspace.connection().execute("CREATE TEMP TABLE written (image_id INTEGER)")
    workspace.connection().execute(
        "CREATE TEMP TRIGGER noted AFTER UPDATE ON suggestion"
        " BEGIN INSERT INTO written VALUES (new.image_id); END"
    )
    head.refresh()
    assert workspace.one("SELECT COUNT(*) FROM written")[0] == 0
    Live(workspace).refresh()  # Another process knows what is stored, too.
    assert workspace.one("SELECT COUNT(*) FROM written")[0] == 0
    judge(workspace, digests["dom 03"], "dom")
    head.refresh()
    assert workspace.one("SELECT COUNT(*) FROM written")[0] > 0


def test_without_embeddings_or_two_classes_there_is_nothing_to_suggest(workspace, plant, embed_as):
    assert Live(workspace).refresh() is None
    digests = plant({"a": "dom", "b": "dom", "c": None})
    embed_as(digests, dict.fromkeys("abc", "dom"))
    assert Live(workspace).refresh() is None
    assert review_queue.page(workspace, "suggestions") == []


def test_excluded_and_forgotten_images_have_no_suggestion(workspace, flipped):
    digests, _ = flipped
    head = Live(workspace)
    head.refresh()
    decisions.decide(workspace, [Choice(digests["dom 03"], "exclude", reason="blurred")], actor=ANNA)
    forget.forget(workspace, digests["eiger 05"], actor=ANNA)
    head.refresh()
    assert workspace.one("SELECT COUNT(*) FROM suggestion")[0] == 34
    assert names(workspace, digests, "label-issues:all") == []


def test_a_forgotten_image_gets_no_row_from_a_head_that_still_knows_it(workspace, flipped):
    digests, _ = flipped
    head = Live(workspace)
    head.refresh()
    rows, written = fitted.read_rows(workspace, head._ids), fitted.Rows.none_of(head._ids)
    forget.forget(workspace, digests["dom 03"], actor=ANNA)
    fitted.write(workspace, rows, written, fitted.read_fit(workspace))
    assert workspace.one("SELECT COUNT(*) FROM suggestion")[0] == 35


@pytest.mark.parametrize("queue", ["label-issues", "worth"])
def test_the_suggestion_for_a_test_image_is_hidden_until_it_is_judged_and_the_judgement_is_marked(
    workspace, flipped, queue
):
    digests, _ = flipped
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    with workspace.transaction() as connection:
        for name, split in (("dom 03", "test"), ("eiger 05", "train")):
            connection.execute("INSERT INTO split_assignment VALUES (0, ?, ?)", (ids[digests[name]], split))
    Live(workspace).refresh()
    shown = {item.digest: item for item in review_queue.page(workspace, queue)}
    hidden = shown[digests["dom 03"]]
    assert (hidden.predicted, hidden.score) == (None, None)
    assert hidden.reason == "test image: the suggestion is hidden until you judge it"
    assert shown[digests["eiger 05"]].predicted == "eiger"
    for name in ("dom 03", "eiger 05"):
        judge(workspace, digests[name], name.split()[0], queue)
    marks = workspace.query(
        "SELECT json_extract(basis, '$.model_ranked') FROM decision ORDER BY id DESC LIMIT 2"
    )
    assert [row[0] for row in marks] == [1, 1]  # With another seed, eiger 05 is no training image.


def test_a_label_issue_judged_before_the_splits_are_dealt_is_marked(workspace, flipped):
    digests, _ = flipped
    Live(workspace).refresh()
    judge(workspace, digests["dom 03"], "dom")
    judge(workspace, digests["dom 05"], "dom", "unreviewed")
    marks = workspace.query(
        "SELECT json_extract(basis, '$.model_ranked') FROM decision ORDER BY id DESC LIMIT 2"
    )
    assert [row[0] for row in marks] == [None, 1]


def test_worth_your_time_takes_the_label_issues_of_the_head(workspace, flipped):
    digests, _ = flipped
    assert names(workspace, digests, "worth") == ["dom 11", "jungfrau 00"]
    Live(workspace).refresh()
    found = names(workspace, digests, "worth")
    assert sorted(found[:2]) == ["dom 03", "eiger 05"]
    assert sorted(found[2:]) == ["dom 11", "jungfrau 00"]
    assert review_queue.count(workspace, "worth") == 4


def test_near_duplicates_with_different_labels_are_issues_and_the_reason_says_so(workspace, flipped):
    digests, _ = flipped
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    pair = sorted((ids[digests["dom 05"]], ids[digests["eiger 07"]]))
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 1, 'now')", pair)
        connection.execute("UPDATE pair_revision SET revision = revision + 1")
    Live(workspace).refresh()
    found = {item.digest: item.reason for item in review_queue.page(workspace, "label-issues")}
    assert len(found) == 4
    assert found[digests["eiger 07"]].startswith("a near duplicate has another label; looks like eiger (")


def test_an_unknown_variant_of_the_queue_is_refused(workspace):
    assert not review_queue.exists(workspace, "label-issues:some")
    assert review_queue.exists(workspace, "label-issues:all")


def test_a_basis_is_read_in_one_look(workspace, flipped):
    basis = live.read_basis(workspace)
    assert basis.decision_id == 34
    assert live.is_outdated(workspace)


def test_among_very_many_images_the_nearest_are_read_from_an_index(workspace, flipped, monkeypatch):
    def counted():
        Live(workspace).refresh()
        rows = workspace.query("SELECT image_id, n_near, n_near_suggested FROM suggestion ORDER BY image_id")
        return [tuple(row) for row in rows]

    before = counted()
    assert any(n_near for _, n_near, _ in before)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 5)
    build.build(workspace, stored.find(workspace).set_id)
    monkeypatch.setattr(neighbours, "nearest", lambda *_given, **_named: pytest.fail("compared"))
    assert counted() == before


def test_of_very_many_images_the_head_follows_a_sample_with_those_that_were_judged(
    workspace, flipped, monkeypatch
):
    digests, _ = flipped
    Live(workspace).refresh()
    assert workspace.one("SELECT COUNT(*) FROM suggestion")[0] == 36
    judged = [digests["dom 03"], digests["eiger 05"], digests["jungfrau 07"]]
    for digest in judged:
        judge(workspace, digest, "dom")
    monkeypatch.setattr(groups, "MOST_FOLLOWED", 24)
    head = Live(workspace)
    fit = head.refresh()
    assert fit.n_images == 24
    known = {
        row["digest"]
        for row in workspace.query("SELECT digest FROM suggestion s JOIN image i ON i.id = s.image_id")
    }
    assert len(known) == 24
    assert known >= set(judged)
    assert not head.is_outdated()
    assert Live(workspace).refresh().n_images == 24
    assert groups.limit_text(workspace) == (
        "Label issues and suggestions are of 24 of the 36 images: those that a person has judged, and a"
        " random sample."
    )
    monkeypatch.setattr(groups, "MOST_FOLLOWED", 36)
    assert groups.limit_text(workspace) is None
