"""Prove that the model answers here as it did where it was made: `python verify.py`.

It compares the SHA-256 of every file with checksums.txt, and the probabilities for the pictures in golden/
with golden/answers.json. Exit code 0 = the same, 1 = not.

`python verify.py --public-key FILE` also checks the signature in model.sig with the public key of the one who
made the bundle, if the package model-signing is installed (pip install model-signing pyopenssl). Who does not
trust this script does the same with: model_signing verify key --signature model.sig --public_key FILE
--ignore_unsigned_files .
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SIGNATURE = FOLDER / "model.sig"
TOLERANCE = 1e-3  # Other processors add in another order; another preprocessing differs by 1e-2 and more.


def wrong_files() -> list[str]:
    """Return the files that are missing or changed."""
    found = []
    for line in (FOLDER / "checksums.txt").read_text(encoding="utf-8").splitlines():
        expected, name = line.split("  ", 1)
        file = FOLDER / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            found.append(name)
    return found


def differences() -> dict[str, float]:
    """Return for each picture the largest difference of a probability."""
    from model import Model

    answers = json.loads((FOLDER / "golden" / "answers.json").read_text(encoding="utf-8"))
    model = Model()
    found = {}
    for name, expected in answers.items():
        probabilities = model.probabilities((FOLDER / "golden" / name).read_bytes())
        found[name] = max(abs(float(a) - b) for a, b in zip(probabilities, expected, strict=True))
    return found


def signature_error(public_key: str | None) -> str:
    """Return why the signature does not hold; '' if it does, or if no key is given."""
    if public_key is None:
        if SIGNATURE.is_file():
            print("It is signed. The signature was not checked: that needs --public-key.")
        return ""
    if not SIGNATURE.is_file():
        return "There is no signature."
    try:
        from model_signing import verifying
    except ImportError as error:
        return f"The signature was not checked ({error}): pip install model-signing pyopenssl"
    try:
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
        verifier.set_ignore_unsigned_files(True).verify(FOLDER, SIGNATURE)
    except Exception as error:  # Whatever it raises, the signature does not hold.
        return f"The signature does not hold: {str(error) or type(error).__name__}"
    print("The signature holds: these are the files that the owner of the key signed.")
    return ""


def main() -> int:
    sys.dont_write_bytecode = True  # The folder stays as it was unpacked.
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", 1)[0])
    parser.add_argument("--public-key", metavar="FILE", help="check the signature with this key (PEM)")
    if wrong_signature := signature_error(parser.parse_args().public_key):
        print(wrong_signature)
        return 1
    if wrong := wrong_files():
        print("Missing or changed:", ", ".join(wrong))
        return 1
    found = differences()
    worst = max(found, key=lambda name: found[name])
    print(f"{len(found)} pictures, largest difference {found[worst]:.1e} ({worst}).")
    if not found[worst] <= TOLERANCE:  # Written so that NaN is refused too.
        print(f"The model does not answer as it did: {TOLERANCE:g} is allowed.")
        return 1
    print("The model answers as it did where it was made.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
