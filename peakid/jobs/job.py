"""One job as pages and commands receive it, with its arguments and result as records."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from peakid import job_settings
from peakid.job_settings import JobSettings
from peakid.jobs import arguments, ledger, results
from peakid.jobs.arguments import Arguments, RecipeArguments
from peakid.jobs.results import Result
from peakid.records import JobState, Lane
from peakid.remedies import Action, ActionKind

A = TypeVar("A", bound=Arguments | RecipeArguments)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Job:
    """One piece of queued work.

    Attributes:
        arguments: None for a kind of job that this version does not know.
        error: What went wrong; '' unless the job failed or was lost.
        remedy: What to do about it, in words; `actions` are the same as data.
        result: None until the job leaves something behind; a sweep adds to it while it runs.
        settings: What it takes from the settings of the machine; None for a job of an earlier version.
        seconds: From its start to its end, or to now while it runs.
    """

    job_id: int
    kind: str
    lane: Lane
    state: JobState
    arguments: Arguments | None
    phase: str
    step: int
    total: int
    message: str
    error: str
    remedy: str
    actions: tuple[Action, ...]
    result: Result | None
    pid: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float
    actor: str = ""
    is_cancel_requested: bool = False
    heartbeat_at: str | None = None
    settings: JobSettings | None = None

    @property
    def error_text(self) -> str:
        """The error and its remedy in one line."""
        return f"{self.error} {self.remedy}".strip()

    def arguments_as(self, kind: type[A]) -> A:
        """Return the arguments as a record of this kind.

        Raises:
            TypeError: If the job is of another kind.
        """
        if not isinstance(self.arguments, kind):
            raise TypeError(f"Job {self.job_id} ({self.kind}) has no {kind.__name__}.")
        return self.arguments

    def result_as(self, kind: type[R]) -> R | None:
        """Return the result, or None where there is none yet or it is of another kind."""
        return self.result if isinstance(self.result, kind) else None


def of_row(row: sqlite3.Row) -> Job:
    """Return a row of the table `job` as a record."""
    return Job(
        job_id=row["id"],
        kind=row["kind"],
        lane=row["lane"],
        state=row["state"],
        arguments=arguments.parse(row["kind"], json.loads(row["arguments"])),
        phase=row["phase"],
        step=row["step"],
        total=row["total"],
        message=row["message"],
        error=row["error"],
        remedy=row["remedy"],
        actions=tuple(_actions(json.loads(row["actions"]))),
        result=results.parse(row["kind"], json.loads(row["result"])),
        pid=row["pid"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        seconds=ledger.seconds_between(row["started_at"], row["finished_at"]),
        actor=row["actor"],
        is_cancel_requested=bool(row["is_cancel_requested"]),
        heartbeat_at=row["heartbeat_at"],
        settings=job_settings.parse(json.loads(row["settings"])),
    )


def _actions(stored: Iterable[dict[str, Any]]) -> Iterable[Action]:
    """Read what `ledger.end` wrote, without kinds that only another version knows."""
    known = get_args(ActionKind)
    return (Action(each["kind"], each["arguments"]) for each in stored if each["kind"] in known)
