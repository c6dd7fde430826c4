"""How each kind of job ended, in one sentence with a link."""

from collections.abc import Callable

import pytest

from peakid.acquire.sources.browsing.records import ClassPage
from peakid.errors import JobError
from peakid.import_records import NO_READING
from peakid.job_settings import JobSettings
from peakid.jobs import arguments as kinds
from peakid.jobs import ledger, process, queue, results
from peakid.jobs.albums import arguments as albums
from peakid.jobs.albums.results import PreviewAlbumsResult, UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.arguments import Arguments
from peakid.jobs.results import Result
from peakid.records import ScanReport, Snapshot
from peakid.store.workspace import Workspace
from peakid.web import navigation
from peakid.web.jobs import ending
from peakid.web.jobs.ending import Ending


@pytest.fixture
def ended(workspace: Workspace, no_worker: None) -> Callable[..., Ending]:
    """Return how a job of some arguments with some result ended."""

    def end(
        arguments: Arguments, result: Result | None = None, state: str = "done", error: str = ""
    ) -> Ending:
        job = queue.submit(workspace, arguments, lane="cpu", settings=JobSettings())
        work = ledger.claim(workspace, job.job_id, process.own())
        assert work is not None
        if result is not None:
            work.note(result)
        work.end(state, error=JobError(error, "Free some space.") if error else None)
        return ending.of(workspace, queue.show(workspace, job.job_id))

    return end


SCAN = ScanReport(5, 1, 2, 0, {}, 1.0)


@pytest.mark.parametrize(
    ("arguments", "result", "text", "link", "page"),
    [
        (
            kinds.ScanArguments(),
            results.ScanResult(SCAN),
            "Scan: 3 groups of duplicates.",
            "Show the duplicates",
            "duplicates",
        ),
        (
            kinds.BrowseArguments(template="https://example.org"),
            results.BrowseResult("browse-1/x.csv", 7, (ClassPage("lake", "https://a.org", 7, "enough"),)),
            "7 pictures on 1 page.",
            "Open Collect",
            "collect",
        ),
        (
            kinds.ScanArguments(),
            results.ScanResult(ScanReport(5, 0, 0, 0, {}, 1.0)),
            "Scan: no duplicates.",
            "Show the duplicates",
            "duplicates",
        ),
        (
            albums.PreviewAlbumsArguments(),
            PreviewAlbumsResult(preview="0123456789abcdef", n_photos=7, n_new=2),
            "Album preview: 7 photos, 2 new.",
            "Open Albums",
            "albums",
        ),
        (
            albums.WriteAlbumsArguments(),
            WriteAlbumsResult(albums={"sea": 2, "hill": 1}, n_made=2, n_kept=1),
            "Albums: 3 photos in 2 albums.",
            "Open Albums",
            "albums",
        ),
        (
            albums.UndoAlbumsArguments(),
            UndoAlbumsResult(n_removed=3),
            "Took back 3 photos.",
            "Open Albums",
            "albums",
        ),
        (
            kinds.EmbedArguments(),
            results.EmbedResult("resnet18", 160, n_images=9, n_new=7, n_dimensions=512, n_unread=1),
            "Embeddings: 7 images added, 9 in all, 1 could not be read.",
            "Open Collect",
            "collect",
        ),
        (
            kinds.EmbedArguments(n_views=2),
            results.EmbedResult("resnet18", 160, n_images=9, n_views=2, n_averaged=9),
            "Embeddings: 0 images added, 9 in all. Mean over 2 views: 9 images.",
            "Open Collect",
            "collect",
        ),
        (
            kinds.VerifyArguments(),
            results.VerifyResult(n_images=1204, n_damaged=0),
            "Image check: 1,204 images, none damaged.",
            "Show the folders",
            "collect",
        ),
        (
            kinds.VerifyArguments(),
            results.VerifyResult(n_images=1204, n_damaged=2),
            "Image check: 1,204 images, 2 damaged.",
            "Show the folders",
            "collect",
        ),
        (
            kinds.ImportArguments(),
            results.ImportResult(n_added=1, n_known=2, n_rejected=3),
            "Import: 1 new image, 2 known, 3 not imported.",
            "Review",
            "review",
        ),
        (
            kinds.ImportArguments(),
            results.ImportResult(n_known=2, reading=NO_READING),
            "Import: 0 new images, 2 known.",
            "Open Collect",
            "collect",
        ),
        (
            kinds.EstimateArguments(),
            results.EstimateResult(seconds=300, memory_mb=1900, device="cpu"),
            "Estimate: about 5 min on cpu, 1.9 GB of memory.",
            "Open Train",
            "train",
        ),
        (
            kinds.RateFinderArguments(),
            results.RateFinderResult({"steep": 0.1, "valley": 1.23e-3}),
            "LR finder: it suggests a learning rate of 0.0012.",
            "Show the curve",
            "train",
        ),
        (
            kinds.HeatMapsArguments(run_id=4),
            None,
            "The heat maps of run 4 are computed.",
            "Evaluate",
            "evaluate",
        ),
        (
            kinds.LearningCurveArguments(run_id=4),
            None,
            "The learning curve of run 4 is measured.",
            "Show the curve",
            "evaluate",
        ),
        (
            kinds.TtaArguments(4, 4),
            results.TtaResult(4, 4, {"valid": 7}),
            "Run 4 has predictions with test-time augmentation.",
            "Evaluate",
            "evaluate",
        ),
        (
            kinds.ExportArguments(4),
            results.ExportResult(2, "/x", ({}, {})),
            "Export 2: 2 files, checked against the run.",
            "Open Models",
            "models",
        ),
        (
            kinds.MapArguments(1),
            results.MapResult(1200, 1200, 65.0),
            "Map layout of 1,200 images in 65 s.",
            "Open the map",
            "map",
        ),
    ],
)
def test_every_kind_of_job_says_what_it_found(
    ended: Callable[..., Ending], arguments: Arguments, result: Result, text: str, link: str, page: str
) -> None:
    found = ended(arguments, result)
    assert (found.text, found.link, found.page) == (text, link, page)
    assert page in [each.name for each in navigation.PAGES]


@pytest.mark.parametrize("kind", ["train", "sweep"])
def test_a_training_and_a_sweep_say_the_score_with_interval_and_number_of_images(
    ended: Callable[..., Ending], frozen: Snapshot, add_run: Callable[..., int], kind: str
) -> None:
    run_id = add_run(frozen)
    trial = results.TrialResult(run_id)
    found = {
        "train": lambda: ended(kinds.TrainArguments(), results.TrainResult(run_id)),
        "sweep": lambda: ended(kinds.SweepArguments(), results.SweepResult(2, (trial, trial), trial)),
    }[kind]()
    # 6 of 7 validation images (80 %, rounded); the interval is Wilson's.
    score = "80 % (49-97 %, n = 7)."
    assert (
        found.text
        == {"train": f"Run 1: {score}", "sweep": f"Sweep of 2 combinations, best run 1: {score}"}[kind]
    )
    assert (found.link, found.page, found.query) == ("Evaluate", "evaluate", {"run": "1"})


@pytest.mark.parametrize(
    "arguments",
    [
        each()
        for each in (
            kinds.TrainArguments,
            kinds.SweepArguments,
            kinds.RateFinderArguments,
            kinds.TtaArguments,
            kinds.EstimateArguments,
            kinds.ExportArguments,
            kinds.VerifyArguments,
            kinds.ScanArguments,
            kinds.ImportArguments,
        )
    ],
    ids=lambda each: each.kind,
)
@pytest.mark.parametrize("state", ["failed", "lost", "cancelled", "done"])
def test_a_job_without_a_result_leads_to_its_log(
    ended: Callable[..., Ending], arguments: Arguments, state: str
) -> None:
    error = "There is no room." if state in ("failed", "lost") else ""
    found = ended(arguments, state=state, error=error)
    ends = {
        "failed": "failed: There is no room.",
        "lost": "was lost: There is no room.",
        "cancelled": "was cancelled.",
        "done": "is done.",
    }
    assert found.text.endswith(f" {ends[state]}")
    assert (found.link, found.page) == ("Log", "")


def test_a_cancelled_training_that_kept_an_epoch_says_its_score(
    ended: Callable[..., Ending], frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    found = ended(kinds.TrainArguments(), results.TrainResult(add_run(frozen)), state="cancelled")
    assert found.text.startswith("Run 1, cancelled: 80 % (")
    assert found.page == "evaluate"


def test_a_long_error_is_cut_where_its_log_is_one_click_away(ended: Callable[..., Ending]) -> None:
    found = ended(kinds.ScanArguments(), state="failed", error="x" * 1000)
    assert len(found.text) == ending.MAX_CHARS
    assert found.text.endswith("…")


def test_a_run_that_was_removed_is_no_error(ended: Callable[..., Ending]) -> None:
    assert ended(kinds.TrainArguments(), results.TrainResult(99)).text == "Training is done."
