"""A process of this machine that computes shards. It ends when the process that started it ends."""

import argparse
import contextlib
import faulthandler
import os
import queue
import threading
from multiprocessing.connection import Connection

from peakid.engines.records import Shard
from peakid.engines.runner import Runner


def run(connection: Connection) -> None:
    """Compute one shard after the other. The first message has the settings and the number of threads."""
    runner = Runner(*connection.recv())
    connection.send(runner.ready())
    waiting: queue.Queue[Shard] = queue.Queue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()
    while True:
        connection.send(runner.run(waiting.get()))


def _receive(connection: Connection, waiting: "queue.Queue[Shard]") -> None:
    """Take shards until the other end is closed, then end the process, also in the middle of a shard."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            waiting.put(connection.recv())
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.engines.worker_process",
        description="Compute shards of a job. Peakid starts it.",
    )
    parser.add_argument("--connection", type=int, required=True, help="An inherited file descriptor.")
    arguments = parser.parse_args()
    faulthandler.enable()
    with contextlib.suppress(EOFError, ConnectionError), Connection(arguments.connection) as connection:
        run(connection)


if __name__ == "__main__":
    main()
