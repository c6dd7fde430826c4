"""The job that computes and tests heat maps of a run: which images it is asked for, and how it continues."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakid import near_names, progress_text
from peakid.engines import opening
from peakid.engines.records import EngineUse, Stopped
from peakid.errors import BadInput, NotFound, UnreadableImage
from peakid.evaluate import scored_images
from peakid.evaluate.heat import choice, trusted
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import HeatMapsArguments
from peakid.jobs.evaluation_results import HeatMapsResult
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps import heat, run_units
from peakid.jobs.maps.heat import Block, Pair
from peakid.records import Run
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store import images, run_predictions, runs
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from peakid.learn.heat_tester import HeatTester

CHUNK = 32  # Maps tested at once and then stored: what a cancelled job loses at most.
MAX_LISTED = 100


def compute(
    workspace: Workspace,
    run_id: int,
    *,
    split: str = "valid",
    limit: int = choice.DEFAULT_LIMIT,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue heat maps of a split for the predicted and the given class: errors first, then every class.

    Maps that the run has already are not computed again. If such a job waits or runs already, it is returned.

    Args:
        limit: Images that have maps afterwards.

    Raises:
        NotFound: If there is no such run, or it has no model or no predictions for the split.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    run_predictions.pred_probs(workspace, run_id, split)
    arguments = HeatMapsArguments(run_id=run_id, split=split, limit=limit)
    return _queued(workspace, arguments, settings, request_id, actor)


def compute_one(
    workspace: Workspace,
    run_id: int,
    digest: str,
    *,
    class_name: str | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the heat map of one image for one class.

    Args:
        class_name: Of the run; None = the class that the run's model predicts.

    Raises:
        NotFound: If there is no such run or image, or the run has no model.
        BadInput: If the run has no such class.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    if class_name is not None and class_name not in run.class_names:
        raise BadInput(
            f"Run {run_id} has no class {class_name!r}.",
            near_names.remedy(class_name, run.class_names, f"Choose from {', '.join(run.class_names)}."),
        )
    arguments = HeatMapsArguments(
        run_id=run_id, digest=images.resolve(workspace, digest), class_name=class_name or ""
    )
    return _queued(workspace, arguments, settings, request_id, actor)


def newest_job(workspace: Workspace, run_id: int) -> Job | None:
    """Return the newest job that computes heat maps of a run."""
    kind = HeatMapsArguments.kind
    return queue.newest(workspace, kind, lambda job: job.arguments_as(HeatMapsArguments).run_id == run_id)


def run_job(work: Work) -> None:
    """Compute the maps that are missing, and store them block by block. A resumed job continues.

    The map of one image is computed in this process: starting a worker takes longer.
    """
    arguments = work.arguments_as(HeatMapsArguments)
    run = runs.show(work.workspace, arguments.run_id)
    refusals.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    tester, reference = _opened(work.workspace, run)
    wanted = _wanted(work.workspace, run, arguments, tester)
    known = heat_maps.read(work.workspace, run.run_id)
    # By place, not of what is missing: a job that starts again has the same blocks.
    of_place = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    blocks = [[pair for pair in block if pair not in known] for block in of_place]
    asked = _Asked(run, [block for block in blocks if block], len(wanted))
    if opening.is_used(work.settings) and not arguments.digest:
        computed = _in_engine(work, asked, reference)
    else:
        computed = _here(work, asked, tester)
    unread: dict[str, str] = {}
    used: EngineUse | None = None
    for found, used in computed:
        heat_maps.add(work.workspace, run.run_id, found.maps)
        found.forget()
        unread |= found.unread
        work.note(_result(work.workspace, run, arguments, wanted, unread, used))
    work.note(_result(work.workspace, run, arguments, wanted, unread, used))


@dataclass(frozen=True)
class _Asked:
    """The maps that are missing, in blocks; `n_wanted` counts those that are there too."""

    run: Run
    blocks: Sequence[Sequence[Pair]]
    n_wanted: int

    def report(self, work: Work, n_done: int, more: str = "") -> None:
        """Say how many of the missing maps are done."""
        step = self.n_wanted - sum(map(len, self.blocks)) + n_done
        counted = progress_text.counted(step, self.n_wanted, "maps")
        work.report("Computing heat maps", step, self.n_wanted, counted + more)


def _here(work: Work, asked: _Asked, tester: "HeatTester") -> Iterator[tuple[Block, None]]:
    """Yield the maps of each block, computed in this process."""
    from peakid.learn.batches.data import Stopped as StoppedHere

    n_done = 0
    for block in asked.blocks:

        def advance(share: float, n: int = n_done, size: int = len(block)) -> None:
            asked.report(work, n + int(share * size))

        try:
            found = tester.test(block, advance=advance, should_stop=work.should_stop)
        except StoppedHere as error:
            raise Cancelled from error
        rows = zip(found.pairs, found.heat, found.checks, strict=True)
        yield (
            Block(len(block), [HeatMap(*pair, heat, check) for pair, heat, check in rows], found.unread),
            None,
        )
        n_done += len(block)
        asked.report(work, n_done)


def _in_engine(work: Work, asked: _Asked, reference: Sequence[str]) -> Iterator[tuple[Block, EngineUse]]:
    """Yield as `_here`, computed in the workers of an engine, with what it was used for."""
    if not asked.blocks:
        return
    work.report(f"Starting the engine {work.settings.engine}", 0, 0, "")
    uses_gpu = run_units.device_of(asked.run) == "auto"
    with opening.opened(work.settings, uses_gpu=uses_gpu, ahead=0, on_death=work.log) as engine:
        n_done, n_shards = 0, len(asked.blocks)
        found = heat.test(
            work.workspace,
            engine,
            asked.run,
            asked.blocks,
            reference,
            work.settings,
            should_stop=work.should_stop,
        )
        try:
            for block in found:
                yield block, engine.use()
                n_done += block.n
                asked.report(work, n_done, f", {engine.mapper.tally.progress(n_shards)}")
        except Stopped as error:
            raise Cancelled from error


def _result(
    workspace: Workspace,
    run: Run,
    arguments: HeatMapsArguments,
    wanted: Sequence[Pair],
    unread: dict[str, str],
    used: EngineUse | None,
) -> HeatMapsResult:
    stored = heat_maps.read(workspace, run.run_id)
    found = [stored[pair] for pair in wanted if pair in stored]
    is_one = bool(arguments.digest)
    return HeatMapsResult(
        run_id=run.run_id,
        split="" if is_one else arguments.split,
        n_images=len({each.digest for each in found}),
        n_maps=len(found),
        n_trusted=sum(trusted.is_trusted(each.check) for each in found),
        digest=arguments.digest,
        class_name=run.class_names[wanted[0][1]] if is_one and wanted else "",
        n_unread=len(unread),
        unread=tuple(sorted(unread.values())[:MAX_LISTED]),
        engine=used,
    )


def _wanted(workspace: Workspace, run: Run, arguments: HeatMapsArguments, tester: "HeatTester") -> list[Pair]:
    if arguments.digest:
        name = arguments.class_name
        index = run.class_names.index(name) if name else tester.predicted(arguments.digest)
        return [(arguments.digest, index)]
    scored = scored_images.load(workspace, run, arguments.split)
    return [
        (scored.digests[position], class_index)
        for position in choice.choose(scored, arguments.limit).tolist()
        for class_index in choice.classes_of(scored, position)
    ]


def _queued(
    workspace: Workspace,
    arguments: HeatMapsArguments,
    settings: JobSettings | None,
    request_id: str | None,
    actor: str,
) -> Job:
    same = [job for job in queue.list_active(workspace, "gpu") if job.arguments == arguments]
    if same:
        return same[0]
    chosen = settings or for_job()
    return queue.submit(workspace, arguments, lane="gpu", settings=chosen, request_id=request_id, actor=actor)


def _opened(workspace: Workspace, run: Run) -> tuple["HeatTester", list[str]]:
    """Return the run's model with what its maps are tested with, and which images those are.

    Raises:
        NotFound: If there is no model, or none of the validation images can be read.
    """
    from peakid.learn import heat_checks, heat_tester, start
    from peakid.learn.network import model as models

    def read(digest: str) -> bytes:
        return images.read_bytes(workspace, digest)

    model, card = models.load(runs.folder(workspace, run.run_id))
    reference: list[str] = []
    for digest in sorted(run_predictions.of_saved_model(workspace, run.run_id)[0]):
        if len(reference) == heat_checks.N_REFERENCE:
            break
        with contextlib.suppress(UnreadableImage, NotFound):
            heat_tester.pixels_of(card, read(digest))
            reference.append(digest)
    if not reference:
        raise NotFound(
            f"None of the validation images of run {run.run_id} can be read.",
            "Check the images.",
            action("verify_images"),
        )
    device = start.find_device(run_units.device_of(run))
    return heat_tester.of_model(model, card, read=read, reference=reference, device=device), reference
