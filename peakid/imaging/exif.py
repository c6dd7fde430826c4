"""Read from EXIF when a photo was taken, and with which camera."""

import re
from typing import Any

from PIL import Image

# EXIF 2.3, sections 4.6.3 to 4.6.5.
EXIF_IFD, TAKEN_TAG, MAKE_TAG, MODEL_TAG = 0x8769, 0x9003, 0x010F, 0x0110
MAX_NAME_LENGTH = 80  # Characters; real names have about 30.

_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


def taken_at(exif: Image.Exif) -> str | None:
    """Return the time of exposure on the camera's clock, without a time zone: `2024-07-31T17:05:59`."""
    found = _TIME.match(_text(exif.get_ifd(EXIF_IFD).get(TAKEN_TAG)))
    if found is None or found[1] == "0000":
        return None
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}:{found[5]}:{found[6]}"


def name(exif: Image.Exif) -> str | None:
    """Return make and model of the camera, without repeating the make: `Canon EOS 80D`."""
    make, model = _text(exif.get(MAKE_TAG)), _text(exif.get(MODEL_TAG))
    first = make.split(" ")[0].lower()
    both = model if first and model.lower().startswith(first) else f"{make} {model}"
    return both.strip()[:MAX_NAME_LENGTH] or None


def _text(value: Any) -> str:
    """Return printable text; a damaged tag may hold a number, a tuple or control characters."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
