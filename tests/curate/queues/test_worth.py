"""The queue "worth your time": what changes a model most is first, cosmetic findings are last and few."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.curate import decisions, scan
from peakid.curate.queues import review_queue, worth
from peakid.records import Choice

ANNA = "human:anna"


def add_issues(workspace, digests, names, kind, score):
    with workspace.transaction() as connection:
        for n, name in enumerate(names):
            sql = "INSERT INTO image_issue_score SELECT ?, ?, id FROM image WHERE digest = ?"
            connection.execute(sql, (kind, score + n / 10_000, digests[name]))


def order(workspace, digests):
    by_digest = {digest: name for name, digest in digests.items()}
    return [by_digest[item.digest] for item in review_queue.page(workspace, "worth", limit=1000)]


def test_what_changes_a_model_comes_first_and_grey_photos_are_last_and_few(workspace, plant, add_run):
    grey = [f"grey {n}" for n in range(85)]
    others = {"wrong": "dom", "unsure": "dom", "dark": "dom", "cut off": "dom", "wide": "dom"}
    digests = plant(dict.fromkeys(grey, "dom") | others | {"no label": None})
    add_run(digests, ("wrong", "valid", "dom", "eiger", 0.9), ("unsure", "valid", "dom", "dom", 0.3))
    add_issues(workspace, digests, grey, "grayscale", 0)
    add_issues(workspace, digests, ["dark"], "dark", 0.1)
    add_issues(workspace, digests, ["cut off"], "truncated", 0.9)
    add_issues(workspace, digests, ["wide"], "odd_aspect", 0.1)
    first = ["wrong", "unsure", "no label", "cut off", "dark", "wide"]
    assert order(workspace, digests) == first + grey[: worth.MOST_COSMETIC]
    assert review_queue.count(workspace, "worth") == len(first) + worth.MOST_COSMETIC
    assert review_queue.count(workspace, "issue:grayscale") == 85  # All of them are there for who wants them.


def test_judging_the_images_of_a_limited_range_does_not_bring_others(workspace, plant, add_run):
    names = [f"image {n:03}" for n in range(130)]
    digests = plant(dict.fromkeys(names, "dom"))
    add_run(digests, *((name, "valid", "dom", "dom", n / 1000) for n, name in enumerate(names[:60])))
    add_issues(workspace, digests, names[60:120], "dark", 0.1)
    add_issues(workspace, digests, names[115:], "grayscale", 0.001)
    expected = names[:50] + names[60:110] + names[115:125]
    assert order(workspace, digests) == expected
    for name in (expected[0], expected[50], expected[-1]):
        choice = Choice(digests[name], "label", "dom", basis={"queue": "worth"})
        decisions.decide(workspace, [choice], actor=ANNA)
        expected.remove(name)
        assert order(workspace, digests) == expected


def test_images_without_a_label_wait_until_a_first_model_has_enough(workspace, plant, monkeypatch):
    monkeypatch.setattr(worth, "LEAST_LABELS", 3)
    monkeypatch.setattr(worth, "LABELS_A_CLASS", 2)
    digests = plant({"dom": "dom"} | dict.fromkeys("abcdef"))
    for waiting in ("abc", "bc", "c", ""):
        assert order(workspace, digests) == list(waiting)
        if waiting:
            decisions.decide(workspace, [Choice(digests[waiting[0]], "label", "dom")], actor=ANNA)
    decisions.undo(workspace, actor=ANNA)
    assert order(workspace, digests) == ["c"]
    assert review_queue.page(workspace, "worth")[0].reason == "no label yet"


def grey_photo(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def test_generated_photos_of_which_most_are_grey(workspace, tmp_path):
    photos = tmp_path / "photos" / "peak"
    photos.mkdir(parents=True)
    for n in range(12):
        (photos / f"{n:02}.png").write_bytes(grey_photo(n))
    Image.new("RGB", (96, 96), (90, 20, 30)).save(photos / "plain.png")
    folder.import_folder(workspace, photos.parent, actor=ANNA)
    scan.scan(workspace)
    found = [item.reason.partition(":")[0] for item in review_queue.page(workspace, "worth")]
    assert review_queue.count(workspace, "issue:grayscale") >= 12
    assert found[0] == "blank"
    assert Counter(found)["grayscale"] <= worth.MOST_COSMETIC < 12


@pytest.mark.slow
def test_old_photos_in_grey_do_not_fill_the_queue(workspace, tmp_path, real_data):
    photos = sorted((real_data / "data" / "otters" / "river").glob("*.jpg"))[:90]
    (tmp_path / "photos" / "river").mkdir(parents=True)
    for n, path in enumerate(photos):
        image = Image.open(path).convert("L" if n < 85 else "RGB")
        image = image.resize((16, 12)) if n >= 87 else image  # Three are tiny.
        image.save(tmp_path / "photos" / "river" / f"{n:03}.png")
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA)
    scan.scan(workspace)
    found = [item.reason.partition(":")[0] for item in review_queue.page(workspace, "worth", limit=100)]
    assert review_queue.count(workspace, "issue:grayscale") >= 80
    assert found.count("grayscale") == worth.MOST_COSMETIC
    assert found[-1] == "grayscale"
    assert found.count("tiny") == 3
