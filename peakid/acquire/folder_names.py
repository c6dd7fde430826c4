"""Decide what the name of a folder says: a split, a container, unlabelled images, an ordinal, a system."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from peakid.records import Split

SYSTEM_NAMES = frozenset(
    {
        # macOS and its file servers
        *("__macosx", "network trash folder", "temporary items", "thevolumesettingsfolder", "icon\r"),
        # Windows and its disks
        *("$recycle.bin", "recycler", "system volume information", "$extend", "thumbs.db", "desktop.ini"),
        *("thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "iconcache.db", "pagefile.sys"),
        *("hiberfil.sys", "swapfile.sys", "zbthumbnail.info", "picasa.ini"),
        # Unix disks and quotas
        *("lost+found", "aquota.user", "aquota.group"),
        # NAS: Synology, QNAP, Asustor, NetApp
        *("@eadir", "@tmp", "@sharebin", "@synoresource", "#recycle", "#snapshot", "@recycle"),
        *("@recently-snapshot", "@__thumb", "~snapshot"),
        # Notebooks and code
        *("__pycache__", "node_modules"),
    }
)
_SYSTEM_PATTERN = re.compile(r"found\.\d{3}|.+@syno(eastream|resource)")  # chkdsk; Synology's attributes.

# Recognised alone, as `Place.split` of a table cell or of the only split folder. Their form is casefolded.
_PLAIN: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training", "seg_train"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "seg_valid", "seg_val"), "valid"),
    **dict.fromkeys(("test", "testing", "seg_test"), "test"),
}
_WORDS: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "validating", "dev", "devel", "development"), "valid"),
    **dict.fromkeys(("eval", "evaluation"), "valid"),  # `splits_of` reads them as test beside a validation.
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
_EVALUATION = ("eval", "evaluation")
# Words that add nothing to a split: train_images, data-train, TestSet, val2017, "Training Data".
_NEUTRAL = frozenset(
    {
        *("set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "photo"),
        *("photos", "picture", "pictures", "pic", "pics", "jpg", "jpeg", "png", "split", "splits"),
        *("folder", "sample", "samples", "subset", "seg"),
    }
)
_SEPARATORS = re.compile(r"[\s_\-.()\[\]]+")
_JOINED = re.compile(rf"({'|'.join(sorted(_WORDS, key=len, reverse=True))})({'|'.join(_NEUTRAL)})?\d*")

_CONTAINERS = frozenset(
    {
        *("data", "dataset", "datasets", "image", "images", "img", "imgs", "photo", "photos"),
        *("picture", "pictures", "pic", "pics", "dcim", "camera", "media", "files", "jpg", "jpeg"),
        *("jpegs", "png", "jpegimages", "jpgs", "pngs", "raw", "raws", "uploads", "upload"),
        *("downloads", "download", "frames", "gallery", "album", "albums", "export", "exports"),
        *("input", "inputs", "all"),
    }
) | {"camera roll", "my pictures", "new folder", "untitled folder", "all images", "all_images", "raw_images"}
# 100CANON, 101MSDCF: DCF (JEITA CP-3461), section 3.2.
_CAMERA_FOLDER = re.compile(r"\d{3}[a-z0-9_]{5}|camera|camera roll|screenshots|saved pictures")
_UNLABELLED = frozenset(
    {
        *("unlabeled", "unlabelled", "unlab", "unsup", "unsorted", "untagged", "nolabel", "nolabels"),
    }
)

# "Naming Files, Paths, and Namespaces" in the documentation of Microsoft.
_DEVICE = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$|clock\$")
_ORDINAL = re.compile(r"(?P<number>\d+)(?P<separator>[._]|\)|\s*-\s+|-|\s)\s*(?=[^\W\d_]|[^\w\s])")
_LOOSE_SEPARATORS = ("-", " ")  # "2-door", "3 dogs": ordinals only if they are padded, as in "02-door".


@dataclass(frozen=True)
class _SplitWord:
    """What a name says about splits. `rest` are its other words; a plain name needs no second folder."""

    split: Split
    rest: tuple[str, ...]
    is_plain: bool
    is_evaluation: bool


def is_reserved(name: str) -> bool:
    """Return whether Windows keeps a name for a device (`CON`, `nul.txt`) or drops its end (`a.`)."""
    stem = name.split(".", 1)[0].rstrip(" ")
    return _DEVICE.fullmatch(stem) is not None or name != name.rstrip(". ")


def is_system(name: str) -> bool:
    """Return whether a name is one that a system, a NAS or a tool gives, or begins with a dot."""
    plain = name.casefold()
    is_dotted = name.startswith(".") and name not in (".", "..")
    return is_dotted or plain in SYSTEM_NAMES or _SYSTEM_PATTERN.fullmatch(plain) is not None


def split_of(name: str) -> Split | None:
    """Return the split that a name alone says, such as the cell of a table; None if it is not a split."""
    found = _parsed(name)
    return found.split if found and not found.rest else None


def splits_of(names: Collection[str]) -> dict[str, Split]:
    """Return which of the folders beside each other are split folders, by name.

    `train`, `training`, `valid`, `val`, `validation`, `test` and `testing` are splits on their own. Other
    words (`dev`, `eval`, `holdout`) and longer names (`train_images`, `cats_train`) are splits if another
    folder differs from them only by the split. `eval` is the test beside a validation, and the validation
    otherwise.
    """
    words = {name: word for name in names if (word := _parsed(name)) is not None}
    beside = {word.split for word in words.values() if not word.is_evaluation}
    evaluation: Split = "test" if "valid" in beside and "test" not in beside else "valid"
    words = {
        name: replace(word, split=evaluation) if word.is_evaluation else word for name, word in words.items()
    }
    by_rest: dict[tuple[str, ...], set[Split]] = {}
    for word in words.values():
        by_rest.setdefault(word.rest, set()).add(word.split)
    return {name: word.split for name, word in words.items() if word.is_plain or len(by_rest[word.rest]) > 1}


def is_container(name: str) -> bool:
    """Return whether a name says that images are inside, not what they show: `data`, `DCIM`, `100CANON`."""
    return name.casefold() in _CONTAINERS or is_camera_folder(name)


def is_camera_folder(name: str) -> bool:
    return _CAMERA_FOLDER.fullmatch(name.casefold()) is not None


def is_unlabelled(name: str) -> bool:
    """Return whether a name says that the images inside have no label: FiftyOne's `_unlabeled`."""
    plain = name.casefold()
    words = [word for word in _SEPARATORS.split(plain) if word and word not in _NEUTRAL]
    return plain == "seg_pred" or (len(words) == 1 and words[0] in _UNLABELLED)


def without_ordinals(names: Collection[str]) -> dict[str, str]:
    """Return each name without its ordinal, if the names of a level count in order; else as they are.

    They count in order if every name begins with a number of its own and a separator of the same kind, and
    the numbers have no gap from 0 or 1 on, or are padded with zeros to one width (`001.`, `004.`). A class
    `1.5`, `2-door`, `7up` or `3D` keeps its name.
    """
    found = {name: _ORDINAL.match(name) for name in names}
    matches = [match for match in found.values() if match is not None]
    as_they_are = {name: name for name in names}
    if len(matches) < max(len(found), 2) or not _count_in_order(matches):
        return as_they_are
    shown = {name: name[match.end() :] for name, match in found.items() if match is not None}
    return shown if len(set(shown.values())) == len(shown) else as_they_are


def _count_in_order(matches: Collection[re.Match[str]]) -> bool:
    numbers = sorted(int(match["number"]) for match in matches)
    separators = {match["separator"].strip() or " " for match in matches}
    texts = [match["number"] for match in matches]
    is_padded = len({len(text) for text in texts}) == 1 and any(text.startswith("0") for text in texts)
    is_padded = is_padded and len(texts[0]) > 1
    if len(separators) > 1 or len(set(numbers)) < len(numbers):
        return False
    is_loose = all(match["separator"] in _LOOSE_SEPARATORS for match in matches)
    has_no_gap = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    return is_padded or (has_no_gap and not is_loose)


def _parsed(name: str) -> _SplitWord | None:
    """Return the split that a name says; None if it says none, or two that do not fit together."""
    plain = name.strip().casefold()
    parts = [part for part in _SEPARATORS.split(plain) if part and not part.isdigit()]
    found = [(part, match[1]) for part in parts if (match := _JOINED.fullmatch(part)) is not None]
    words = [word for _, word in found]
    if not found or ({*words} - {"train", "val"} and len(words) > 1):
        return None
    rest = tuple(part for part in parts if part not in _NEUTRAL and part not in dict(found))
    return _SplitWord(_WORDS[words[0]], rest, plain in _PLAIN, words[0] in _EVALUATION)
