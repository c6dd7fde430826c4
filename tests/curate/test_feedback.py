"""A corrected prediction becomes an image with a label, and nothing of it is lost or taken in twice."""

import pytest

from peakid import settings
from peakid.acquire import folder, history
from peakid.curate import classes, decisions, feedback, scan
from peakid.curate import history as log
from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import Filters
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import inspection
from peakid.keep import forget
from peakid.store import images, origins

ANNA = "human:anna"
PAGE = "predict page"


def correct(workspace, content, class_name="river", **arguments):
    return feedback.add_correction(
        workspace, content, class_name, **{"source": PAGE, "actor": ANNA, **arguments}
    )


def state(workspace, image_id):
    row = workspace.one(
        "SELECT s.verdict, c.name, s.is_reviewed, s.actor FROM image_state s"
        " JOIN class c ON c.id = s.class_id WHERE s.image_id = ?",
        (image_id,),
    )
    return tuple(row)


def test_a_corrected_photo_becomes_a_reviewed_image_with_its_origin(workspace, fill, draw):
    fill(river=2, sea=2)
    photo = draw(7)
    image_id = correct(workspace, photo, "sea", predicted="river", confidence=0.83)
    digest = inspection.digest_of(photo)
    assert images.show(workspace, digest).image_id == image_id
    assert state(workspace, image_id) == ("label", "sea", 1, ANNA)
    assert images.read_bytes(workspace, digest) == photo
    assert images.has_thumbnail(workspace, digest)
    (origin,) = origins.list_origins(workspace, digest)
    assert (origin.source, origin.path) == ("feedback", f"predict page/{digest[:12]}.jpeg")
    (step,) = log.page(workspace, digest=digest)
    assert step.first is not None
    expected = {
        "source": PAGE,
        "predicted": "river",
        "confidence": 0.83,
        "why": "corrected on: predict page; predicted river with 83 %",
    }
    assert {name: step.first.basis[name] for name in expected} == expected


def test_the_next_scan_compares_a_corrected_photo_with_the_others(workspace, fill, draw):
    (first, _) = fill(river=1, sea=1)
    correct(workspace, images.read_bytes(workspace, first) + b"\0")  # Same pixels, other bytes.
    assert scan.scan(workspace).n_exact_groups == 1


def test_corrected_photos_of_a_day_are_listed_as_one_import(workspace, fill, draw):
    fill(river=1)
    correct(workspace, draw(7))
    correct(workspace, draw(8), source="album Lakes")
    correct(workspace, draw(8), source="album Lakes")  # The page sent it twice.
    newest = history.list_acquisitions(workspace)[0]
    assert (newest.source, newest.actor, newest.n_added) == ("feedback", ANNA, 2)
    assert newest.finished_at is not None
    assert len(review_queue.page(workspace, "all", filters=Filters(source="feedback"))) == 2


def test_a_photo_that_is_there_already_only_gets_the_label(workspace, fill):
    (digest, _) = fill(river=1, sea=1)
    image_id = correct(workspace, images.read_bytes(workspace, digest), "sea")
    assert image_id == images.show(workspace, digest).image_id
    assert state(workspace, image_id) == ("label", "sea", 1, ANNA)
    assert [origin.source for origin in origins.list_origins(workspace, digest)] == ["folder"]
    decisions.undo(workspace, actor=ANNA)
    assert state(workspace, image_id)[:3] == ("label", "river", 0)


def test_an_image_without_its_label_gets_it_from_a_second_call(workspace, fill, draw, monkeypatch):
    fill(river=1)
    monkeypatch.setattr(decisions, "decide", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        correct(workspace, draw(7))
    monkeypatch.undo()
    assert state(workspace, correct(workspace, draw(7))) == ("label", "river", 1, ANNA)


def test_a_new_class_is_added_and_a_former_name_leads_to_its_class(workspace, fill, draw):
    fill(river=1)
    correct(workspace, draw(7), " glacier ")
    assert classes.names(workspace) == ["river", "glacier"]
    classes.rename(workspace, "glacier", "ice")
    assert state(workspace, correct(workspace, draw(8), "glacier"))[1] == "ice"
    assert classes.names(workspace) == ["river", "ice"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_name": "a\nb"},
        {"class_name": "  "},
        {"source": " / "},
        {"source": "x" * 201},
        {"confidence": 1.2},
        {"confidence": float("nan")},
    ],
    ids=str,
)
def test_a_correction_that_cannot_be_used_stores_nothing(workspace, fill, draw, wrong):
    fill(river=1)
    with pytest.raises(BadInput):
        correct(workspace, draw(7), **wrong)
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == 1
    assert classes.names(workspace) == ["river"]


def test_a_retired_class_stores_nothing(workspace, fill, draw):
    fill(river=1, sea=1)
    classes.retire(workspace, "sea")
    with pytest.raises(BadInput, match="retired"):
        correct(workspace, draw(7), "sea")
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == 2


def test_a_photo_that_was_removed_for_good_is_refused(workspace, fill, draw):
    (digest, _) = fill(river=2)
    photo = images.read_bytes(workspace, digest)
    forget.forget(workspace, digest, actor=ANNA)
    with pytest.raises(BadInput, match="removed for good"):
        correct(workspace, photo)
    assert not images.has_bytes(workspace, digest)


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"text named .jpg", "not_an_image")])
def test_what_is_no_photo_is_stored_nowhere(workspace, fill, content, reason):
    fill(river=1)
    with pytest.raises(UnreadableImage) as error:
        correct(workspace, content, "new class")
    assert error.value.reason == reason
    assert history.list_rejections(workspace) == []
    assert classes.names(workspace) == ["river"]


def test_a_photo_over_the_limit_is_refused(workspace, fill, draw, monkeypatch):
    fill(river=1)
    monkeypatch.setattr(settings, "_of_job", settings.Settings(max_image_bytes=1000))
    settings.current.cache_clear()
    with pytest.raises(UnreadableImage) as error:
        correct(workspace, draw(7, size=(400, 300)))
    settings.current.cache_clear()
    assert error.value.reason == "too_large"


def test_the_demo_takes_no_photo_but_a_label_of_its_own_images(workspace, tmp_path, draw):
    (tmp_path / "photos" / "river").mkdir(parents=True)
    (tmp_path / "photos" / "river" / "a.jpg").write_bytes(draw(1))
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA, source="demo")
    with pytest.raises(BadInput, match="demo"):
        correct(workspace, draw(7))
    assert state(workspace, correct(workspace, draw(1), "lake"))[1] == "lake"
