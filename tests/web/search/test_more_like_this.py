"""A search by key opens its queue once, however often its event is delivered."""

import numpy as np
import pytest
import streamlit as st

from peakid.embed import stored
from peakid.web.search import more_like_this


@pytest.fixture
def state(monkeypatch):
    values = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


def test_an_event_that_arrives_again_does_not_lead_back(workspace, fill, state):
    digests = fill(river=3)
    made = stored.create(workspace, "lite", size_px=160, weights_sha256="", n_dimensions=2)
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)]
    stored.add(workspace, made.set_id, ids, np.ones((3, 2)))
    act = more_like_this.acts(workspace)["similar"]
    event = {"kind": "similar", "id": "a", "seq": 7, "digest": digests[0]}
    act(workspace, event, "human:anna")
    assert state.pop("search:wanted") == f"similar:{digests[0]}"
    act(workspace, event, "human:anna")
    assert "search:wanted" not in state
    act(workspace, {**event, "seq": 8, "digest": digests[1]}, "human:anna")
    assert state["search:wanted"] == f"similar:{digests[1]}"
