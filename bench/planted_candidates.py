"""Photos of four classes that a local server lists as Flickr does, with planted faults, for a benchmark."""

import io
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services

CLASSES = ("buildings", "forest", "glacier", "sea")
OTHERS = ("mountain", "street")
SHARE_IRRELEVANT, SHARE_COPIES, SHARE_WRONG, SHARE_GONE = 0.10, 0.08, 0.06, 0.02


@dataclass(frozen=True)
class Planted:
    """A photo that the service lists for a class. `truth` is what it shows; '' = none of the classes."""

    data: bytes
    truth: str
    is_copy: bool = False
    is_gone: bool = False


def planted(data: Path, n_per_class: int, seed: int) -> dict[str, list[Planted]]:
    """Choose the photos that the service lists for each class, in a random order."""
    rng = random.Random(seed)
    shuffled = {name: _files(data, name, rng) for name in (*CLASSES, *OTHERS)}
    of_others = [file for name in OTHERS for file in shuffled[name]]
    rng.shuffle(of_others)
    n_irrelevant, n_copies = round(SHARE_IRRELEVANT * n_per_class), round(SHARE_COPIES * n_per_class)
    n_wrong = round(SHARE_WRONG * n_per_class)
    listed: dict[str, list[Planted]] = {}
    for place, name in enumerate(CLASSES):
        n_own = min(n_per_class - n_irrelevant - n_copies - n_wrong, len(shuffled[name]) - n_wrong)
        own = [Planted(file.read_bytes(), name) for file in shuffled[name][:n_own]]
        # What the next class has beyond its own photos is listed here, under the wrong name.
        other = CLASSES[(place + 1) % len(CLASSES)]
        wrong = [Planted(file.read_bytes(), other) for file in shuffled[other][-n_wrong:]]
        irrelevant = [Planted(of_others.pop().read_bytes(), "") for _ in range(n_irrelevant)]
        n_copies_here = n_per_class - n_own - n_wrong - n_irrelevant
        copies = [Planted(_smaller(rng.choice(own).data), name, is_copy=True) for _ in range(n_copies_here)]
        found = [*own, *wrong, *irrelevant, *copies]
        rng.shuffle(found)
        n_gone = max(1, round(SHARE_GONE * n_per_class))
        gone = [Planted(each.data, each.truth, each.is_copy, is_gone=True) for each in found[:n_gone]]
        listed[name] = [*gone, *found[n_gone:]]
        rng.shuffle(listed[name])
    return listed


def _files(data: Path, name: str, rng: random.Random) -> list[Path]:
    found = sorted(
        file for part in ("seg_train", "seg_test") for file in (data / "intel6" / part / name).iterdir()
    )
    rng.shuffle(found)
    return found


def _smaller(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    out = io.BytesIO()
    image.resize((image.width * 4 // 5, image.height * 4 // 5)).save(out, "JPEG", quality=80)
    return out.getvalue()


@contextmanager
def services(listed: dict[str, list[Planted]]) -> Iterator[tuple[str, Callable[[str], Planted]]]:
    """Play Flickr; give the address, and what a URL of a picture shows."""
    photos = [each for name in CLASSES for each in listed[name]]
    library = Library({name: len(listed[name]) for name in CLASSES})

    def of_url(url: str) -> Planted:
        return photos[int(re.search(r"/photos/(\d+)", url)[1])]

    def fault(asked: Asked, _n_before: int) -> Answer | None:
        is_gone = asked.path.startswith("/photos/") and of_url(asked.path).is_gone
        return Answer(status=404) if is_gone else None

    served = played_services(library, picture=lambda number, size: photos[number].data, fault=fault)
    with served.running():
        yield served.url, of_url
