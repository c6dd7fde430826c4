"""Which views of an image test-time augmentation adds to the plain one: fixed, and told in words. Imports no torch."""

from dataclasses import dataclass

from peakid.errors import BadInput

DEFAULT = 4  # fastai's number; each view costs one more forward pass of every image.
ZOOM = 1.12  # Cuts a tenth of each side away: half of what a training with augment=1 does at most, so that no subject is lost.


@dataclass(frozen=True)
class View:
    """One view: `zoom` enlarges, `down` and `right` (0..1) say where the cut-out square lies, from the upper left corner."""

    zoom: float = 1.0
    down: float = 0.5
    right: float = 0.5
    is_mirrored: bool = False


_CENTRE = View(ZOOM)
_CORNERS = tuple(View(ZOOM, down, right) for down, right in ((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)))


def most(*, is_mirrored: bool) -> int:
    """Answer how many views there are beside the plain one."""
    return len(_all(is_mirrored=is_mirrored))


def of(n: int, *, is_mirrored: bool) -> tuple[View, ...]:
    """Answer the first n views beside the plain one: those that keep most of the image come first.

    Args:
        is_mirrored: Whether the recipe lets images be mirrored; where left and right tell classes apart it does not.

    Raises:
        BadInput: If there are not so many.
    """
    views = _all(is_mirrored=is_mirrored)
    if not 1 <= n <= len(views):
        why = "" if is_mirrored else " for a run that was trained with is_mirrored=false"
        raise BadInput(
            f"views={n}: there are 1 to {len(views)} views beside the plain image{why}.",
            f"Use --views {DEFAULT}.",
        )
    return views[:n]


def _all(*, is_mirrored: bool) -> tuple[View, ...]:
    if not is_mirrored:
        return (_CENTRE, *_CORNERS)
    # As in AlexNet's ten (Krizhevsky 2012): mirror, centre, corners; here mirrored and not in turn, so that any first n are mixed.
    turns = [
        View(ZOOM, each.down, each.right, is_mirrored=i % 2 == 0)
        for i, each in enumerate((_CENTRE, *_CORNERS))
    ]
    others = [View(each.zoom, each.down, each.right, not each.is_mirrored) for each in turns]
    return (View(is_mirrored=True), *turns, *others)
