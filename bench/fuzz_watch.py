"""Run numbered cases in a child process that is watched for hangs and crashes, and count how they end."""

import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

LIMIT_S = 5.0
START_S = 30.0  # Starting Python and its libraries is not part of a case.

Work = Callable[[Connection, int, int], None]
"""Runs the cases first..last-1. Sends (what, case, name, detail) over the pipe: "begin" before each case,
then "end" with its result or any other word for a fault, and "peak" with the peak memory in bytes at last."""


@dataclass
class Outcome:
    """How the cases of one kind ended. `bad` has (what, case, name, detail) of each that must not be."""

    kind: str
    results: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[str, int, str, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_bytes: int = 0

    def line(self) -> str:
        """Return one line for people."""
        return (
            f"{self.kind}: {sum(self.results.values()):,} cases {json.dumps(self.results)}, slowest"
            f" {self.slowest_s:.2f} s, peak memory {self.peak_bytes / 2**20:.0f} MB, {len(self.bad)} faults"
        )


def all_cases(work: Work, first: int, last: int, kind: str) -> Outcome:
    """Run all cases; after a hang or a crash, a new child continues with the next case."""
    outcome, case = Outcome(kind), first
    while case < last:
        for what, at, name, detail, seconds in _watched(work, case, last):
            case = at + 1
            if what == "end":
                outcome.results[detail] += 1
                outcome.slowest_s = max(outcome.slowest_s, seconds)
            elif what == "peak":
                outcome.peak_bytes = max(outcome.peak_bytes, int(detail))
            else:
                outcome.bad.append((what, at, name, detail))
                print(f"{what} at case {at} ({name}) {detail}", flush=True)
    return outcome


def _watched(work: Work, first: int, last: int) -> Iterator[tuple[str, int, str, str, float]]:
    """Run a child over the cases. Yield (what, case, name, result, seconds) of each, and how a child died."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=work, args=(there, first, last))
    child.start()
    there.close()
    case, name, begun = first, "", time.monotonic() + START_S
    try:
        while True:
            if not here.poll(max(0.0, LIMIT_S + begun - time.monotonic())):
                yield "hang", case, name, "", LIMIT_S
                return
            what, case, name, result = here.recv()
            if what == "begin":
                begun = time.monotonic()
                continue
            yield what, case, name, result, time.monotonic() - begun
            if what == "peak":
                return
    except EOFError:
        child.join()
        yield "crash", case, name, f"left with {child.exitcode}", time.monotonic() - begun
    finally:
        child.kill()
        child.join()
