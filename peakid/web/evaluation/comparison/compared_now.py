"""The comparison that the tab shows: stored, or computed now; on test each session looks once."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate.comparing import stored_comparisons
from peakid.evaluate.comparing.stored_comparisons import StoredComparison
from peakid.records import Run
from peakid.store import runs
from peakid.web.evaluation.view import EvaluationView

_LOOKED = "compare:looked"  # Session state: (workspace, runs) whose test scores were compared.


def compared_now(view: EvaluationView, compared: Sequence[Run]) -> StoredComparison:
    """Return the comparison of these runs under the newest labels; of many images it may be out of date.

    On test this counts as a look at each run, once in a session.

    Raises:
        BadInput: If they share no scored image.
    """
    with st.spinner("Comparing the runs"):
        found = stored_comparisons.of_runs(view.workspace, compared, view.split)
    if view.split == "test":
        key = str(view.workspace.path), tuple(run.run_id for run in compared)
        looked: set[tuple[str, tuple[int, ...]]] = st.session_state.setdefault(_LOOKED, set())
        if key not in looked:
            looked.add(key)
            for run_id in sorted(set(key[1])):
                runs.look_at_test(view.workspace, run_id, view.actor)
    return found
