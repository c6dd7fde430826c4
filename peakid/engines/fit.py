"""One training on several ranks: what an engine is given, what ranks tell the head, what happens without one.

```
head (the job): order --> engine --> rank 0 .. n-1: unit(order, desk, place)
                  ^                        |
                  +---- messages, files ---+
```
The head is the only one that writes to the database. A rank that dies ends the attempt; another attempt
continues from what the ranks have left in the folder of the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from peakid.job_settings import JobSettings

MAX_RESTARTS = 3  # Of one job: after so many, the next would not end better.
LOOK_S = 0.2  # How often the head looks for messages, and whether its job was cancelled.


@dataclass(frozen=True)
class Order:
    """A training that several ranks do together.

    Attributes:
        unit: `package.module:function`, called on each rank with the document, a `Desk` and a `Place`. Ranks
            with an exception or without an end are lost.
        document: What the unit needs; JSON.
        folder: Absolute path. What the ranks leave in it is there for the next attempt.
        n_ranks: Two or more.
        uses_gpu: Each rank has a GPU of its own.
    """

    unit: str
    document: Mapping[str, Any]
    folder: Path
    n_ranks: int
    uses_gpu: bool
    settings: JobSettings


@dataclass(frozen=True)
class Place:
    """Where a rank is.

    Attributes:
        rank: From 0.
        number_here: Of this rank among those of its machine, from 0; also the number of its GPU.
        n_here: Ranks of its machine.
        init_method: How torch's process group is joined; '' = the engine has joined it.
    """

    rank: int
    n_ranks: int
    number_here: int
    n_here: int
    init_method: str


class Desk(Protocol):
    """What a rank uses to reach the head. `folder` stands for the folder of the order."""

    folder: Path

    def tell(self, kind: str, document: Mapping[str, Any]) -> None:
        """Send a message, after the files that were written to `folder` before."""
        ...

    def is_stopping(self) -> bool:
        """Return whether the job was cancelled."""
        ...


@dataclass(frozen=True)
class Message:
    """What a rank told the head."""

    rank: int
    kind: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """A rank that did not end well.

    Attributes:
        why: A clause, such as "was killed (signal 9)".
        is_killed: It did not end by itself.
    """

    rank: int
    why: str
    is_killed: bool


@dataclass(frozen=True)
class Head:
    """What an engine calls while the ranks work.

    Attributes:
        hear: Called with each message, in the order of each rank.
        should_stop: Whether the job was cancelled.
    """

    hear: Callable[[Message], None]
    should_stop: Callable[[], bool]


Attempt = Callable[[Order, Head], list[Loss]]
"""Runs the ranks once; returns those that were lost, the one that was lost first at the beginning."""


def lost_text(loss: Loss, n_ranks: int) -> str:
    """Return which rank was lost and how: `Rank 1 of 2 (counted from 0) was killed (signal 9).`"""
    return f"Rank {loss.rank} of {n_ranks} (counted from 0) {loss.why}."
