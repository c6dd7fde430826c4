"""The fixed views of an image that test-time augmentation averages in addition to the plain one."""

from dataclasses import dataclass

from peakid.errors import BadInput

DEFAULT = 4  # fastai's number; each view costs one more forward pass of every image.
# Cuts off a tenth of the image: half of what augmentation of strength 1 does at most.
ZOOM = 1.12


@dataclass(frozen=True)
class TtaView:
    """One view of an image.

    Attributes:
        zoom: Magnification; 1 shows the whole image.
        down, right: Position of the crop in 0..1, from the upper left corner.
    """

    zoom: float = 1.0
    down: float = 0.5
    right: float = 0.5
    is_mirrored: bool = False


_CENTRE = TtaView(ZOOM)
_CORNERS = tuple(
    TtaView(ZOOM, down, right) for down, right in ((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0))
)


def most(*, is_mirrored: bool) -> int:
    """Return how many views there are in addition to the plain one."""
    return len(_all(is_mirrored=is_mirrored))


def of(n: int, *, is_mirrored: bool) -> tuple[TtaView, ...]:
    """Return the first n views in addition to the plain one; those that keep most of the image come first.

    Args:
        is_mirrored: Whether the recipe mirrors images; it does not where left and right distinguish classes.

    Raises:
        BadInput: If there are not so many.
    """
    views = _all(is_mirrored=is_mirrored)
    if not 1 <= n <= len(views):
        reason = "" if is_mirrored else " for a run that was trained with is_mirrored=false"
        raise BadInput(
            f"views={n}: test-time augmentation takes 1 to {len(views)} views{reason}.",
            f"The default is {DEFAULT}.",
        )
    return views[:n]


def _all(*, is_mirrored: bool) -> tuple[TtaView, ...]:
    if not is_mirrored:
        return (_CENTRE, *_CORNERS)
    # As in AlexNet's ten (Krizhevsky 2012): mirror, centre, corners. Every second one is mirrored, so that
    # the first n views are always a mixture.
    crops = (_CENTRE, *_CORNERS)
    alternating = [
        TtaView(ZOOM, each.down, each.right, is_mirrored=i % 2 == 0) for i, each in enumerate(crops)
    ]
    others = [TtaView(each.zoom, each.down, each.right, not each.is_mirrored) for each in alternating]
    return (TtaView(is_mirrored=True), *alternating, *others)
