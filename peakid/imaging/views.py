"""The views of a picture that are embedded to recognise it turned, cropped, mirrored or in other colours."""

import numpy as np
import PIL.Image
import PIL.ImageOps

SIDE_PX = 160
MIDDLE = 0.62  # Share of the sides: what a turn by 30 degrees leaves without empty corners.
TURN_DEGREES = 30
# Six of sixteen that were tried: the others found one more of a hundred copies at twice the cost.
NAMES = ("whole", "middle", "turned left", "turned right", "whole mirrored", "middle mirrored")
BASE = (0, 1)  # Neither turned nor mirrored.


def of(grey: PIL.Image.Image) -> np.ndarray:
    """Return the views of a grey picture: uint8 of shape (V, SIDE_PX, SIDE_PX), in the order of NAMES.

    Grey values are spread evenly, so that other colours, brightness and contrast leave the views alike.
    """
    even = PIL.ImageOps.equalize(grey.convert("L"))
    whole = even.resize((SIDE_PX, SIDE_PX), PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
    middle = _middle(even)
    turned = [
        _middle(even.rotate(turn, PIL.Image.Resampling.BILINEAR)) for turn in (TURN_DEGREES, -TURN_DEGREES)
    ]
    mirrored = [PIL.ImageOps.mirror(each) for each in (whole, middle)]
    return np.stack([np.asarray(each) for each in (whole, middle, *turned, *mirrored)])


def _middle(image: PIL.Image.Image) -> PIL.Image.Image:
    rim = (1 - MIDDLE) / 2
    box = (image.width * rim, image.height * rim, image.width * (1 - rim), image.height * (1 - rim))
    return image.resize((SIDE_PX, SIDE_PX), PIL.Image.Resampling.BILINEAR, box=box)
