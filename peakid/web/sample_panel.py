"""A few valid images beside what the running model answers for them, so that one sees it learn, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from peakid import images, runs
from peakid.errors import PeakidError
from peakid.web import session
from peakid.workspace import Workspace

PER_ROW = 8
THUMB_PX = 112


def show(workspace: Workspace, run_id: int) -> None:
    """Draw the images with the newest answers, and for each since when it is right; nothing before the first epoch."""
    told = runs.samples(workspace, run_id)
    if not told:
        return
    st.caption(finding(told))
    newest = told[-1]["answers"]
    for cell, answer, place in zip(st.columns(PER_ROW, gap="small"), newest, range(len(newest)), strict=False):
        with cell:
            _picture(workspace, answer["digest"])
            st.markdown(answered(answer), help=course([each["answers"][place] for each in told], told))


def finding(told: Sequence[Mapping[str, Any]]) -> str:
    """Say how many are right by now: `After epoch 3 it names 6 of these 8 valid images as they are labelled; after epoch 1, 4.`"""
    right = [sum(answer["predicted"] == answer["given"] for answer in each["answers"]) for each in told]
    n, last, first = len(told[-1]["answers"]), told[-1]["epoch"], told[0]["epoch"]
    earlier = f"; after epoch {first}, {right[0]}" if len(told) > 1 else ""
    return f"After epoch {last} it names {right[-1]} of these {n} valid images as they are labelled{earlier}."


def answered(answer: Mapping[str, Any]) -> str:
    """Say what the model answers: in green where it is the label, else in red with the label behind it."""
    predicted, given = session.plain(answer["predicted"]), session.plain(answer["given"])
    share = f"{answer['confidence']:.0%}"
    if answer["predicted"] == answer["given"]:
        return f":green[{predicted}] {share}"
    return f":red[{predicted}] {share}, is {given}"


def course(answers: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> str:
    """List one image's answers, an epoch a line, the newest ten."""
    lines = [
        f"Epoch {each['epoch']}: {session.plain(answer['predicted'])} {answer['confidence']:.0%}"
        for each, answer in zip(told, answers, strict=True)
    ]
    return "  \n".join(lines[-10:])


def _picture(workspace: Workspace, digest: str) -> None:
    try:
        st.image(images.thumbnail(workspace, digest), width=THUMB_PX)
    except PeakidError:  # Forgotten since.
        st.caption("no longer here")
