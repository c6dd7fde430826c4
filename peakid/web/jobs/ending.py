"""How a job ended, in one sentence with a link: the score of a run, what a scan found, why a job failed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from peakid.curate.queues import search_plans
from peakid.dataset import snapshot as snapshots
from peakid.errors import NotFound
from peakid.jobs.albums.results import PreviewAlbumsResult, UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.arguments import HeatMapsArguments, LearningCurveArguments
from peakid.jobs.evaluation import attribute as attributing
from peakid.jobs.job import Job
from peakid.jobs.results import (
    AttributionResult,
    BrowseResult,
    BundleResult,
    ChangedCopiesResult,
    CollectResult,
    EmbedResult,
    EstimateResult,
    ExportResult,
    FiguresResult,
    ImportResult,
    IndexResult,
    MapResult,
    OpenSetResult,
    RateFinderResult,
    RetrainResult,
    ScanResult,
    SimilarResult,
    SweepResult,
    TrainResult,
    TtaResult,
    VerifyResult,
)
from peakid.progress_text import duration
from peakid.records import Run, ScanReport
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web import names, words
from peakid.web.jobs import job_panel

MAX_CHARS = 160  # Of the sentence; all of an error is beside its log.


@dataclass(frozen=True)
class Ending:
    """A sentence about a job that has ended.

    Attributes:
        text: Without markup.
        link: The label of the link.
        page: The page that the link opens; '' for the log of the job.
        query: The query parameters of that page.
    """

    text: str
    link: str = "Log"
    page: str = ""
    query: dict[str, str] = field(default_factory=dict)


def of(workspace: Workspace, job: Job) -> Ending:
    """Return how a job ended; a job that failed, was lost or kept nothing has a link to its log."""
    name = job_panel.name(job)
    if job.state in ("failed", "lost"):
        verb = "failed" if job.state == "failed" else "was lost"
        return Ending(_short(f"{name} {verb}: {job.error}"))
    if job.state == "cancelled":
        run = _run(workspace, job.result_as(TrainResult))
        if run is not None and run.best_epoch is not None:
            return _scored(workspace, run, f"{names.run_name(run)}, cancelled")
        return Ending(f"{name} was cancelled.")
    return _DONE.get(job.kind, _done)(workspace, job)


def _scored(workspace: Workspace, run: Run, title: str) -> Ending:
    try:
        frozen = snapshots.show(workspace, run.snapshot_digest)
    except NotFound:
        frozen = None
    score = names.run_score(run, frozen)
    return Ending(f"{title}: {score}.", "Evaluate", "evaluate", {"run": str(run.run_id)})


def _done(_workspace: Workspace, job: Job) -> Ending:
    return Ending(f"{job_panel.name(job)} is done.")


def _train(workspace: Workspace, job: Job) -> Ending:
    run = _run(workspace, job.result_as(TrainResult))
    return _scored(workspace, run, names.run_name(run)) if run else _done(workspace, job)


def _sweep(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(SweepResult)
    run = _show(workspace, found.best.run_id) if found and found.best else None
    if found is None or run is None:
        return _done(workspace, job)
    tried = words.n_of(len(found.trials), "combination")
    return _scored(workspace, run, f"Sweep of {tried}, best {names.run_name(run).lower()}")


def _rate(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(RateFinderResult)
    if found is None or not found.suggestions:
        return _done(workspace, job)
    rate = found.suggestions.get("valley", next(iter(found.suggestions.values())))
    text = f"LR finder: it suggests a learning rate of {rate:.2g}."
    return Ending(text, "Show the curve", "train", {"job": str(job.job_id)})


def _estimate(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(EstimateResult)
    if found is None:
        return _done(workspace, job)
    memory = f"{found.memory_mb / 1000:.1f} GB of memory"
    text = f"Estimate: about {duration(found.seconds)} on {found.device}, {memory}."
    return Ending(text, "Open Train", "train")


def _tta(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(TtaResult)
    if found is None:
        return _done(workspace, job)
    text = f"Run {found.run_id} has predictions with test-time augmentation."
    return Ending(text, "Evaluate", "evaluate", {"run": str(found.run_id), "tta": "yes"})


def _heat_maps(_workspace: Workspace, job: Job) -> Ending:
    asked = job.arguments_as(HeatMapsArguments)
    text = f"The heat maps of run {asked.run_id} are computed."
    return Ending(text, "Evaluate", "evaluate", {"run": str(asked.run_id), "split": asked.split})


def _learning_curve(_workspace: Workspace, job: Job) -> Ending:
    run_id = job.arguments_as(LearningCurveArguments).run_id
    text = f"The learning curve of run {run_id} is measured."
    return Ending(text, "Show the curve", "evaluate", {"run": str(run_id), "tab": "curve"})


def _figures(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(FiguresResult)
    if found is None:
        return _done(workspace, job)
    return Ending(f"Run {found.run_id} is evaluated.", "Evaluate", "evaluate", {"run": str(found.run_id)})


def _attribute(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(AttributionResult)
    if found is None or found.bought is None:
        return _done(workspace, job)
    query = {"run": str(found.run_id), "tab": "compare"}
    return Ending(_short(attributing.finding_text(found)), "Compare", "evaluate", query)


def _similar(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(SimilarResult)
    if found is None or not found.n_images:
        return _done(workspace, job)
    text = f"{words.n_of(found.n_images, 'image')} in the order of their similarity to {found.name}."
    return Ending(_short(text), "Show them", "review", {"queue": search_plans.similar_queue(found.digest)})


def _open_set(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(OpenSetResult)
    if found is None or found.set_id is None:
        return _done(workspace, job)
    differ = " They differ from the test images." if found.is_alarm else ""
    text = f"Run {found.run_id} predicted {words.n_of(found.n_images, 'new photo')}.{differ}"
    return Ending(text, "Show what it says", "evaluate", {"run": str(found.run_id), "tab": "trust"})


def _export(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(ExportResult)
    if found is None or found.export_id is None:
        return _done(workspace, job)
    text = f"Export {found.export_id}: {words.n_of(len(found.files), 'file')}, checked against the run."
    return Ending(text, "Open Models", "models", {"export": str(found.export_id)})


def _bundle(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(BundleResult)
    if found is None or found.export_id is None:
        return _done(workspace, job)
    what = "Bundle" if found.files else "Page"
    text = f"{what} of export {found.export_id}: {words.n_bytes(found.bytes)}."
    return Ending(text, "Download it", "models", {"export": str(found.export_id)})


def _verify(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(VerifyResult)
    if found is None or found.n_images is None:
        return _done(workspace, job)
    n_damaged = f"{found.n_damaged:,}" if found.n_damaged else "none"
    text = f"Image check: {words.n_of(found.n_images, 'image')}, {n_damaged} damaged."
    return Ending(text, "Show the folders", "collect")


def _scan(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(ScanResult)
    if found is None or found.scan is None:
        return _done(workspace, job)
    return Ending(f"Scan: {_n_groups(found.scan)}.", "Show the duplicates", "duplicates")


def _changed_copies(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(ChangedCopiesResult)
    if found is None or found.search is None:
        return _done(workspace, job)
    text = f"Search for changed copies: {words.n_of(found.n_groups, 'group')} proposed."
    return Ending(text, "Show the duplicates", "duplicates")


def _import(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(ImportResult)
    if found is None:
        return _done(workspace, job)
    parts = [words.n_of(found.n_added, "new image")]
    parts += [f"{found.n_known:,} known"] if found.n_known else []
    parts += [f"{found.n_rejected:,} not imported"] if found.n_rejected else []
    text = f"Import: {', '.join(parts)}."
    return Ending(text, "Review", "review") if found.n_added else Ending(text, "Open Collect", "collect")


def _collect(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(CollectResult)
    if found is None:
        return _done(workspace, job)
    parts = [words.n_of(found.n_new, "new image")]
    parts += [f"{found.n_rejected:,} rejected"] if found.n_rejected else []
    parts += [f"{found.n_waiting:,} still waiting"] if found.n_waiting else []
    text = f"Collection {found.name}: {', '.join(parts)}."
    return Ending(text, "Review", "review") if found.n_new else Ending(text, "Open Collect", "collect")


def _retrain(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(RetrainResult)
    if found is None or found.job_id is None:
        return _done(workspace, job)
    text = "Enough new images are reviewed: a training on them is queued."
    return Ending(text, "Open the training", "train", {"job": str(found.job_id)})


def _browse(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(BrowseResult)
    if found is None:
        return _done(workspace, job)
    pages = words.n_of(len(found.pages), "page")
    return Ending(f"{words.n_of(found.n_urls, 'picture')} on {pages}.", "Open Collect", "collect")


def _map(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(MapResult)
    if found is None:
        return _done(workspace, job)
    text = f"Map layout of {words.n_of(found.n_images, 'image')} in {duration(found.seconds)}."
    return Ending(text, "Open the map", "map", {"layout": found.method})


def _index(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(IndexResult)
    if found is None:
        return _done(workspace, job)
    text = f"Index of {words.n_of(found.n_indexed, 'embedding')} in {duration(found.seconds)}."
    return Ending(text, "Open Collect", "collect")


def _embed(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(EmbedResult)
    if found is None:
        return _done(workspace, job)
    unread = f", {found.n_unread:,} could not be read" if found.n_unread else ""
    text = f"Embeddings: {words.n_of(found.n_new, 'image')} added, {found.n_images:,} in all{unread}."
    if found.n_views > 1:
        text += f" Mean over {found.n_views} views: {words.n_of(found.n_averaged, 'image')}."
    return Ending(text, "Open Collect", "collect")


def _preview_albums(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(PreviewAlbumsResult)
    if found is None or not found.preview:
        return _done(workspace, job)
    new = f", {found.n_new:,} new" if found.n_new < found.n_photos else ""
    text = f"Album preview: {words.n_of(found.n_photos, 'photo')}{new}."
    return Ending(text, "Open Albums", "albums", {"preview": found.preview})


def _write_albums(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(WriteAlbumsResult)
    if found is None:
        return _done(workspace, job)
    n = words.n_of(found.n_made + found.n_kept, "photo")
    text = _short(f"Albums: {n} in {words.n_of(len(found.albums), 'album')}.")
    return Ending(text, "Open Albums", "albums", {"preview": found.preview})


def _undo_albums(workspace: Workspace, job: Job) -> Ending:
    found = job.result_as(UndoAlbumsResult)
    if found is None:
        return _done(workspace, job)
    return Ending(f"Took back {words.n_of(found.n_removed, 'photo')}.", "Open Albums", "albums")


_DONE: dict[str, Callable[[Workspace, Job], Ending]] = {
    "train": _train,
    "sweep": _sweep,
    "lr-find": _rate,
    "estimate": _estimate,
    "tta": _tta,
    "heat-maps": _heat_maps,
    "learning-curve": _learning_curve,
    "evaluate": _figures,
    "attribute": _attribute,
    "export": _export,
    "bundle": _bundle,
    "verify": _verify,
    "similar": _similar,
    "open-set": _open_set,
    "scan": _scan,
    "changed-copies": _changed_copies,
    "import": _import,
    "collect": _collect,
    "retrain": _retrain,
    "browse": _browse,
    "map": _map,
    "index-neighbours": _index,
    "embed": _embed,
    "preview-albums": _preview_albums,
    "write-albums": _write_albums,
    "undo-albums": _undo_albums,
}


def _run(workspace: Workspace, found: TrainResult | None) -> Run | None:
    return _show(workspace, found.run_id) if found and found.run_id is not None else None


def _show(workspace: Workspace, run_id: int) -> Run | None:
    try:
        return runs.show(workspace, run_id)
    except NotFound:
        return None


def _n_groups(found: ScanReport) -> str:
    n = found.n_exact_groups + found.n_near_groups
    return f"{words.n_of(n, 'group')} of duplicates" if n else "no duplicates"


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1].rstrip()}…"
