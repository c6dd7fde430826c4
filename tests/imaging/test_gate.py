"""Whatever is decoded outside an import passes the guarded process, with its limits of time and memory."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.errors import UnreadableImage
from peakid.imaging import cost, gate, inspection, pixels


def webp(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def test_the_guarded_process_gives_the_result_of_the_function(draw: Callable[..., bytes]) -> None:
    data = draw(3, size=(300, 200))
    assert gate.call(inspection.inspect, data) == inspection.inspect(data)
    guarded = gate.call(pixels.preprocess_many, data, [16, 32], resize="pad")
    here = pixels.preprocess_many(data, [16, 32], resize="pad")
    assert all(np.array_equal(one, two) for one, two in zip(guarded, here, strict=True))


def test_a_file_that_is_not_an_image_is_rejected_with_the_same_reason() -> None:
    with pytest.raises(UnreadableImage) as refused:
        gate.call(inspection.inspect, b"<html>")
    assert (refused.value.reason, refused.value.message) == (
        "not_an_image",
        "a web page, an SVG or another markup file",
    )


def test_the_guarded_process_reads_a_file_itself(draw: Callable[..., bytes], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(draw(3))
    found = gate.submit_file(inspection.inspect, tmp_path / "a.jpg").result()
    assert found == inspection.inspect(draw(3))
    with pytest.raises(OSError, match="not a regular file"):
        gate.submit_file(inspection.inspect, tmp_path).result()
    with pytest.raises(FileNotFoundError):
        gate.submit_file(inspection.inspect, tmp_path / "b.jpg").result()


@pytest.mark.parametrize(
    "data",
    [
        webp(Image.new("RGB", (301, 207)), quality=50),
        webp(Image.new("RGB", (301, 207)), lossless=True),
        webp(Image.new("RGBA", (301, 207), (1, 2, 3, 9)), quality=50),
    ],
    ids=["lossy", "lossless", "extended"],
)
def test_the_size_of_a_webp_is_read_without_its_decoder(data: bytes) -> None:
    assert cost.webp_pixels(data) == 301 * 207
    assert cost.webp_pixels(data[:14]) in (0, 1)  # Cut off: no error.


def test_other_formats_are_no_webp(draw: Callable[..., bytes]) -> None:
    assert cost.webp_pixels(draw(1)) == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_the_estimates_of_memory_are_in_order(format: str, draw: Callable[..., bytes]) -> None:
    data = draw(2, size=(400, 300), format=format)
    least = cost.least_bytes(Image.open(io.BytesIO(data)))
    assert 0 <= least <= cost.most_bytes(data)
    assert cost.most_bytes(data) >= 400 * 300 * 4  # The result alone.
    assert cost.most_bytes(b"no image") == 0
