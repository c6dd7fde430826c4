"""The job that searches for copies, from drawn photos to one split, with the weights of a package."""

import json
from pathlib import Path

import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.curate.duplicates import find, proposals, proposed_groups
from peakid.demo import dataset
from peakid.errors import WeightsMissing
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.arguments import ChangedCopiesArguments
from peakid.jobs.from_embeddings import copies
from peakid.jobs.results import ChangedCopiesResult
from peakid.recipe import architectures, weight_files
from peakid.store.workspace import Workspace

ACTOR = "human:anna"


def other_hue(image: Image.Image) -> Image.Image:
    h, s, v = image.convert("HSV").split()
    return Image.merge("HSV", (h.point([(value + 90) % 256 for value in range(256)]), s, v)).convert("RGB")


@pytest.mark.usefixtures("as_idle")
def test_two_clicks_make_one_search(workspace: Workspace) -> None:
    first = copies.find_copies(workspace, actor=ACTOR)
    assert copies.find_copies(workspace, actor=ACTOR).job_id == first.job_id
    assert [job.kind for job in queue.list_jobs(workspace)] == ["changed-copies"]


@pytest.mark.slow
def test_photos_turned_and_recoloured_before_they_came_here_share_a_split(
    workspace: Workspace, as_worker: object, tmp_path: Path
) -> None:
    if not weight_files.packaged(architectures.find(ChangedCopiesArguments().arch)):
        pytest.skip("the package with the pretrained weights is not installed")
    dataset.draw(tmp_path / "drawn", n_images=12, seed=3)
    truths = json.loads((tmp_path / "drawn" / "truth.json").read_text())["files"]
    sound = [each["path"] for each in truths if each["fault"] is None][:7]
    turned = {path: f"{Path(path).parent}/turned-{Path(path).name}" for path in sound[:3]}
    photos = tmp_path / "photos"
    for path in sound:
        with Image.open(tmp_path / "drawn" / "photos" / path) as image:
            upright = image.convert("RGB")
        (photos / path).parent.mkdir(parents=True, exist_ok=True)
        upright.save(photos / path, quality=90)
        if path in turned:
            changed = other_hue(upright).rotate(15, Image.Resampling.BICUBIC)
            changed.save(photos / turned[path], quality=90)
    folder.import_folder(workspace, photos, actor=ACTOR)
    find.scan(workspace)

    def tied() -> int:
        rows = workspace.query("SELECT digest, path FROM image JOIN origin ON image_id = image.id")
        digests, groups = {row["path"]: row["digest"] for row in rows}, find.groups(workspace)
        return sum(groups[digests[a]] == groups[digests[b]] for a, b in turned.items())

    assert tied() == 0
    work = ledger.claim(workspace, copies.find_copies(workspace, actor=ACTOR).job_id, process.own())
    tasks.run(work)
    assert isinstance(work.result, ChangedCopiesResult)
    assert (work.result.n_embedded, work.result.n_groups) == (10, 3)
    assert tied() == 3
    assert {each.strength for each in proposals.read(workspace)} == {"strong"}
    assert proposed_groups.n_waiting(workspace) == 3
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET state = 'done'")
    again = ledger.claim(workspace, copies.find_copies(workspace, actor=ACTOR).job_id, process.own())
    tasks.run(again)
    assert again.result.n_embedded == 0
    assert again.result.search.n_compared == 0


@pytest.mark.slow
def test_without_pretrained_weights_the_search_says_so_and_nothing_is_proposed(
    workspace: Workspace, as_worker: object
) -> None:
    arguments = ChangedCopiesArguments(arch="plain_cnn")  # It has no published weights.
    job = queue.submit(workspace, arguments, lane="cpu", settings=JobSettings())
    with pytest.raises(WeightsMissing) as error:
        tasks.run(ledger.claim(workspace, job.job_id, process.own()))
    assert error.value.remedy
    assert proposals.read(workspace) == []
