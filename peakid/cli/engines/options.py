"""What commands share whose work an engine can do: `--engine`, `--workers`, and what it has used."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from peakid import settings
from peakid.cli import usage
from peakid.cli.output import terminal
from peakid.engines import opening
from peakid.engines.records import ENGINES, EngineUse


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--engine` and `--workers`. The command receives `job_settings`, which have them."""

    @functools.wraps(command)
    def run(*args: Any, engine: str | None, n_workers: int | None, **kwargs: Any) -> Any:
        chosen = opening.chosen(settings.for_job(), engine=engine, n_workers=n_workers)
        return command(*args, job_settings=chosen, **kwargs)

    options = [
        click.option(
            "--engine",
            type=usage.Choice(list(ENGINES)),
            help="Where it is computed; `peakid engines` lists them. Default: PEAKID_ENGINE, else local.",
        ),
        click.option(
            "--workers",
            "n_workers",
            type=click.IntRange(0, opening.MOST_WORKERS),
            help="Processes of the engine. 0: none for local, one for each core for ray. Default:"
            " PEAKID_WORKERS, else 0.",
        ),
    ]
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), run)


def engine_document(used: EngineUse | None) -> dict[str, Any]:
    """Return what an engine has used for `--json`, with its cost; nothing where none was used."""
    if used is None:
        return {}
    return {"engine": asdict(used) | {"core_hours": round(used.core_seconds / 3600, 6)}}


def tell_death(sentence: str) -> None:
    """Say at once on stderr that a worker has died."""
    terminal.say(sentence, err=True)
