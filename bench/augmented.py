"""Measure how many augmented copies of photos are found: `python bench/augmented.py --part together`.

`together`: each photo with copies that were turned, sheared, cropped, mirrored and recoloured at once.
`edits`: the edits of bench/edits.py, and stronger ones. Limits were chosen on the photos with an even number
(`--half 0`).
"""

import argparse
import io
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import edits
from bench.edits import Edit, cropped, noise
from peakid.curate.duplicates import view_candidates, view_search
from peakid.imaging import overlay, views
from peakid.jobs.arguments import ChangedCopiesArguments
from peakid.learn.views import ViewNetwork
from peakid.settings import for_job

COLLECTIONS = ("summits14_raw", "otters", "intel6/seg_train")
STRENGTHS = (0.4, 0.6, 0.8, 1.0)
N_TOGETHER, N_EDITED = 75, 25  # Photos of a half with copies.
ONE_VIEW = (0.9, 0.95)  # imagededup's CNN takes pairs above .9 unless told otherwise.
Pair = tuple[int, int]


def hue(image: Image.Image, degrees: float) -> Image.Image:
    """Turn the colours of a photo round the colour circle."""
    h, s, v = image.convert("HSV").split()
    turned = h.point([(value + round(degrees / 360 * 256)) % 256 for value in range(256)])
    return Image.merge("HSV", (turned, s, v)).convert("RGB")


def sheared(image: Image.Image, share: float) -> Image.Image:
    """Move the bottom of a photo aside by a share of its height; the corners left empty are black."""
    shift = share * image.height
    return image.transform(
        image.size, Image.Transform.AFFINE, (1, share, -shift / 2, 0, 1, 0), Image.Resampling.BICUBIC
    )


def turned(degrees: float) -> Edit:
    return lambda image, _: image.rotate(degrees, Image.Resampling.BICUBIC)


def warm(image: Image.Image, _rng: np.random.Generator) -> Image.Image:
    bands = zip(image.split(), (1.3, 1.0, 0.6), strict=True)
    return Image.merge(
        "RGB",
        [band.point([round(min(255, value * factor)) for value in range(256)]) for band, factor in bands],
    )


def together(image: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """Change a photo in every way at once.

    Args:
        strength: 0..1. At 1: turned by up to 45 degrees, hue by up to 180, sheared by .3, cropped to .6 of
            its sides, mirrored every other time, brighter or darker by half.
    """
    one = ImageOps.mirror(image) if rng.random() < 0.5 else image
    one = one.rotate(float(rng.uniform(-45, 45)) * strength, Image.Resampling.BICUBIC)
    one = sheared(one, float(rng.uniform(-0.3, 0.3)) * strength)
    one = cropped(float(rng.uniform(0, 0.4)) * strength)(one, rng)
    one = hue(one, float(rng.uniform(-180, 180)) * strength)
    one = ImageEnhance.Brightness(one).enhance(float(1 + rng.uniform(-0.5, 0.5) * strength))
    one = ImageEnhance.Contrast(one).enhance(float(1 + rng.uniform(-0.4, 0.4) * strength))
    out = io.BytesIO()
    one.save(out, "JPEG", quality=85)
    return Image.open(out).convert("RGB")


EDITS: dict[str, Edit] = {
    **edits.EDITS,
    "crop 40 %": cropped(0.40),
    "turn 15": turned(15),
    "turn 45": turned(45),
    "hue": lambda image, rng: hue(image, float(rng.uniform(60, 300))),
    "warm": warm,
    "mirrored, noise": lambda image, rng: noise(ImageOps.mirror(image), rng),
}


@dataclass
class Photos:
    """The photos that are compared: which original each shows, and how it was changed ('' = not)."""

    images: list[Image.Image] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)

    def add(self, image: Image.Image, source: int, kind: str) -> None:
        self.images.append(image)
        self.source.append(source)
        self.kind.append(kind)


def photos(base: list[Image.Image], part: str, half: int) -> Photos:
    """Return the originals of one half, the first of them with their copies."""
    found = Photos()
    for n in range(half, len(base), 2):
        found.add(base[n], n, "")
        rng = np.random.default_rng((11, n))
        if part == "together" and n // 2 < N_TOGETHER:
            for strength in STRENGTHS:
                found.add(together(base[n], rng, strength), n, f"strength {strength}")
        elif part == "edits" and n // 2 < N_EDITED:
            for name, edit in EDITS.items():
                found.add(edit(base[n], rng), n, name)
    return found


def looked_for(found: Photos, part: str) -> dict[Pair, str]:
    """Return the pairs of one original with their kind: any two photos, or the original with each edit."""
    pairs = {}
    for i in range(len(found.images)):
        for j in range(i + 1, len(found.images)):
            if found.source[i] != found.source[j]:
                break  # Copies follow their original.
            if part == "together" or not found.kind[i]:
                pairs[i, j] = found.kind[j]
    return pairs


class Costs:
    """CPU milliseconds of each stage."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    def of(self, name: str, n: int, act: Callable[[], object]) -> object:
        started = time.process_time()
        result = act()
        self.ms[name] = (time.process_time() - started) / max(1, n) * 1e3
        return result


def by_views(greys: list[Image.Image], network: ViewNetwork, costs: Costs) -> dict[str, set[Pair]]:
    """Search as the job does; return the pairs by strength."""
    n = len(greys)
    seen = costs.of("views, a photo", n, lambda: [views.of(grey) for grey in greys])
    vectors = costs.of(
        "embedding, a photo",
        n,
        lambda: np.concatenate([network.embed(np.stack(seen[at : at + 32])) for at in range(0, n, 32)]),
    )
    stored = vectors.astype(np.float16).reshape(n, len(views.NAMES), -1)
    candidates: set[Pair] = set()

    def propose() -> None:
        known = view_candidates.projected(stored, views.BASE)
        alone = np.arange(n)
        for row, others, _ in view_candidates.nearest(known, range(n), base=views.BASE, groups=alone):
            candidates.update((min(row, other), max(row, other)) for other in others.tolist())

    costs.of("candidates, a photo", n, propose)
    points = costs.of("keypoints, a photo", n, lambda: [overlay.Picture.of(grey) for grey in greys])
    found: dict[str, set[Pair]] = {"candidate": candidates, "strong": set(), "proposed": set()}

    def compare() -> None:
        for i, j in sorted(candidates):
            laid = overlay.between(points[i], points[j])
            strength = None if laid is None else view_search.strength_of(laid)
            if strength is not None:
                found[strength].add((i, j))

    costs.of("overlay, a pair", len(candidates), compare)
    costs.ms["pairs a photo"] = len(candidates) / n
    return found


def by_one_view(found: Photos, network: ViewNetwork) -> np.ndarray:
    """Return the cosine of every two photos, each embedded once: imagededup's way, with this backbone."""
    side = (views.SIDE_PX, views.SIDE_PX)
    rows = [np.asarray(image.resize(side, Image.Resampling.BICUBIC)) for image in found.images]
    vectors = np.concatenate(
        [network.embed_each(np.stack(rows[at : at + 64])) for at in range(0, len(rows), 64)]
    )
    return vectors @ vectors.T


def told(
    name: str, pairs: set[Pair], wanted: dict[Pair, str], found: Photos, twins: set[Pair]
) -> dict[str, object]:
    """Print recall and precision of one method. Originals that are copies themselves count as neither."""
    hits = Counter(wanted[pair] for pair in pairs if pair in wanted)
    others = {(found.source[i], found.source[j]) for i, j in pairs if found.source[i] != found.source[j]}
    false = [
        (i, j)
        for i, j in pairs
        if found.source[i] != found.source[j]
        and tuple(sorted((found.source[i], found.source[j]))) not in twins
    ]
    right = hits.total()
    recall, precision = right / len(wanted), right / max(1, right + len(false))
    print(
        f"{name:<28} recall {recall:.3f}  precision {precision:.4f}  false pairs {len(false):>6,}", flush=True
    )
    totals = Counter(wanted.values())
    by_kind = {kind: round(hits[kind] / n, 3) for kind, n in totals.items()}
    return {
        "recall": recall,
        "precision": precision,
        "false": len(false),
        "false_by_kind": dict(Counter(max(found.kind[i], found.kind[j]) for i, j in false)),
        "twins": len(others) - len({(found.source[i], found.source[j]) for i, j in false}),
        "by_kind": by_kind,
    }


def write_false(folder: Path, pairs: set[Pair], found: Photos) -> None:
    """Write each pair of different originals as one picture, so that a person can look at it."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, j in sorted(pairs):
        if found.source[i] != found.source[j]:
            both = [found.images[n].copy() for n in (i, j)]
            for each in both:
                each.thumbnail((320, 320))
            sheet = Image.new("RGB", (650, 320), "white")
            sheet.paste(both[0], (0, 0))
            sheet.paste(both[1], (330, 0))
            sheet.save(folder / f"{found.source[i]}-{found.source[j]}.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--part", choices=["together", "edits"], default="together")
    parser.add_argument("--half", type=int, choices=[0, 1], default=1)
    parser.add_argument("--images", type=int, default=400, help="originals of both halves")
    parser.add_argument("--twins", default="", help="pairs of originals that are copies, as 106-258,418-524")
    parser.add_argument("--out", type=Path, help="write the false pairs here")
    arguments = parser.parse_args()
    edits.COLLECTIONS = COLLECTIONS
    base = edits.originals(arguments.data, arguments.images)
    if not base:
        raise SystemExit(f"no photos in {arguments.data}: give a folder with --data")
    found = photos(base, arguments.part, arguments.half)
    wanted = looked_for(found, arguments.part)
    print(
        f"{len(found.images):,} photos, {len(wanted):,} pairs looked for; {os.cpu_count()} cores", flush=True
    )
    twins = {tuple(sorted(map(int, each.split("-")))) for each in arguments.twins.split(",") if each}
    costs, rows = Costs(), {}
    greys = [edits.grey(image) for image in found.images]
    network = ViewNetwork(ChangedCopiesArguments().arch, for_job())
    by_strength = by_views(greys, network, costs)
    hashed = {(min(pair), max(pair)) for pair in edits.peakid(found.images)}
    cosines = by_one_view(found, network)
    methods = {f"one view, cosine {least}": pairs_above(cosines, least) for least in ONE_VIEW}
    methods |= {"hashes": hashed, "candidates of six views": by_strength["candidate"]}
    methods |= {
        "strong": by_strength["strong"],
        "strong or proposed": by_strength["strong"] | by_strength["proposed"],
    }
    methods |= {"hashes or strong": hashed | by_strength["strong"]}
    for name, pairs in methods.items():
        rows[name] = told(name, pairs, wanted, found, twins)
    kinds = list(dict.fromkeys(wanted.values()))
    names = ["one view, cosine 0.9", "hashes", "strong", "hashes or strong"]
    print("\n" + f"{'recall by kind':<20}" + "".join(f"{name[-16:]:>18}" for name in names))
    for kind in kinds:
        print(f"{kind:<20}" + "".join(f"{rows[name]['by_kind'][kind]:>18.2f}" for name in names))
    print("\nCPU ms: " + ", ".join(f"{name} {ms:.1f}" for name, ms in costs.ms.items()))
    if arguments.out:
        write_false(arguments.out, methods["strong or proposed"], found)
    packages = {name: version(name) for name in ("torch", "numpy", "scipy", "timm")}
    print(json.dumps({"bench": "augmented", "part": arguments.part, "half": arguments.half, "rows": rows,
                      "ms": costs.ms, "versions": packages}))  # fmt: skip


def pairs_above(cosines: np.ndarray, least: float) -> set[Pair]:
    rows, columns = np.nonzero(np.triu(cosines, 1) >= least)
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


if __name__ == "__main__":
    main()
