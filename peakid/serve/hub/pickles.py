"""Which files may run code when they are opened as a model: they are neither pushed nor pulled."""

import io
import re
import zipfile

# Formats whose usual loader unpickles, whatever a single file holds.
SUFFIXES = (
    *(".pkl", ".pickle", ".pck", ".pcl", ".dill", ".joblib", ".cloudpickle"),
    *(".pt", ".pth", ".ckpt", ".h5", ".keras", ".mar"),
)
# Files of transformers; another `.bin` may hold plain weights, as that of OpenVINO does.
_PICKLED_BIN = re.compile(r"(?:.*/)?(?:pytorch_model|training_args|optimizer|adapter_model)[^/]*\.bin")
_PROTOCOLS = tuple(bytes([0x80, version]) for version in range(2, 6))  # PROTO of Python's pickle.
_NUMPY, _OBJECTS = b"\x93NUMPY", b"'|O'"  # An array of objects is pickled.
_HEADER_BYTES = 512


def is_named_as_pickle(name: str) -> bool:
    """Return whether the usual loader of a file with this name unpickles it."""
    return name.lower().endswith(SUFFIXES) or _PICKLED_BIN.fullmatch(name.lower()) is not None


def holds_pickle(name: str, content: bytes) -> bool:
    """Return whether a file is a pickle, or an archive with one in it, by its name or its content."""
    if is_named_as_pickle(name) or _begins_as_pickle(content[:_HEADER_BYTES]):
        return True
    if not content.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(_is_pickled_member(archive, member) for member in archive.infolist())
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, RuntimeError):
        return True  # What cannot be looked into is not trusted.


def _is_pickled_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if member.is_dir():
        return False
    if is_named_as_pickle(member.filename):
        return True
    with archive.open(member) as file:
        return _begins_as_pickle(file.read(_HEADER_BYTES))


def _begins_as_pickle(header: bytes) -> bool:
    return header.startswith(_PROTOCOLS) or (header.startswith(_NUMPY) and _OBJECTS in header)
