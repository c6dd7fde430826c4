"""Read from EXIF when a photo was taken, and with which camera."""

import re
from datetime import datetime, timedelta
from typing import Any

from PIL import Image

# EXIF 2.3, sections 4.6.3 to 4.6.5.
EXIF_IFD, TAKEN_TAG, MAKE_TAG, MODEL_TAG = 0x8769, 0x9003, 0x010F, 0x0110
MAX_NAME_LENGTH = 80  # Characters; real names have about 30.

# Some programs write single digits, and a zone or shares of a second behind the time.
_TIME = re.compile(r"(\d{4})[:-](\d\d?)[:-](\d\d?)[ T](\d\d?):(\d\d?):(\d\d?)(?!\d)", re.ASCII)
# The days on which clocks begin: of Unix, of FAT file systems, of GPS, and of cameras. A clock that was never
# set counts on from there.
_FIRST_DAYS = ("1899-12-30", "1970-01-01", "1980-01-01", "1980-01-06", "1990-01-01", "2000-01-01")
_AHEAD = timedelta(
    days=1
)  # Clocks east of this machine show up to 26 hours more; a day covers all but those.


def taken_at(exif: Image.Exif) -> str | None:
    """Return the time of exposure on the camera's clock, without a time zone: `2024-07-31T17:05:59`.

    None if there is no such time, if it lies in the future, or if the clock was never set.
    """
    found = _TIME.match(_text(exif.get_ifd(EXIF_IFD).get(TAKEN_TAG)))
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        time = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    is_unset = time.date().isoformat() in _FIRST_DAYS
    return None if is_unset or time > datetime.now() + _AHEAD else time.isoformat()


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
