"""Which known names a mistyped one may stand for: the suggestion of every error about an unknown name."""

import difflib
import unicodedata
from collections.abc import Iterable

MOST = 3  # More are a list to search, not a suggestion.
LEAST_RATIO = 0.6  # As in difflib: `trian` and `train` have 0.8.


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that resemble a name, the most similar first, at most three.

    Case and accents do not count. A name that begins another one, such as `eval`, resembles it.
    """
    names = {each: _folded(each) for each in known}
    wanted = _folded(name)
    if not wanted:
        return []
    is_long = len(wanted) > 1  # One letter begins too many names.
    begun = [each for each, one in names.items() if one == wanted or (is_long and one.startswith(wanted))]
    folded = list(dict.fromkeys(names.values()))
    similar = difflib.get_close_matches(wanted, folded, n=MOST, cutoff=LEAST_RATIO)
    resembling = [each for match in similar for each in names if names[each] == match]
    return list(dict.fromkeys([*sorted(begun, key=len), *resembling]))[:MOST]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'train'?`, or '' where no known name resembles it.

    >>> suggestion("trian", ["train", "tta"])
    "Did you mean 'train'?"
    """
    found = [repr(each) for each in near(name, known)]
    return f"Did you mean {' or '.join(found)}?" if found else ""


def remedy(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return the suggestion followed by what to do otherwise, as the remedy of an error."""
    return f"{suggestion(name, known)} {otherwise}".strip()


def _folded(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).replace("_", "-")
