"""A few valid images beside what the running model answers for them, so that one sees it learn, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from peakid.errors import PeakidError
from peakid.store import images, runs
from peakid.store.workspace import Workspace
from peakid.web import session

PER_ROW = 8
THUMB_PX = 112


def show(workspace: Workspace, run_id: int) -> None:
    """Draw the images with the newest answers; nothing before the first epoch."""
    told = runs.samples(workspace, run_id)
    if not told:
        return
    st.caption(finding(told), help=course(told))
    newest = told[-1]["answers"]
    for cell, answer in zip(st.columns(PER_ROW, gap="small"), newest, strict=False):
        with cell:
            _picture(workspace, answer["digest"])
            st.markdown(answered(answer))


def finding(told: Sequence[Mapping[str, Any]]) -> str:
    """Say how many are right by now: `After epoch 3 it names 6 of these 8 valid images as they are labelled; after epoch 1, 4.`"""
    earlier = f"; after epoch {told[0]['epoch']}, {_n_right(told[0])}" if len(told) > 1 else ""
    n = len(told[-1]["answers"])
    return f"After epoch {told[-1]['epoch']} it names {_n_right(told[-1])} of these {n} valid images as they are labelled{earlier}."


def answered(answer: Mapping[str, Any]) -> str:
    """Say what the model answers: in green where it is the label, else in red with the label behind it."""
    predicted, given = session.plain(answer["predicted"]), session.plain(answer["given"])
    share = f"{answer['confidence']:.0%}"
    if answer["predicted"] == answer["given"]:
        return f":green[{predicted}] {share}"
    return f":red[{predicted}] {share}, is {given}"


def course(told: Sequence[Mapping[str, Any]]) -> str:
    """List how many were right after each epoch, the newest ten."""
    return "  \n".join(
        f"Epoch {each['epoch']}: {_n_right(each)} of {len(each['answers'])}" for each in told[-10:]
    )


def _n_right(epoch: Mapping[str, Any]) -> int:
    return sum(answer["predicted"] == answer["given"] for answer in epoch["answers"])


def _picture(workspace: Workspace, digest: str) -> None:
    try:
        st.image(images.thumbnail(workspace, digest), width=THUMB_PX)
    except PeakidError:  # Forgotten since.
        st.caption("no longer here")
