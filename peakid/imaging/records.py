"""What is known of one image by looking at it, and of the places it was seen at."""

from dataclasses import dataclass

from peakid.records import Source, Split


@dataclass(frozen=True)
class Image:
    """One image as the database knows it. Sizes after the EXIF turn."""

    image_id: int
    digest: str
    format: str
    n_bytes: int
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Measures:
    """What an image is like, measured on its upright 256 px thumbnail (not on its JPEG).

    `brightness` (mean), `highlight` (99th percentile), `shadow` (5th percentile) and `contrast` (standard
    deviation) are of the grey values, 0..1. `sharpness` is the standard deviation of the Laplacian over that of the
    grey values: how strong edges are against the contrast there is; 1 where there is none. `entropy_bits` is of the
    grey histogram, 0..8. `colourfulness` is Hasler and Suesstrunk's, 0 = grey, some 100 = garish.
    `readable_share` is below 1 only for a truncated image. `taken_at` is the camera's own clock, without a zone.
    """

    brightness: float
    highlight: float
    shadow: float
    contrast: float
    sharpness: float
    entropy_bits: float
    colourfulness: float
    readable_share: float = 1.0
    is_animated: bool = False
    taken_at: str | None = None
    camera: str | None = None


@dataclass(frozen=True)
class Inspection:
    """What one decode of an image's bytes tells; not yet stored.

    `phash` and `dhash` are 16 hex digits (64 bit), bit order of the imagehash package. `orientations` are both of
    the eight flips and turns, `parts` of 14 parts, as `peakid.hashes` packs them.
    `thumbnail` is a JPEG whose long side is at most 256 px.
    """

    digest: str
    format: str
    n_bytes: int
    width_px: int
    height_px: int
    phash: str
    dhash: str
    orientations: bytes
    parts: bytes
    thumbnail: bytes
    measures: Measures


@dataclass(frozen=True)
class Origin:
    """One place an image was seen at. `path` is relative to `root` (None: a URL stands in `path`)."""

    source: Source
    root: str | None
    path: str
    label: str | None
    split: Split | None
    is_in_place: bool
