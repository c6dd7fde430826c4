"""Ask the model of a run about photos: a request waits for its turn, is answered part by part, or cancelled.

This process has one thread that asks and one process that answers (`model_process`), whatever the number of
sessions: its memory is bounded by one model, and requests of several people take turns. Photos are decoded in
the guarded process before the model sees them.
"""

import itertools
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Literal

import numpy as np

from peakid import settings
from peakid.errors import JobError, NotFound, PeakidError, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.jobs import process, refusals
from peakid.jobs.run_predictor.messages import Answer, Question, Refusal, Reply, Started, Version
from peakid.recipe import cards, run_files
from peakid.recipe.cards import RunCard
from peakid.remedies import action
from peakid.serve.predictor import ImagePrediction, scaled
from peakid.store import runs
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace

MAX_WAITING = 16  # Requests of all sessions: another one would wait for a minute or more.
CHUNK = 8  # Photos of one question: a request is cancelled between two of them.
ANSWERS_WITHIN_S = 240.0  # Loading the libraries and a large model on a busy machine takes a minute.
LOOK_S = 0.2
MODULE = "peakid.jobs.run_predictor.model_process"
LOG_NAME = "run_predictor.log"

State = Literal[
    "waiting",     # Other requests come first.
    "starting",    # The process loads its libraries.
    "loading",     # It loads the model.
    "predicting",  # The model is in memory.
    "done",        # All photos are answered.
    "failed",      # `answers` raises why.
    "cancelled",   # The rest is not asked.
]  # fmt: skip


@dataclass(frozen=True)
class RunAnswer:
    """What the model of a run says about one photo.

    Attributes:
        prediction: At the temperature and with the threshold of the run's exports.
        heat: Where the score of the most probable class comes from, uint8 (32, 32) over the part of the
            photo that the model sees; None if the photo could not be read.
    """

    prediction: ImagePrediction
    heat: np.ndarray | None = None


@dataclass(frozen=True)
class Asked:
    """What a request is about.

    Attributes:
        folder: Of the run.
        card: That of its model.
        log: Where the process writes its messages.
        top: Number of classes in each answer.
        threshold: Confidence in 0..1 below which the model abstains.
        temperature: Of the probabilities.
    """

    run_id: int
    folder: Path
    card: RunCard
    log: Path
    top: int
    threshold: float
    temperature: float


class PredictionRequest:
    """Photos that wait for the model of a run.

    Attributes:
        asked: What it is about.
        state: What happens to it now.
        n_photos: How many photos were given.
    """

    def __init__(self, asked: Asked, photos: Sequence[bytes]) -> None:
        self.asked, self.n_photos = asked, len(photos)
        self.state: State = "waiting"
        self._photos, self._answers = list(photos), list[RunAnswer]()
        self._error: PeakidError | None = None
        self._ended = threading.Event()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def n_answered(self) -> int:
        return len(self._answers)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended; return whether it has."""
        return self._ended.wait(timeout_s)

    def cancel(self) -> None:
        """Ask about no further photo. The process goes on and is ready for the next request."""
        self.end("cancelled")

    def answers(self) -> list[RunAnswer]:
        """Return the answers so far, in the order of the photos: all of them once it is done.

        Raises:
            PeakidError: Why the model could not answer.
        """
        if self._error is not None:
            raise self._error
        return list(self._answers)

    def parts(self) -> Iterator[Sequence[bytes]]:
        """Yield the photos, a few at a time, until it has ended."""
        for begin in range(0, self.n_photos, CHUNK):
            if self.has_ended:
                return
            yield self._photos[begin : begin + CHUNK]

    def add(self, answers: Sequence[RunAnswer]) -> None:
        """Keep the answers to the next photos."""
        if not self.has_ended:
            self._answers += answers

    def note(self, state: State) -> None:
        """Say what happens now."""
        if not self.has_ended:
            self.state = state

    def end(self, state: State, error: PeakidError | None = None) -> None:
        """End it unless it has ended. The photos are not kept."""
        if not self.has_ended:
            self.state, self._error = state, error
            self._ended.set()
            self._photos = []


def start(
    workspace: Workspace,
    run_id: int,
    photos: Sequence[bytes],
    *,
    top: int = 5,
    threshold: float | None = None,
) -> PredictionRequest:
    """Ask the model of a run about photos. The first request takes seconds, the next ones about one.

    Args:
        top: Number of classes in each answer, at least 1.
        threshold: Confidence in 0..1 below which the model abstains; None = that of the run's exports.

    Raises:
        NotFound: If there is no such run, or it has no model.
        WeightsUnfit: If its card is damaged.
        JobError: If too many requests wait.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    folder = runs.folder(workspace, run_id)
    point = operating_points.of_run(workspace, run_id)
    least = threshold if threshold is not None else point.threshold if point else 0.0
    temperature = point.temperature if point else 1.0
    log = workspace.logs_dir / LOG_NAME
    request = PredictionRequest(Asked(run_id, folder, _card(folder), log, top, least, temperature), photos)
    _asker.put(request)
    return request


def _card(folder: Path) -> RunCard:
    try:
        return cards.read_run(folder / run_files.CARD)
    except FileNotFoundError as error:
        raise NotFound(f"There is no trained model in {folder}.", "Train again.", action("train")) from error


@dataclass
class _Child:
    """The process that answers.

    Attributes:
        has_started: False while it loads its libraries.
        model: The run and the version of the weights that it has in memory.
    """

    process: "subprocess.Popen[bytes]"
    connection: Connection
    has_started: bool = False
    model: tuple[Path, Version] | None = None


class _Asker:
    """Takes one request after the other and asks the process about its photos."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[PredictionRequest] = queue.Queue(MAX_WAITING)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._child: _Child | None = None

    def put(self, request: PredictionRequest) -> None:
        try:
            self._waiting.put_nowait(request)
        except queue.Full:
            raise JobError(
                f"{MAX_WAITING} requests wait for the model already.", "Try again in a minute."
            ) from None
        with self._lock:
            if self._thread is None:
                # A daemon: a program that ends does not wait for an answer.
                self._thread = threading.Thread(target=self._work, daemon=True, name="run-predictor")
                self._thread.start()

    def _work(self) -> None:
        while True:
            request = self._waiting.get()
            try:
                self._answer(request)
            except PeakidError as error:
                request.end("failed", error)
            except OSError as error:  # Such as a log that cannot be written.
                request.end("failed", JobError(f"The model cannot be asked: {error}.", "Try again."))

    def _answer(self, request: PredictionRequest) -> None:
        for photos in request.parts():
            request.note(self._state(request.asked))
            read = _decoded(photos, request.asked.card)
            good = [each for each in read if isinstance(each, np.ndarray)]
            answer = self._ask(request, np.stack(good)) if good else None
            request.add(_answers(request.asked, read, answer))
        request.end("done")

    def _state(self, asked: Asked) -> State:
        """Return what the next answer of the process waits for."""
        child = self._child
        if child is None or not child.has_started or child.process.poll() is not None:
            return "starting"
        return "predicting" if child.model == (asked.folder, _version(asked)) else "loading"

    def _ask(self, request: PredictionRequest, batch: np.ndarray) -> Answer:
        question = Question(next(self._numbers), request.asked.folder, _version(request.asked), batch)
        child = self._child
        if child is not None and child.process.poll() is None:
            try:
                return self._exchange(child, question, request)
            except (EOFError, ConnectionError):
                pass  # It was idle for too long and ended just now: the next one is asked.
        child = self._child = _started(request.asked.log)
        try:
            return self._exchange(child, question, request)
        except (EOFError, ConnectionError) as error:
            code = child.process.wait(5)
            raise JobError(
                f"The process with the model of run {request.asked.run_id} ended with code {code}.",
                f"Its messages are in {request.asked.log}. Free some memory, and try again.",
            ) from error

    def _exchange(self, child: _Child, question: Question, request: PredictionRequest) -> Answer:
        """Send a question and return its answer.

        Raises:
            PeakidError: If the model cannot be used, or does not answer in time.
            EOFError, ConnectionError: If the process has ended.
        """
        child.connection.send(question)
        ends_at = time.monotonic() + ANSWERS_WITHIN_S
        while time.monotonic() < ends_at:
            request.note(self._state(request.asked))
            if not child.connection.poll(LOOK_S):
                continue
            reply: Reply = child.connection.recv()
            if isinstance(reply, Started):
                child.has_started = True
            elif reply.number == question.number and isinstance(reply, Refusal):
                child.model = None
                raise reply.error
            elif reply.number == question.number and isinstance(reply, Answer):
                child.model = (question.run_folder, question.version)
                return reply
        child.process.kill()
        self._child = None
        raise JobError(
            f"The model of run {request.asked.run_id} did not answer within {ANSWERS_WITHIN_S:.0f} s.",
            "Try again when the machine is less busy.",
        )


def _started(log: Path) -> _Child:
    own, theirs = Pipe()
    with theirs:
        idle_s = settings.Settings().predictor_idle_s
        options = ["--connection", str(theirs.fileno()), "--idle-s", str(idle_s)]
        command = [sys.executable, "-P", "-m", MODULE, *options]
        started = process.start(command, log, keeps_open=[theirs.fileno()])
    # It is waited for when it ends, so that no process without a parent's attention is left in the list.
    threading.Thread(target=started.wait, daemon=True, name="run-predictor-end").start()
    return _Child(started, own)


def _decoded(photos: Sequence[bytes], card: RunCard) -> list[np.ndarray | ImagePrediction]:
    waiting = [
        gate.submit(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize)
        for content in photos
    ]
    return [_pixels(each) for each in waiting]


def _pixels(waiting: "Future[np.ndarray]") -> np.ndarray | ImagePrediction:
    try:
        return waiting.result()
    except UnreadableImage as error:
        return ImagePrediction.unreadable(error.reason, error.message)


def _version(asked: Asked) -> Version:
    """Return the size and the time of the weights: a training that is continued writes others."""
    try:
        found = (asked.folder / run_files.WEIGHTS).stat()
    except OSError:
        return (0, 0)  # Loading says what is missing.
    return (found.st_size, found.st_mtime_ns)


def _answers(
    asked: Asked, read: Sequence[np.ndarray | ImagePrediction], answer: Answer | None
) -> list[RunAnswer]:
    rows = iter(range(len(read)))
    pred_probs = scaled(answer.pred_probs, asked.temperature) if answer else np.zeros((0, 0))
    found = []
    for each in read:
        if answer is None or isinstance(each, ImagePrediction):
            assert isinstance(each, ImagePrediction)
            found.append(RunAnswer(each))
            continue
        row, names = next(rows), asked.card.class_names
        prediction = ImagePrediction.of(names, pred_probs[row], top=asked.top, threshold=asked.threshold)
        found.append(RunAnswer(prediction, answer.heat[row]))
    return found


_asker = _Asker()
