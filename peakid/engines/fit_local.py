"""Ranks that are processes of this machine, started by torchrun's launcher."""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from peakid import files, settings
from peakid.engines import opening
from peakid.engines.fit import LOOK_S, Head, Loss, Message, Order, Place
from peakid.errors import JobError

EXCHANGE = ".ranks"  # In the folder of the run, while the ranks work.
LAUNCHER = "peakid.learn.ranks.launch"
ORDER, STOP, LOSSES, STORE = "order.json", "stop", "losses.json", "store"
PARENT_LOOK_S = 1.0


def attempt(order: Order, head: Head) -> list[Loss]:
    """Run the ranks of an order once, as `fit.Attempt` says.

    Raises:
        JobError: If the launcher fails without a rank having failed.
    """
    exchange = order.folder / EXCHANGE
    shutil.rmtree(exchange, ignore_errors=True)
    exchange.mkdir()
    document = {
        "unit": order.unit,
        "document": order.document,
        "folder": str(order.folder),
        "n_ranks": order.n_ranks,
    }
    files.write_json(exchange / ORDER, document)
    n_threads = max(1, opening.n_cores() // order.n_ranks)
    options = ["--ranks", str(order.n_ranks), "--exchange", str(exchange)]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", LAUNCHER, *options],
        stdin=subprocess.DEVNULL,
        env=settings.worker_environment(n_threads) | settings.loopback_environment(),
    )
    letters = _Letters(exchange, order.n_ranks)
    try:
        while process.poll() is None:
            _deliver(letters, head)
            if head.should_stop():
                (exchange / STOP).touch()
            time.sleep(LOOK_S)
        _deliver(letters, head)
        return _losses(exchange, process.returncode)
    finally:
        _kill(process)
        shutil.rmtree(exchange, ignore_errors=True)


@dataclass
class FileDesk:
    """Messages are lines of a file, one file for each rank; the folder is that of the run."""

    exchange: Path
    rank: int
    folder: Path

    def tell(self, kind: str, document: Mapping[str, Any]) -> None:
        with letters_of(self.exchange, self.rank).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([kind, document], default=str) + "\n")

    def is_stopping(self) -> bool:
        return (self.exchange / STOP).exists()


def letters_of(exchange: Path, rank: int) -> Path:
    return exchange / f"letters-{rank}.jsonl"


@dataclass
class _Letters:
    """Reads what each rank has written since the last time, whole lines only."""

    exchange: Path
    n_ranks: int
    at: dict[int, int] = field(default_factory=dict)

    def new(self) -> list[Message]:
        found: list[Message] = []
        for rank in range(self.n_ranks):
            with contextlib.suppress(FileNotFoundError), letters_of(self.exchange, rank).open("rb") as stream:
                stream.seek(self.at.get(rank, 0))
                lines = stream.read()
                whole = lines[: lines.rfind(b"\n") + 1]
                self.at[rank] = self.at.get(rank, 0) + len(whole)
                found += [Message(rank, *json.loads(line)) for line in whole.splitlines()]
        return found


def _deliver(letters: _Letters, head: Head) -> None:
    for message in letters.new():
        head.hear(message)


def _losses(exchange: Path, code: int) -> list[Loss]:
    try:
        found = json.loads((exchange / LOSSES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = []
    if code and not found:
        raise JobError(f"The launcher of the ranks {_why(code)}.", "The log has the details.")
    found.sort(key=lambda each: (_cause_order(each["exit_code"]), each["at"], each["rank"]))
    return [
        Loss(each["rank"], _why(each["exit_code"]), _cause_order(each["exit_code"]) == 0) for each in found
    ]


def _cause_order(exit_code: int) -> int:
    """Return 0 for a rank that was killed, 1 for one that failed, 2 for one ended by the launcher."""
    if exit_code == -signal.SIGTERM:
        return 2
    return 0 if exit_code < 0 else 1


def _why(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "was killed (signal 9), as the system does where memory is short"
    return f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the launcher and the ranks, which are in sessions of their own."""
    if process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        process.kill()
    process.wait()


def end_with_parent() -> None:
    """End this process when the one that started it has ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_rank(exchange: Path, rank: int) -> None:
    """Call the unit of an order in this process, which is one of its ranks."""
    order = json.loads((exchange / ORDER).read_text(encoding="utf-8"))
    desk = FileDesk(exchange, rank, Path(order["folder"]))
    store = f"file://{exchange / STORE}"  # No port is opened for it.
    place = Place(rank, order["n_ranks"], rank, order["n_ranks"], store)
    module, _, name = order["unit"].partition(":")
    getattr(importlib.import_module(module), name)(order["document"], desk, place)
