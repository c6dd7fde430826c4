"""torchrun's launcher with one attempt, which writes down which rank failed first.

Imports nothing of Peakid: it only starts processes.
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

RANK_MODULE = "peakid.engines.fit_process"
LOSSES = "losses.json"
ENDS_WITHIN_S = 5  # For ranks whose neighbour is gone, before they are killed.


def run(n_ranks: int, exchange: Path) -> int:
    """Run the ranks until all have ended or one has failed; return the exit code."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n_ranks,
        run_id="peakid",
        rdzv_backend="c10d",
        rdzv_endpoint=str(exchange / "rendezvous"),
        rdzv_configs={"store_type": "file"},  # No port is opened for it.
        local_addr="127.0.0.1",
        max_restarts=0,  # The head restarts, and says so.
        shutdown_timeout=ENDS_WITHIN_S,
    )
    try:
        elastic_launch(config, sys.executable)("-P", "-m", RANK_MODULE, "--exchange", str(exchange))
    except ChildFailedError as error:
        losses = [
            {"rank": rank, "exit_code": each.exitcode, "at": each.timestamp}
            for rank, each in error.failures.items()
        ]
        (exchange / LOSSES).write_text(json.dumps(losses), encoding="utf-8")
        return 1
    return 0


def _end_with_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m peakid.learn.ranks.launch")
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--exchange", type=Path, required=True)
    arguments = parser.parse_args()
    _end_with_parent()
    sys.exit(run(arguments.ranks, arguments.exchange))


if __name__ == "__main__":
    main()
