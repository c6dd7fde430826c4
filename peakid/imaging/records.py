"""Records of one image: its row, its measures, its inspection and its origins."""

from dataclasses import dataclass

from peakid.records import Source, Split


@dataclass(frozen=True)
class Image:
    """The database row of one image. Width and height are after the EXIF rotation.

    `grey_range` is as in `Measures`.
    """

    image_id: int
    digest: str
    format: str
    n_bytes: int
    width_px: int
    height_px: int
    grey_range: str | None = None

    @property
    def grey_text(self) -> str:
        """Say which values were stretched; '' where none were."""
        return f"Its values {self.grey_range} are shown as black to white." if self.grey_range else ""


@dataclass(frozen=True)
class Measures:
    """Measures of an image, from its upright 256 px thumbnail before JPEG compression.

    `brightness` (mean), `highlight` (99th percentile), `shadow` (5th percentile) and `contrast` (standard
    deviation) are of the grey values, 0..1. `sharpness` is the standard deviation of the Laplacian divided by
    that of the grey values: the strength of edges relative to the contrast; 1 for a flat image.
    `entropy_bits` is the entropy of the grey histogram, 0..8. `colourfulness` is from Hasler and Suesstrunk
    2003: 0 = grey, about 100 = garish. `readable_share` is below 1 only for a truncated image. `taken_at` is
    the time on the camera's clock, without a time zone. `grey_range` is the range of values, such as `0 to
    4095`, that was stretched to 8 bits because the image uses less than half of its format's range.
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
    grey_range: str | None = None


@dataclass(frozen=True)
class Inspection:
    """Everything that one decode of an image gives; not stored yet.

    `phash` and `dhash` are 16 hex digits (64 bit) each, as `str(imagehash.ImageHash)` writes them.
    `orientations` has both hashes of the eight orientations and `parts` those of 14 parts, packed by
    `peakid.imaging.hashes`. `thumbnail` is a JPEG whose long side is at most 256 px.
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
    """One place where an image was found. `path` is relative to `root`, or a URL if `root` is None."""

    source: Source
    root: str | None
    path: str
    label: str | None
    split: Split | None
    is_in_place: bool
