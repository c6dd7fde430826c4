"""Times are measured over many calls, after a warm-up."""

import io

import numpy as np
from PIL import Image

from peakid.export_records import N_BATCH
from peakid.learn.export import times
from peakid.learn.network.model import Card

HALF = (0.5, 0.5, 0.5)
CARD = Card("plain_cnn", ["moss", "rust"], 8, "crop", HALF, HALF, 2, {}, "", {})


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 10, 10)).save(out, "PNG")
    return out.getvalue()


def test_calls_are_counted_after_a_warm_up_until_the_time_is_over() -> None:
    calls: list[int] = []
    found = times.measured(lambda: calls.append(1), max_s=60)
    assert (found.n_calls, len(calls)) == (times.N_CALLS, times.N_CALLS + times.N_WARM_UP)
    assert 0 <= found.p50_ms <= found.p95_ms
    assert times.measured(lambda: None, max_s=0).n_calls == times.MIN_CALLS


def test_a_batch_has_32_images_also_where_there_are_fewer() -> None:
    sizes: set[int] = set()

    def predict(batch: np.ndarray) -> np.ndarray:
        sizes.add(len(batch))
        return np.zeros((len(batch), 2), dtype=np.float32)

    times.of(predict, np.zeros((3, 8, 8, 3), dtype=np.uint8), [picture()], CARD, max_s=0)
    assert sizes == {1, N_BATCH}


def test_the_machine_is_named_with_its_cores() -> None:
    assert times.machine().split(", ")[-1].split(" ")[1] in ("core", "cores")
