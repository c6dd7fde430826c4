"""Prove that the model answers here as it did where it was made: `python verify.py`.

It compares the SHA-256 of every file with checksums.txt, and the probabilities for the pictures in golden/
with golden/answers.json. Exit code 0 = the same, 1 = not.
"""

import hashlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
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


def main() -> int:
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
