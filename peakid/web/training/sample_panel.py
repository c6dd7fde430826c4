"""A few validation images with the running model's predictions, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate import score_text
from peakid.store import images, runs
from peakid.store.workspace import Workspace
from peakid.web import session

PER_ROW = 8
THUMB_PX = 112
N_IN_TIP = 10  # Epochs.


@dataclass(frozen=True)
class Sample:
    """One image and its prediction; `confidence` in 0..1."""

    digest: str
    given_label: str
    predicted_label: str
    confidence: float

    @property
    def is_error(self) -> bool:
        return self.predicted_label != self.given_label


@dataclass(frozen=True)
class EpochSamples:
    """The predictions of the same images after one epoch."""

    epoch: int
    samples: tuple[Sample, ...]

    @property
    def n_correct(self) -> int:
        return sum(not each.is_error for each in self.samples)


def show(workspace: Workspace, run_id: int) -> None:
    """Draw the images with the newest predictions; nothing before the end of the first epoch."""
    try:
        epochs = [parsed(each) for each in runs.samples(workspace, run_id)]
    except (KeyError, TypeError, ValueError):
        st.caption("The file with the sample images of this run is damaged; the run itself is not affected.")
        return
    if not epochs:
        return
    st.caption(finding(epochs), help=history(epochs))
    for cell, sample in zip(st.columns(PER_ROW, gap="small"), epochs[-1].samples, strict=False):
        with cell:
            _show_image(workspace, sample.digest)
            st.markdown(prediction_text(sample))


def parsed(document: Mapping[str, Any]) -> EpochSamples:
    """Return one line of a run's sample file as a record."""
    samples = (
        Sample(str(each["digest"]), str(each["given"]), str(each["predicted"]), float(each["confidence"]))
        for each in document["answers"]
    )
    return EpochSamples(int(document["epoch"]), tuple(samples))


def finding(epochs: Sequence[EpochSamples]) -> str:
    """Return how many are correct: `6 of 8 validation images correct after epoch 3; after epoch 1, 4.`"""
    first, last = epochs[0], epochs[-1]
    earlier = f"; after epoch {first.epoch}, {first.n_correct}" if len(epochs) > 1 else ""
    n_correct = f"{last.n_correct} of {len(last.samples)}"
    return f"{n_correct} validation images correct after epoch {last.epoch}{earlier}."


def prediction_text(sample: Sample) -> str:
    """Return a prediction as Markdown: green where it is correct, else red with the given label."""
    predicted, given = session.plain(sample.predicted_label), session.plain(sample.given_label)
    confidence = score_text.percent(sample.confidence)
    return (
        f":red[{predicted}] {confidence}, is {given}"
        if sample.is_error
        else f":green[{predicted}] {confidence}"
    )


def history(epochs: Sequence[EpochSamples]) -> str:
    """Return how many were correct after each of the newest epochs, one line each."""
    return "  \n".join(
        f"Epoch {each.epoch}: {each.n_correct} of {len(each.samples)}" for each in epochs[-N_IN_TIP:]
    )


def _show_image(workspace: Workspace, digest: str) -> None:
    try:
        st.image(images.thumbnail(workspace, digest), width=THUMB_PX)
    except PeakidError:  # Forgotten since.
        st.caption("removed")
