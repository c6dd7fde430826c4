"""Sort photos into albums with an export, against the albums of another classifier.

`python bench/albums.py --data FOLDER --export FOLDER [--sheets FOLDER]`: the photos of cene_demo, with a
model of the classes of intel6. The other classifier is an older one and no truth: the agreement says how
often two models agree, with a Wilson interval. With --sheets, a sheet of the photos of each album is drawn,
the least certain first, with what the other one says below each.
"""

import argparse
import io
import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.evaluate.intervals import wilson
from peakid.serve.albums import kept, plan
from peakid.serve.albums.plan import AlbumPlan, AlbumRules
from peakid.serve.predictor import Predictor

TOGETHER = {"mountain and glacier": ("mountain", "glacier")}
TILE_PX, PER_ROW = 150, 8


def others(file: Path, class_names: set[str]) -> dict[str, str]:
    """Return the album of each photo by its name, as a class of the model where one means the same."""
    albums: dict[str, list[str]] = json.loads(file.read_text())
    found = {}
    for title, names in albums.items():
        low = title.lower()
        same = next((each for each in class_names if low in (each, f"{each}s")), title)
        found.update(dict.fromkeys(names, same))
    return found


def agreement(planned: AlbumPlan, other: dict[str, str], groups: dict[str, tuple[str, ...]]) -> dict:
    """Return how often both models name the same album, of the photos that are not in `other`."""
    album_of = {name: album for album, members in groups.items() for name in members}
    rows = [each for each in planned.placements if each.path in other and each.album != plan.OTHER]
    same = sum(each.album == album_of.get(other[each.path], other[each.path]) for each in rows)
    low, high = wilson(same, len(rows)) if rows else (0.0, 1.0)
    return {"n": len(rows), "n_same": same, "share": same / max(len(rows), 1), "interval": [low, high]}


def draw_sheets(planned: AlbumPlan, folder: Path, other: dict[str, str], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for album in planned.counts():
        rows = sorted(
            (each for each in planned.placements if each.album == album), key=lambda e: e.confidence
        )
        height = (TILE_PX + 28) * -(-len(rows) // PER_ROW)
        sheet = Image.new("RGB", (TILE_PX * PER_ROW, height), "white")
        write = ImageDraw.Draw(sheet)
        for n, each in enumerate(rows):
            left, top = TILE_PX * (n % PER_ROW), (TILE_PX + 28) * (n // PER_ROW)
            with Image.open(io.BytesIO((folder / each.path).read_bytes())) as photo:
                small = photo.convert("RGB")
                small.thumbnail((TILE_PX - 6, TILE_PX - 6))
                sheet.paste(small, (left + 3, top + 3))
            write.text(
                (left + 3, top + TILE_PX - 1), f"{each.path} {each.label} {each.confidence:.2f}", "black"
            )
            write.text((left + 3, top + TILE_PX + 11), f"other: {other.get(each.path, '-')}", "grey")
        sheet.save(out / f"{album.replace('/', '_')}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/.")
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--sheets", type=Path)
    given = parser.parse_args()
    source = given.data / "data" / "cene_demo"
    predictor = Predictor(given.export, n_threads=1)
    other = others(source / "albums.json", set(predictor.class_names))
    found, _ = kept.predict(predictor, source / "photos", given.sheets or source, is_kept=False)
    rows = {}
    for title, rules in {
        "each class": AlbumRules(),
        "threshold .6": AlbumRules(0.6),
        "threshold .8": AlbumRules(0.8),
        "mountain and glacier": AlbumRules(groups=TOGETHER),
    }.items():
        planned = plan.make(found, rules)
        rows[title] = agreement(planned, other, dict(rules.groups))
        rows[title]["n_other"] = planned.counts().get(plan.OTHER, 0)
    planned = plan.make(found, AlbumRules())
    pairs = Counter((each.album, other.get(each.path, "-")) for each in planned.placements)
    print(f"{len(found.paths)} photos, onnxruntime {version('onnxruntime')}, {os.cpu_count()} cores")
    for title, row in rows.items():
        low, high = row["interval"]
        share = f"{row['share']:.1%} ({low:.1%}-{high:.1%}, n = {row['n']})"
        print(f"{title:24}{share:34}{row['n_other']:4} in other")
    for (album, theirs), n in sorted(pairs.items(), key=lambda each: -each[1]):
        if album != theirs:
            print(f"  {n:3} in {album}, {theirs} for the other one")
    if given.sheets:
        draw_sheets(planned, source / "photos", other, given.sheets)
    print(json.dumps({"bench": "albums", "rows": rows, "albums": planned.counts()}))


if __name__ == "__main__":
    main()
