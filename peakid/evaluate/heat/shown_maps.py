"""The heat maps of a run on one split as its pages and commands show them, and drawn over their images."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from peakid import printable
from peakid.curate import classes
from peakid.evaluate import score_text
from peakid.evaluate.heat import heat_shares, overlay, trusted
from peakid.evaluate.heat.heat_shares import HeatShare, Region
from peakid.imaging import gate, pixels
from peakid.records import Run
from peakid.store import images
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace

PLACES: Mapping[Region, str] = {
    "border": "on the border",
    "outside centre": "outside the centre",
    "top": "in the upper third",
    "bottom": "in the lower third",
    "top left": "in the top left corner",
    "top right": "in the top right corner",
    "bottom left": "in the bottom left corner",
    "bottom right": "in the bottom right corner",
}
SIZE_PX = 320  # Of a drawn map: larger than what most networks see.
SMALL_PX = 160  # Of a map in an overview.


@dataclass(frozen=True)
class ShownMap:
    """The map of one image of a split for one class.

    Attributes:
        group_key: Of the image: near duplicates have the same.
        is_predicted: Whether the class is the predicted one.
    """

    group_key: str
    class_name: str
    is_predicted: bool
    is_right: bool
    given: str
    predicted: str
    map: HeatMap

    @property
    def is_trusted(self) -> bool:
        return trusted.is_trusted(self.map.check)


@dataclass(frozen=True)
class SplitMaps:
    """All maps of a run for the images of one split, in the order in which they were computed.

    Attributes:
        shares: Of the trusted maps for the predicted class; see `heat_shares.of_classes`.
    """

    class_names: tuple[str, ...]
    maps: tuple[ShownMap, ...]
    shares: tuple[HeatShare, ...]

    @property
    def n_trusted(self) -> int:
        return sum(each.is_trusted for each in self.maps)

    @property
    def n_images(self) -> int:
        return len({each.map.digest for each in self.maps})

    @property
    def shortcuts(self) -> list[HeatShare]:
        """The regions in which a class has significantly more heat than an even map."""
        return [each for each in self.shares if each.is_shortcut]


def of_images(class_names: Sequence[str], maps: Sequence[ShownMap]) -> SplitMaps:
    """Return maps with the shares of their heat."""
    counted = [each for each in maps if each.is_predicted and each.is_trusted]
    numbers = {key: n for n, key in enumerate(dict.fromkeys(each.group_key for each in counted))}
    shares = heat_shares.of_classes(
        [each.map.heat for each in counted],
        [each.map.class_index for each in counted],
        [numbers[each.group_key] for each in counted],
    )
    return SplitMaps(tuple(class_names), tuple(maps), tuple(shares))


def load(workspace: Workspace, run: Run, split: str) -> SplitMaps:
    """Return the maps that a run has for the images of a split. Only the rows of these images are read."""
    stored = heat_maps.read(workspace, run.run_id)
    facts = _facts(workspace, run, split, [digest for digest, _ in stored])
    current = classes.current_names(workspace)
    shown = [
        _shown(each, facts[digest], run.class_names, current)
        for (digest, _), each in stored.items()
        if digest in facts
    ]
    return of_images(run.class_names, shown)


def drawn(
    workspace: Workspace, run: Run, heat_map: HeatMap, *, opacity: float, is_small: bool = False
) -> np.ndarray:
    """Return what the network sees of an image with the map over it: uint8 of shape (S, S, 3).

    Args:
        opacity: Of the hottest place, in 0..1; 0 = the image alone.
        is_small: For an overview: from the thumbnail, which takes a fifth of the time.

    Raises:
        NotFound: If the image was forgotten.
        UnreadableImage: If it cannot be decoded.
    """
    read, size_px = (images.thumbnail, SMALL_PX) if is_small else (images.read_bytes, SIZE_PX)
    data = read(workspace, heat_map.digest)
    resize = run.recipe.get("resize", "crop")
    seen = gate.call(pixels.preprocess, data, size_px=size_px, resize=resize)
    return overlay.blend(seen, heat_map.heat, opacity)


def finding(found: SplitMaps) -> str:
    """Return in one sentence how many maps may be believed."""
    of_all = f"{found.n_trusted:,} of {len(found.maps):,} heat maps"
    return f"{of_all} of {found.n_images:,} images passed their tests."


def shortcut_texts(found: SplitMaps) -> list[str]:
    """Return where a class has significantly more heat than an even map, in words, without full stops."""
    return [share_text(each, found.class_names) for each in found.shortcuts]


def share_document(share: HeatShare, class_names: Sequence[str]) -> dict[str, Any]:
    """Return a share as `--json` prints it."""
    return {
        "class_name": class_names[share.class_index],
        "region": share.region,
        "n": share.n,
        "share": share.share,
        "interval": list(share.interval),
        "even": share.even,
        "p": share.p,
        "is_shortcut": share.is_shortcut,
    }


def share_text(share: HeatShare, class_names: Sequence[str]) -> str:
    """Return a share in words.

    Such as `eiger: 61 % of the heat on the border (52-70 %, n = 12), an even map has 44 %`.
    """
    where = PLACES[share.region]
    return (
        f"{class_names[share.class_index]}: {printable.percent(share.share)} of the heat {where}"
        f" ({score_text.span(share.interval)}, n = {share.n}), an even map has"
        f" {printable.percent(share.even)}"
    )


def document(shown: ShownMap) -> dict[str, Any]:
    """Return a map as `--json` prints it, without its values."""
    return {
        "digest": shown.map.digest,
        "class_name": shown.class_name,
        "given": shown.given,
        "predicted": shown.predicted,
        "is_right": shown.is_right,
        **check_document(shown.map),
    }


def check_document(heat_map: HeatMap) -> dict[str, Any]:
    """Return what testing a map found, and whether it is trusted."""
    check = heat_map.check
    doubt = trusted.doubt(check)
    return {
        "is_trusted": doubt is None,
        "doubt": doubt,
        "reason": "" if doubt is None else trusted.REASONS[doubt],
        "probability": check.probability,
        "hidden_probability": check.hidden_probability,
        "lost": check.lost,
        "lost_elsewhere": check.lost_elsewhere,
        "p_regions": check.p_regions,
        "p_networks": check.p_networks,
        "similarity": check.similarity,
        "hot_share": check.hot_share,
        "heat_shares": heat_shares.shares_of(heat_map.heat),
    }


@dataclass(frozen=True)
class _Facts:
    """What is known of an image with maps: labels as at the training, and the classes it also shows."""

    given: str
    predicted: str
    group_key: str
    also_shows: frozenset[str]


def _facts(workspace: Workspace, run: Run, split: str, digests: Sequence[str]) -> dict[str, _Facts]:
    rows = workspace.query(
        "SELECT i.digest, p.given_label, p.predicted_label, m.group_key,"
        " (SELECT json_group_array(c.name) FROM also_shows a JOIN class c ON c.id = a.class_id"
        " WHERE a.image_id = i.id) AS also_shows"
        " FROM json_each(:digests) d CROSS JOIN image i ON i.digest = d.value"
        " CROSS JOIN prediction p ON p.run_id = :run AND p.image_id = i.id"
        " LEFT JOIN snapshot_item m ON m.snapshot_id = :snapshot AND m.image_id = i.id"
        " WHERE p.split = :split",
        {
            "digests": json.dumps(list(dict.fromkeys(digests))),
            "run": run.run_id,
            "snapshot": run.snapshot_id,
            "split": split,
        },
    )
    return {
        row["digest"]: _Facts(
            row["given_label"],
            row["predicted_label"],
            row["group_key"] or row["digest"],
            frozenset(json.loads(row["also_shows"])),
        )
        for row in rows
    }


def _shown(
    heat_map: HeatMap, facts: _Facts, class_names: Sequence[str], current: Mapping[str, str]
) -> ShownMap:
    class_name = class_names[heat_map.class_index]
    is_right = facts.predicted == facts.given or current.get(facts.predicted) in facts.also_shows
    return ShownMap(
        facts.group_key,
        class_name,
        class_name == facts.predicted,
        is_right,
        facts.given,
        facts.predicted,
        heat_map,
    )
