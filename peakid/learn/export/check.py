"""The process that checks an export: it decodes each image once, runs every file and measures its times.

It is a fresh one, so that a file that only works in the process that wrote it is found out. `checking` starts
it; `messages` has what it is sent and answers.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import BinaryIO

import numpy as np
import torch

from peakid import progress_text
from peakid.errors import PeakidError, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.learn.export import formats, messages, times
from peakid.learn.export.by_format import onnx_file
from peakid.learn.export.messages import Done, Line, Request
from peakid.learn.export.times import Times
from peakid.learn.export.trained import Predict
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import Format

CHUNK = 32  # Images predicted at once: 5 MB at 224 px.
AHEAD = 8  # Images that are decoded while others are stored.
TIMED_FILES, TIMED_BYTES = 16, 32 * 2**20  # Whose bytes are kept for measuring with decoding.
WATCH_S = 1.0

Tell = Callable[[Line], None]
"""Write a line of the answer."""


def main() -> None:
    """Check what the request on stdin names; write progress and the answer to stdout."""
    out = _own_stdout()

    def tell(line: Line) -> None:
        out.write(line.encoded())
        out.flush()

    _end_with_parent()
    stream = sys.stdin.buffer
    request = Request.of(messages.read_frame(stream))
    try:
        found = _checked(request, stream, tell)
    except UnreadableImage as error:
        tell(Line(error=error.message, reason=error.reason))
    except PeakidError as error:
        tell(Line(error=error.message, remedy=error.remedy))
    else:
        tell(Line(done=found))


def _checked(request: Request, stream: BinaryIO, tell: Tell) -> Done:
    if not request.has_times:
        gate.limit_threads(torch.get_num_threads())
    canonical, contents = _stored(request, stream, tell)
    found: dict[str, Times] = {}
    for name in request.formats:
        tell(Line("Loading the exported file", message=name))
        predict = formats.READERS[name](request.file(name), request.card)
        predicted = _predicted(predict, canonical, name, tell)
        np.save(request.work / f"probabilities-{name}.npy", predicted, allow_pickle=False)
        if request.has_times:
            tell(Line("Measuring times", message=name))
            found[name] = times.of(predict, canonical, contents, request.card)
        del predict  # One model in memory at a time.
    if request.embeds:
        _embed(request, canonical, stream, tell)
    return Done(found, times.machine(), os.getpid())


def _stored(request: Request, stream: BinaryIO, tell: Tell) -> tuple[np.ndarray, list[bytes]]:
    """Decode the images that are compared into a file, and keep the bytes of the first ones."""
    size_px, n, file = request.card.image_size_px, request.n_images, request.work / "pixels.npy"
    canonical = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(n, size_px, size_px, 3))
    file.unlink()  # It stays open. A process that is killed leaves nothing on the disk.
    contents: list[bytes] = []
    for row, (content, read) in enumerate(_decoded(stream, n, request.card)):
        canonical[row] = read
        if not contents or (len(contents) < TIMED_FILES and sum(map(len, contents)) < TIMED_BYTES):
            contents.append(content)
        _count(tell, "Reading validation images", row + 1, n)
    return canonical, contents


def _decoded(stream: BinaryIO, n: int, card: Card) -> Iterator[tuple[bytes, np.ndarray]]:
    """Yield the bytes and the canonical pixels of the next `n` images, decoded side by side."""
    waiting: deque[tuple[bytes, Future[np.ndarray]]] = deque()
    for _ in range(n):
        content = messages.read_frame(stream)
        work = gate.submit(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize)
        waiting.append((content, work))
        if len(waiting) == AHEAD:
            content, work = waiting.popleft()
            yield content, work.result()
    while waiting:
        content, work = waiting.popleft()
        yield content, work.result()


def _predicted(predict: Predict, canonical: np.ndarray, name: Format, tell: Tell) -> np.ndarray:
    found: list[np.ndarray] = []
    for start in range(0, len(canonical), CHUNK):
        found.append(predict(np.ascontiguousarray(canonical[start : start + CHUNK])))
        _count(tell, f"Checking the export, {name}", min(start + CHUNK, len(canonical)), len(canonical))
    return np.concatenate(found)


def _embed(request: Request, canonical: np.ndarray, stream: BinaryIO, tell: Tell) -> None:
    embed = onnx_file.read_embedding(request.file("onnx"))
    parts = [
        embed(np.ascontiguousarray(canonical[start : start + CHUNK]))
        for start in range(0, len(canonical), CHUNK)
    ]
    np.save(request.work / "embeddings.npy", np.concatenate(parts), allow_pickle=False)
    parts, batch = [], []
    for row, (_, read) in enumerate(_decoded(stream, request.n_reference, request.card), start=1):
        batch.append(read)
        if len(batch) == CHUNK or row == request.n_reference:
            parts.append(embed(np.stack(batch)))
            batch = []
        _count(tell, "Embedding training images", row, request.n_reference, "training images")
    if parts:
        np.save(request.work / "reference.npy", np.concatenate(parts), allow_pickle=False)


def _count(tell: Tell, phase: str, n: int, total: int, of_what: str = "validation images") -> None:
    tell(Line(phase, n, total, progress_text.counted(n, total, of_what)))


def _own_stdout() -> BinaryIO:
    """Return the stdout of this process, and send what libraries print to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb")


def _end_with_parent() -> None:
    """End this process when the one that started it has gone: no one reads the answer."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Libraries have hung in their exit handlers.
