"""Which engine computes the jobs that this session submits. It is asked only where one is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st

from peakid.engines import opened_fit, opening
from peakid.engines.records import plural
from peakid.job_settings import JobSettings
from peakid.settings import for_job

Place = Literal[
    "job",        # The process of the job itself.
    "processes",  # Several processes of this machine.
    "ray",        # The workers of Ray.
]  # fmt: skip

_CHOSEN = "engine:place"
MOST_RANKS = 64  # Of a cluster; it says itself when it has fewer GPUs or cores.


@dataclass(frozen=True)
class Option:
    """A place where jobs can be computed.

    Attributes:
        title: As it is shown.
        settings: Of a job that is computed there.
    """

    title: str
    settings: JobSettings


def settings() -> JobSettings:
    """Return the settings of the server, with the engine that this session has chosen."""
    found = options(for_job())
    option = found.get(st.session_state.get(_CHOSEN, ""))
    return option.settings if option else for_job()


def is_configured(server: JobSettings) -> bool:
    """Return whether whoever runs the server has named an engine, its processes or a cluster."""
    return opening.is_used(server) or bool(server.ray_address)


def options(server: JobSettings) -> Mapping[str, Option]:
    """Return where jobs can be computed, by `Place`; nothing where no engine is configured."""
    if not is_configured(server):
        return {}
    n_workers = server.n_workers if server.engine == "local" and server.n_workers else opening.n_cores()
    here = replace(server, engine="local", n_workers=0)
    found: dict[Place, Option] = {
        "job": Option("This machine, one process", here),
        "processes": Option(
            f"This machine, {plural(n_workers, 'worker')}", replace(here, n_workers=n_workers)
        ),
    }
    if opening.is_installed():
        n_ray = server.n_workers if server.engine == "ray" else 0
        where = server.ray_address or "started on this machine"
        found["ray"] = Option(f"Ray, {where}", replace(server, engine="ray", n_workers=n_ray))
    return {**found}


def place(server: JobSettings) -> Place:
    """Return where the jobs of the server are computed."""
    if server.engine == "ray":
        return "ray"
    return "processes" if server.n_workers else "job"


def show(*, key: str) -> None:
    """Draw the choice; nothing where no engine is configured.

    Args:
        key: Of the field; each page has its own.
    """
    server = for_job()
    found = options(server)
    if not found:
        return
    now = st.session_state.get(_CHOSEN, "")
    now = now if now in found else place(server)
    names = list(found)
    chosen = st.selectbox(
        "Engine",
        names,
        index=names.index(now) if now in names else 0,
        format_func=lambda name: found[name].title,
        key=f"{key}:{now}",
        width=420,
        help="Where scans, embeddings, predictions, heat maps, checks of exports and cross-validation are"
        " computed that are started in this session. The results are the same with either, up to rounding.",
    )
    if chosen != now:
        st.session_state[_CHOSEN] = chosen
        st.rerun()


def show_for_training() -> int:
    """Draw the choice and the number of ranks of a training; return the ranks.

    They are asked where an engine is configured or this machine has several GPUs.
    """
    with st.container(horizontal=True):
        show(key="engine:train")
        return _ask_ranks(settings())


def _ask_ranks(job: JobSettings) -> int:
    n_gpus = opened_fit.n_gpus(job)
    if not is_configured(for_job()) and n_gpus < 2:
        return 1
    most = MOST_RANKS if job.engine == "ray" else max(n_gpus, opening.n_cores() if n_gpus == 0 else 1)
    if most < 2:
        return 1
    return int(
        st.number_input(
            "Ranks",
            min_value=1,
            max_value=most,
            value=1,
            key=f"ranks:{job.engine}:{most}",
            width=160,
            help="Processes that train this model together, each on its GPU, or on its share of the cores."
            " Each batch is split over them.",
        )
    )
