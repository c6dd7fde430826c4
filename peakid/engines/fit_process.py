"""The process of one rank on this machine. torchrun's launcher starts it."""

import argparse
import faulthandler
import os
import sys
from pathlib import Path

from peakid import settings
from peakid.engines import fit_local


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.engines.fit_process", description="One rank of a training. Peakid starts it."
    )
    parser.add_argument("--exchange", type=Path, required=True)
    arguments = parser.parse_args()
    faulthandler.enable()
    fit_local.end_with_parent()
    fit_local.run_rank(arguments.exchange, settings.rank_of_process())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # Libraries have hung in their exit handlers.


if __name__ == "__main__":
    main()
