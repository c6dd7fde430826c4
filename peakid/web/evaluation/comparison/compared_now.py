"""The comparison of this session, computed again only after labels or runs changed."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate.comparing import compare as comparing
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.records import Run
from peakid.store import status
from peakid.web.evaluation.view import EvaluationView

_KEY = "compare:found"
_MOST_KEPT = 4


def compared_now(view: EvaluationView, compared: Sequence[Run]) -> RunsCompared:
    """Return the comparison of these runs under the newest labels.

    On test it is computed once in a session: each time would count as a look.

    Raises:
        BadInput: If they share no scored image.
    """
    run_ids = tuple(run.run_id for run in compared)
    revision = "" if view.split == "test" else status.label_revision(view.workspace)
    key = (str(view.workspace.path), run_ids, view.split, revision)
    kept: dict[tuple[str, tuple[int, ...], str, str], RunsCompared] = st.session_state.setdefault(_KEY, {})
    if key not in kept:
        found = comparing.compare_runs(view.workspace, run_ids, split=view.split, actor=view.actor)
        kept[key] = found
        for old in list(kept)[:-_MOST_KEPT]:
            del kept[old]
    return kept[key]
