"""Which names a snapshot can have: short, visible, on one line, and not mistaken for a digest."""

import re

from peakid import clean_text
from peakid.errors import BadInput

LONGEST = 80  # Characters.
_DIGEST = re.compile("[0-9a-f]{7,64}", re.IGNORECASE)  # As many digits as people give of a digest.


def checked(name: str) -> str:
    """Return a name as it is stored, cleaned as the names of classes are; '' for no name.

    Raises:
        BadInput: If nothing visible is left, it has a line break or another control character, more than
            LONGEST characters, or only the digits of a digest, by which commands find a snapshot too.
    """
    clean = clean_text.clean_class_name(name)
    if not name.strip(" "):
        return ""
    if not clean_text.is_class_name(clean) or len(clean) > LONGEST:
        raise BadInput(
            f"{name[:LONGEST]!r} cannot be the name of a snapshot.",
            f"Use 1 to {LONGEST} printable characters in one line, or no name.",
        )
    if _DIGEST.fullmatch(clean):
        raise BadInput(
            f"The name {clean!r} looks like the digest of a snapshot.", "Add a word, or give no name."
        )
    return clean
