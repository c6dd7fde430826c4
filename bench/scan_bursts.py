"""Time a scan of many pictures that resemble each other: a burst, screenshots, nearly flat pictures.

    python bench/scan_bursts.py [--images 3000] [--kinds frames,screenshots,gradients,flat] [--reference]

Draws the pictures, imports them and scans them in a new workspace. `--reference` also runs imagededup's
exhaustive search (phash, 10 bits) over the same files. Prints a table and, as the last line, JSON.
"""

import argparse
import importlib
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw

from peakid.acquire import folder
from peakid.curate import scan
from peakid.curate.duplicates import find
from peakid.store import workspace as workspaces

WORDS = ("save", "open", "edit", "view", "settings", "account", "search", "export", "sign in", "cancel")


def frame(rng: np.random.Generator, n: int) -> PIL.Image.Image:
    """A frame of a burst: one scene, moved a little, with other noise and exposure."""
    scene = np.random.default_rng(7).random((12, 16, 3)) * 255
    large = PIL.Image.fromarray(scene.astype(np.uint8)).resize((352, 264), PIL.Image.Resampling.BICUBIC)
    x, y = rng.integers(0, 10, 2).tolist()
    pixels = np.asarray(large.crop((x, y, x + 320, y + 240)), dtype=np.float32)
    pixels = pixels * rng.uniform(0.9, 1.1) + rng.normal(0, 4, pixels.shape)
    return PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def screenshot(rng: np.random.Generator, n: int) -> PIL.Image.Image:
    """A window of one program: the same bars, other text."""
    image = PIL.Image.new("RGB", (480, 300), (246, 246, 248))
    draw = PIL.ImageDraw.Draw(image)
    draw.rectangle((0, 0, 480, 24), fill=(60, 64, 72))
    draw.rectangle((0, 24, 110, 300), fill=(228, 230, 234))
    for row in range(8):
        draw.text((10, 36 + 24 * row), WORDS[row], fill=(70, 70, 80))
    for row in range(int(rng.integers(2, 16))):
        words = " ".join(rng.choice(WORDS, int(rng.integers(2, 9))))
        draw.text((124, 34 + 16 * row), words, fill=(30, 30, 40))
    return image


def gradient(rng: np.random.Generator, n: int) -> PIL.Image.Image:
    """A tall gradient with a little noise, as an empty sky."""
    top, bottom = rng.uniform(120, 250, 2)
    column = np.linspace(top, bottom, 400)[:, None] + rng.normal(0, 1.5, (400, 160))
    return PIL.Image.fromarray(column.clip(0, 255).astype(np.uint8)).convert("RGB")


def flat(rng: np.random.Generator, n: int) -> PIL.Image.Image:
    """A nearly flat picture: one grey with noise and a small faint mark."""
    pixels = rng.uniform(90, 200) + rng.normal(0, 1.5, (200, 200))
    x, y = rng.integers(20, 150, 2)
    pixels[y : y + 24, x : x + 24] += rng.uniform(4, 10)
    return PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB")


KINDS: dict[str, Callable[[np.random.Generator, int], PIL.Image.Image]] = {
    "frames": frame,
    "screenshots": screenshot,
    "gradients": gradient,
    "flat": flat,
}


def measure(kind: str, n_images: int, *, with_reference: bool) -> dict[str, object]:
    """Draw, import and scan one kind; return the figures."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place) / "photos"
        photos.mkdir()
        for n in range(n_images):
            KINDS[kind](rng, n).save(photos / f"{n:05d}.jpg", quality=88)
        workspace = workspaces.create(Path(place) / "workspace")
        folder.import_folder(workspace, photos, actor="human:bench")
        started, cpu_started = time.monotonic(), time.process_time()
        scan.scan(workspace)
        seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu_started
        n_pairs = workspace.query("SELECT COUNT(*) AS n FROM duplicate_pair")[0]["n"]
        n_groups = len(set(find.groups(workspace).values()))
        started = time.monotonic()
        find.scan(workspace)
        row = {"kind": kind, "images": n_images, "scan_s": round(seconds, 1)}
        row |= {"cpu_s": round(cpu_s, 1), "groups": n_groups}
        row |= {"pairs": n_pairs, "rescan_s": round(time.monotonic() - started, 2)}
        row["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if with_reference:
            row["imagededup_s"] = round(_reference_s(photos), 1)
        return row


def _reference_s(photos: Path) -> float:
    methods = importlib.import_module("imagededup.methods")
    started = time.monotonic()
    methods.PHash(verbose=False).find_duplicates(image_dir=str(photos), max_distance_threshold=10)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--reference", action="store_true")
    options = parser.parse_args()
    rows = []
    for kind in options.kinds.split(","):
        rows.append(measure(kind, options.images, with_reference=options.reference))
        if len(rows) == 1:
            print("  ".join(f"{name:>12}" for name in rows[0]))
        print("  ".join(f"{value!s:>12}" for value in rows[-1].values()), flush=True)
    print(json.dumps({"images": options.images, "rows": rows}))


if __name__ == "__main__":
    main()
