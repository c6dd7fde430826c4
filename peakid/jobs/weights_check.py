"""The process that compares a file of weights with an architecture: `python -m peakid.jobs.weights_check`.

It exits with 0 where they fit, and with 1 after it printed why not and what to do, a line each.
"""

import sys
from pathlib import Path

from peakid.errors import PeakidError
from peakid.recipe import architectures
from peakid.run_records import StartingWeights


def main(file: str, arch: str) -> int:
    from peakid.learn.network import model, weights

    architecture = architectures.find(arch)
    found = weights.FoundWeights(Path(file), StartingWeights("file"))
    try:
        weights.load_into(model.full_model(architecture), found, architecture)
    except PeakidError as error:
        print(" ".join(error.message.split()))
        print(" ".join(error.remedy.split()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
