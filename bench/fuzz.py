"""Decode thousands of damaged images of each format, and count crashes and hangs: `python bench/fuzz.py`

Every case has a number and is the same each time; `--first N --cases 1` repeats one.
"""

import argparse
import io
import json
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import fuzz_watch

from peakid.errors import UnreadableImage
from peakid.imaging import inspection, pixels

LIMIT_BYTES = 2**30
SIDE_PX = 96


def originals() -> dict[str, bytes]:
    """Draw one small valid image of every kind that Peakid reads."""
    coarse = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG], exif[0x010F] = 6, "Maker"
    frames = [photo.convert("P"), photo.rotate(90).convert("P")]
    drawn = {
        "jpeg": _saved(photo, "JPEG", exif=exif),
        "jpeg progressive": _saved(photo, "JPEG", progressive=True),
        "jpeg cmyk": _saved(photo.convert("CMYK"), "JPEG"),
        "png": _saved(photo, "PNG"),
        "png 16 bit": _saved(deep, "PNG"),
        "png palette": _saved(photo.convert("P"), "PNG"),
        "png alpha": _saved(photo.convert("RGBA"), "PNG"),
        "webp": _saved(photo, "WEBP", exif=exif),
        "webp lossless": _saved(photo, "WEBP", lossless=True),
        "gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "bmp": _saved(photo, "BMP"),
        "tiff": _saved(photo, "TIFF"),
        "tiff lzw": _saved(photo, "TIFF", compression="tiff_lzw"),
    }
    return drawn | ({"avif": _saved(photo, "AVIF")} if "AVIF" in pixels.FORMATS else {})


def mutated(data: bytes, seed: int) -> bytes:
    """Damage a file in one to eight places: change, remove, repeat, blank or move bytes, or cut it off."""
    rng, out = np.random.default_rng(seed), bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        # Half of all damage goes to the header, where sizes and tables stand.
        at = int(rng.integers(0, min(len(out), 200) if rng.random() < 0.5 else len(out)))
        n = int(rng.integers(1, 33))
        kind = int(rng.integers(6))
        if kind == 0:
            out[at : at + n] = rng.bytes(min(n, len(out) - at))
        elif kind == 1 and len(out) > n + 1:
            del out[at : at + n]
        elif kind == 2:
            out[at:at] = out[at : at + n]
        elif kind == 3:
            out[at : at + n] = bytes([int(rng.choice([0, 0x7F, 0x80, 0xFF]))]) * min(n, len(out) - at)
        elif kind == 4:
            out[at] ^= 1 << int(rng.integers(8))
        elif kind == 5 and rng.random() < 0.3:
            del out[max(at, 20) :]
    return bytes(out)


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def work(pipe: Connection, first: int, last: int) -> None:
    """Look at the cases first..last-1; tell each before it begins and how it ended."""
    drawn = originals()
    names = list(drawn)
    for case in range(first, last):
        name = names[case % len(names)]
        data = mutated(drawn[name], case)
        pipe.send(("begin", case, name, ""))
        try:
            inspection.inspect(data)
            result = "read"
        except UnreadableImage as error:
            result = error.reason
        pipe.send(("end", case, name, result))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    pipe.send(("peak", last, "", str(peak)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    outcome = fuzz_watch.all_cases(work, options.first, options.first + options.cases, "images")
    print(outcome.line())
    print(
        json.dumps(
            {
                "bench": "fuzz",
                "result": outcome.results,
                "slowest_s": outcome.slowest_s,
                "peak_bytes": outcome.peak_bytes,
                "bad": outcome.bad,
            }
        )
    )
    sys.exit(bool(outcome.bad) or outcome.slowest_s > fuzz_watch.LIMIT_S or outcome.peak_bytes > LIMIT_BYTES)


if __name__ == "__main__":
    main()
