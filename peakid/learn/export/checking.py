"""Start the process that checks an export, send it the images, and read its answer."""

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import psutil

from peakid.errors import BadInput, ParityBroken, UnreadableImage
from peakid.imaging import gate
from peakid.learn.export import messages
from peakid.learn.export.messages import Done, Line, Request
from peakid.learn.export.times import Times
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import Format
from peakid.records import Report
from peakid.remedies import action

COMMAND = [sys.executable, "-P", "-m", "peakid.learn.export.check"]
POLL_S = 0.2  # How often the caller is asked whether it still wants the answer.
READ_BYTES = 2**16


@dataclass(frozen=True)
class Answer:
    """What the files of an export predicted in a process of their own.

    Attributes:
        digests: Of the images that were compared, in the order in which they were sent.
        probabilities: By format, float32 (n, K).
        embeddings: Of the images that were compared, float32 (n, d); None without an ONNX file that gives
            them.
        reference: Of the other images, float32 (m, d).
        process_id: Of that process.
    """

    digests: Sequence[str]
    probabilities: Mapping[Format, np.ndarray]
    times: Mapping[str, Times]
    embeddings: np.ndarray | None
    reference: np.ndarray | None
    machine: str
    process_id: int


def check(
    folder: Path,
    card: Card,
    formats: Sequence[Format],
    *,
    images: Iterable[tuple[str, bytes]],
    n_images: int,
    reference: Iterable[tuple[str, bytes]] = (),
    n_reference: int = 0,
    embeds: bool | None = None,
    has_times: bool = True,
    report: Report,
) -> Answer:
    """Run the files of an export in a fresh process, on images from their bytes on.

    The process ends with the call, also where `report` raises.

    Args:
        images: (digest, bytes) of `n_images` images; read once.
        formats: Of the files that predict; none where images are only embedded.
        reference: (digest, bytes) of `n_reference` others, which only the ONNX file embeds.
        embeds: Embed the images with the ONNX file; None = if its format is among the formats.
        has_times: Measure times too.

    Raises:
        BadInput: If there are more images than said.
        ParityBroken: If there are fewer, or the process ends without an answer.
        UnreadableImage: If an image cannot be decoded.
    """
    if not n_images:
        raise _missing(0, 0)
    with tempfile.TemporaryDirectory(prefix=".check.", dir=folder) as work:
        is_embedding = "onnx" in formats if embeds is None else embeds
        request = Request(
            folder, Path(work), card, formats, n_images, n_reference, embeds=is_embedding, has_times=has_times
        )
        digests: list[str] = []
        with _started(report) as process:
            process.send(request.encoded())
            for digest, content in _exactly(images, n_images):
                digests.append(digest)
                process.send(messages.frame(content))
            if is_embedding:
                for _, content in _exactly(reference, n_reference):
                    process.send(messages.frame(content))
            done = process.answer()
        return Answer(
            digests,
            {name: np.load(request.work / f"probabilities-{name}.npy") for name in formats},
            done.times,
            _loaded(request.work / "embeddings.npy"),
            _loaded(request.work / "reference.npy"),
            done.machine,
            done.process_id,
        )


class _Process:
    """The running process. While it is written to, what it says is read: neither side waits for the other."""

    def __init__(self, process: "subprocess.Popen[bytes]", report: Report) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._report = process, report
        self._in: IO[bytes] = process.stdin
        self._out: IO[bytes] = process.stdout
        self._said = b""
        self._done: Done | None = None
        self._progress = ("Starting the check", 0, 0, "a process of its own")
        os.set_blocking(self._in.fileno(), False)

    def send(self, content: bytes) -> None:
        """Write a frame.

        Raises:
            ParityBroken, UnreadableImage: If the process refuses to go on, or has ended.
        """
        left = memoryview(content)
        with selectors.DefaultSelector() as ready:
            ready.register(self._in, selectors.EVENT_WRITE)
            ready.register(self._out, selectors.EVENT_READ)
            while left:
                for key, _ in ready.select(POLL_S):
                    if key.fileobj is self._out:
                        self._receive()
                    else:
                        left = left[self._written(left) :]
                self._report(*self._progress)

    def answer(self) -> Done:
        """Return what the process found, when it has it."""
        self._in.close()
        with selectors.DefaultSelector() as ready:
            ready.register(self._out, selectors.EVENT_READ)
            while self._done is None:
                if ready.select(POLL_S):
                    self._receive()
                self._report(*self._progress)
        return self._done

    def _written(self, content: memoryview) -> int:
        try:
            return os.write(self._in.fileno(), content[: 2**20])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            while True:  # It has ended; what it said before says why.
                self._receive()

    def _receive(self) -> None:
        received = os.read(self._out.fileno(), READ_BYTES)
        if not received:
            raise _ended(self._process)
        *lines, self._said = (self._said + received).split(b"\n")
        for line in lines:
            self._take(Line.of(line))

    def _take(self, line: Line) -> None:
        if line.error and line.reason is not None:
            raise UnreadableImage(line.reason, line.error)
        if line.error:
            raise ParityBroken(f"{line.error} Nothing was published.", line.remedy)
        if line.done is not None:
            self._done = line.done
        else:
            self._progress = line.phase, line.step, line.total, line.message
            self._report(*self._progress)


@contextlib.contextmanager
def _started(report: Report) -> Generator[_Process]:
    """Start the process; it is killed at the end, with the one that decodes for it."""
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        # The proof is for processors, where exports are used.
        env={**gate.environment(), "CUDA_VISIBLE_DEVICES": ""},
    )
    try:
        yield _Process(process, report)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _exactly(images: Iterable[tuple[str, bytes]], n: int) -> Iterator[tuple[str, bytes]]:
    n_sent = 0
    for n_sent, image in enumerate(images, start=1):
        if n_sent > n:
            raise BadInput(
                f"There are more images than the {n} predictions to compare them with.",
                "Train again.",
                action("train"),
            )
        yield image
    if n_sent < n:
        raise _missing(n_sent, n)


def _missing(n_done: int, n: int) -> ParityBroken:
    return ParityBroken(
        f"Only {n_done} of {n} validation images could be compared.",
        "Check the images.",
        action("verify_images"),
    )


def _ended(process: "subprocess.Popen[bytes]") -> ParityBroken:
    return ParityBroken(
        f"The process that checks the export ended without an answer (exit code {process.wait()})."
        " Nothing was published.",
        "Export it again. If it ends again, close other programs: it may need more memory than there is.",
    )


def _loaded(file: Path) -> np.ndarray | None:
    return np.load(file) if file.is_file() else None
