"""The command that lists the engines."""

from dataclasses import asdict

import click

from peakid import settings
from peakid.cli.frame import emit, json_option, table
from peakid.engines import opening
from peakid.engines.opening import EngineFacts

COLUMNS = ["engine", "ready", "default", "machines", "cores", "gpus", "memory", "address"]


@click.command()
@json_option
def engines(as_json: bool) -> None:
    """List the engines that compute scans, embeddings, predictions, heat maps, checks of exports and folds.

    A cluster is asked if PEAKID_RAY_ADDRESS names one. PEAKID_ENGINE and PEAKID_WORKERS choose for all jobs,
    --engine and --workers for one.
    """
    found = opening.facts(settings.for_job())
    notes = [f"{each.engine}: {each.note}" for each in found]
    text = "\n".join([table([_row(each) for each in found], COLUMNS, empty=""), "", *notes])
    emit(as_json, [asdict(each) for each in found], text)


def _row(each: EngineFacts) -> dict[str, str | int | None]:
    return {
        "engine": each.engine,
        "ready": "yes" if each.is_ready else "no",
        "default": "yes" if each.is_default else "",
        "machines": len(each.nodes) or None,
        "cores": each.n_cores or None,
        "gpus": each.n_gpus if each.is_ready else None,
        "memory": f"{each.memory_bytes / 2**30:,.0f} GB" if each.memory_bytes else None,
        "address": each.address or ("this machine" if each.is_ready else None),
    }
