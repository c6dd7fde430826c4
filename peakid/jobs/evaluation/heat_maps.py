"""The job that computes and tests heat maps of a run: which images it is asked for, and how it continues."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from peakid import near_names, progress_text
from peakid.errors import BadInput, NotFound, UnreadableImage
from peakid.evaluate import scored_images
from peakid.evaluate.heat import choice, trusted
from peakid.imaging import gate, pixels
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import HeatMapsArguments
from peakid.jobs.evaluation_results import HeatMapsResult
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.records import Run
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store import images, run_predictions, runs
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace

CHUNK = 32  # Maps tested at once and then stored: what a cancelled job loses at most.
MAX_LISTED = 100

Pair = tuple[str, int]
"""A digest and a class, as its index in the run's class_names."""


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
    """Compute the maps that are missing, and store them chunk by chunk. A resumed job continues."""
    arguments = work.arguments_as(HeatMapsArguments)
    run = runs.show(work.workspace, arguments.run_id)
    refusals.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    tester = _Tester.load(work, run)
    wanted = _wanted(work.workspace, run, arguments, tester)
    known = heat_maps.read(work.workspace, run.run_id)
    missing = [pair for pair in wanted if pair not in known]
    n_ready = len(wanted) - len(missing)
    unread: dict[str, str] = {}
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        progress = partial(_report, work, n_ready + start, len(chunk), len(wanted))
        heat_maps.add(work.workspace, run.run_id, tester.test(chunk, unread, progress))
        progress(1.0)
        work.note(_result(work.workspace, run, arguments, wanted, unread))
    work.note(_result(work.workspace, run, arguments, wanted, unread))


def _report(work: Work, done: int, n_chunk: int, total: int, share: float) -> None:
    step = done + int(share * n_chunk)
    work.report("Computing heat maps", step, total, progress_text.counted(step, total, "maps"))


def _result(
    workspace: Workspace,
    run: Run,
    arguments: HeatMapsArguments,
    wanted: Sequence[Pair],
    unread: dict[str, str],
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
    )


def _wanted(workspace: Workspace, run: Run, arguments: HeatMapsArguments, tester: "_Tester") -> list[Pair]:
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


@dataclass(frozen=True)
class _Tester:
    """A run's model with what its maps are tested with.

    Attributes:
        reference: Canonical pixels, uint8 (n, S, S, 3), of the same images of the run each time.
    """

    work: Work
    model: Any
    card: Any
    device: Any
    reference: np.ndarray

    @classmethod
    def load(cls, work: Work, run: Run) -> "_Tester":
        from peakid.learn import start
        from peakid.learn.network import model as models

        model, card = models.load(runs.folder(work.workspace, run.run_id))
        device = start.find_device("cpu" if run.recipe.get("device") == "cpu" else "auto")
        tester = cls(work, model, card, device, np.zeros(0, np.uint8))
        return replace(tester, reference=tester._reference(run))

    def predicted(self, digest: str) -> int:
        """Return the class that the model predicts for an image.

        Raises:
            UnreadableImage: If it cannot be decoded.
        """
        from peakid.learn.network import predict

        batch = self._pixels(digest)[None]
        return int(predict.pred_probs(self.model, batch, self.card, device=self.device)[0].argmax())

    def test(
        self, pairs: Sequence[Pair], unread: dict[str, str], advance: Callable[[float], None]
    ) -> list[HeatMap]:
        """Return the tested maps; images that cannot be read are added to `unread` with the reason.

        Args:
            advance: Called with the share that is done, in 0..1.
        """
        from peakid.learn import heat_checks
        from peakid.learn.batches.data import Stopped

        decoded: dict[str, np.ndarray] = {}
        for digest in dict.fromkeys(digest for digest, _ in pairs):
            try:
                decoded[digest] = self._pixels(digest)
            except (UnreadableImage, NotFound) as error:
                unread[digest] = f"{digest[:12]}: {error.message}"
        readable = [pair for pair in pairs if pair[0] in decoded]
        if not readable:
            return []
        try:
            found = heat_checks.explain(
                self.model,
                self.card,
                np.stack([decoded[digest] for digest, _ in readable]),
                [class_index for _, class_index in readable],
                reference=self.reference,
                seeds=[int(digest[:8], 16) + class_index for digest, class_index in readable],
                device=self.device,
                advance=advance,
                should_stop=self.work.should_stop,
            )
        except Stopped as error:
            raise Cancelled from error
        return [
            HeatMap(digest, class_index, heat, check)
            for (digest, class_index), (heat, check) in zip(readable, found, strict=True)
        ]

    def _reference(self, run: Run) -> np.ndarray:
        """Return the first images of the run by digest that can be read.

        Raises:
            NotFound: If none can.
        """
        from peakid.learn import heat_checks

        workspace, found = self.work.workspace, []
        digests, _ = run_predictions.of_saved_model(workspace, run.run_id)
        for digest in sorted(digests):
            if len(found) == heat_checks.N_REFERENCE:
                break
            with contextlib.suppress(UnreadableImage, NotFound):
                found.append(self._pixels(digest))
        if not found:
            raise NotFound(
                f"None of the validation images of run {run.run_id} can be read.",
                "Check the images.",
                action("verify_images"),
            )
        return np.stack(found)

    def _pixels(self, digest: str) -> np.ndarray:
        """Return what the network sees of an image: canonical pixels, uint8 (S, S, 3)."""
        data = images.read_bytes(self.work.workspace, digest)
        return gate.call(pixels.preprocess, data, size_px=self.card.image_size_px, resize=self.card.resize)
