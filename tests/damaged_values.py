"""Change documents at random, as a damaged disk, a wrong editor or a hostile author would."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from peakid.errors import PeakidError

VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 60_000, 2**63, 10**400, -0.5, 1e308, float("nan"), float("inf")),
    *("", "zzz", "\x00", "\x1b[31m", "\ud800", "../../etc/passwd", "a" * 5000, "7", "nan"),
    *([], {}, [[]], [1, 2], ["a", "a"], {"a": 1}, [None] * 200),
]


def refusal(call: Callable[[], object]) -> PeakidError | None:
    """Return the error of a call, None where it has none. Anything else than a PeakidError is a failure."""
    try:
        call()
    except PeakidError as error:
        return error
    return None


def is_plain(error: PeakidError) -> bool:
    """Return whether an error is one short line with a remedy."""
    return bool(error.remedy) and str(error).isprintable() and len(str(error)) < 1200


def deep(n: int = 500) -> Any:
    value: Any = 1
    for _ in range(n):
        value = [value]
    return value


def changed(document: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return a copy in which one to three values are replaced, removed, doubled or added."""
    document = copy.deepcopy(document)
    for _ in range(rng.integers(1, 4)):
        places = list(_places(document))
        holder, key = places[rng.integers(len(places))]
        value = deep() if rng.random() < 0.05 else copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        match rng.integers(4):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(holder[key])
            case 2 if isinstance(holder, dict):
                holder[f"{key}_"] = value
            case _:
                holder[key] = value
        if not document:
            return document
    return document


def damaged_text(document: dict[str, Any], rng: np.random.Generator) -> bytes:
    """Return a changed document as JSON, in one of three cases with wrong bytes too."""
    text = bytearray(json.dumps(changed(document, rng)).encode("utf-8", "surrogatepass"))
    if rng.random() < 0.33 and text:
        for at in rng.integers(0, len(text), 3):
            text[at] = rng.integers(256)
        return bytes(text[: rng.integers(len(text))]) if rng.random() < 0.3 else bytes(text)
    return bytes(text)


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs)[:20]:
        yield value, key
        if isinstance(inner, dict | list) and depth < 5:
            yield from _places(inner, depth + 1)
