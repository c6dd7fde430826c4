"""Sign the files of a bundle with a private key, in the form of the OpenSSF model signature (model.sig).

The key stays on this machine and nothing is asked of the network. The signature holds the SHA-256 of every
file, so that `model_signing verify key` and `verify.py` notice each change.
"""

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from peakid.errors import BadInput, ExtraMissing

FILE = "model.sig"
INSTALL = 'pip install "peakid[sign]"'
MAKE_KEY = "openssl ecparam -name prime256v1 -genkey -noout -out KEY"


def check(key: Path) -> None:
    """Check what can be known before anything is signed.

    Raises:
        BadInput: If there is no such file, or it cannot be read.
        ExtraMissing: If model-signing is not installed.
    """
    _module("signing")
    if not key.is_file():
        raise BadInput(f"There is no file {key}.", f"Make a key with: {MAKE_KEY}")
    try:
        key.open("rb").close()
    except OSError as error:
        remedy = "Let the user that runs Peakid read it, or choose another key."
        raise BadInput(f"{key} cannot be read: {error.strerror}.", remedy) from error


def signature(contents: Mapping[str, bytes], key: Path) -> bytes:
    """Return the signature of files, given by name.

    Args:
        key: A private key in PEM, of one of the curves P-256, P-384 and P-521, without a password.

    Raises:
        BadInput: If the key cannot be read or is not such a key.
        ExtraMissing: If model-signing is not installed.
    """
    hashing, signing = _module("hashing"), _module("signing")
    check(key)
    with tempfile.TemporaryDirectory(prefix="peakid-sign-") as folder:
        model, signed = Path(folder) / "model", Path(folder) / FILE
        for name, content in contents.items():
            file = model / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            # Named although it does not exist yet: it lies in the folder when that is verified.
            config = hashing.Config().set_ignored_paths(paths=[FILE], ignore_git_paths=False)
            signer = signing.Config().use_elliptic_key_signer(private_key=key)
            signer.set_hashing_config(config).sign(model, signed)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise BadInput(
                f"{key} is not a private key of P-256, P-384 or P-521 without a password: {reason}.",
                f"Make a key with: {MAKE_KEY}",
            ) from error
        return signed.read_bytes()


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"model_signing.{name}")
    except ImportError as error:
        raise ExtraMissing(
            "Signing needs the package model-signing.", f"Install it with: {INSTALL}"
        ) from error
