"""The way from photos to an exported model: which of its steps are done, which is next, which wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from peakid.curate.queues.review_queue import QueueCount
from peakid.evaluate import score_text
from peakid.jobs.job import Job
from peakid.records import Run
from peakid.store.status import Status
from peakid.store.workspace import Workspace
from peakid.web import names, navigation, words
from peakid.web.navigation import NextStep, Progress
from peakid.web.training import first_model

TRAININGS = ("train", "sweep")  # Kinds of jobs that lead to a run.

StepState = Literal[
    "done",     # It has a result.
    "next",     # The suggested action belongs to it.
    "running",  # A job is doing it.
    "waiting",  # Neither; its page can still be opened.
]  # fmt: skip

_ICONS: dict[StepState, str] = {
    "done": ":green[:material/check_circle:]",
    "next": ":blue[:material/arrow_circle_right:]",
    "running": ":blue[:material/pending:]",
    "waiting": ":gray[:material/radio_button_unchecked:]",
}


@dataclass(frozen=True)
class Step:
    """One step. `page` is the page on which it is done, `detail` what it has or waits for, in a few words."""

    name: str
    page: str
    state: StepState
    detail: str


@dataclass(frozen=True)
class Journey:
    """What has been done in a workspace.

    Attributes:
        worth: The queue "worth your time".
        runs: Those with a score, newest first.
        trainings: Queued and running jobs that train.
    """

    counts: Status
    worth: QueueCount
    done: Progress
    runs: Sequence[Run]
    trainings: Sequence[Job]

    def steps(self, page: str) -> list[Step]:
        """Return the six steps in their order.

        Args:
            page: Where the suggested action leads.
        """
        parts = [
            ("Collect", "collect", self.counts.n_images > 0, words.n_of(self.counts.n_images, "image")),
            ("Review", "review", self._is_reviewed(page), self._review_detail(page)),
            ("Freeze", "snapshots", self.counts.n_snapshots > 0, self._freeze_detail(page)),
            ("Train", "train", bool(self.runs), self._train_detail()),
            ("Evaluate", "evaluate", self._is_evaluated, self._evaluate_detail()),
            ("Export", "models", self.done.n_exports > 0, self._export_detail()),
        ]
        return [
            Step(name, where, self._state(where, is_done=is_done, is_next=where == page), detail)
            for name, where, is_done, detail in parts
        ]

    def action(self, suggested: NextStep) -> NextStep:
        """Return the one action to offer: the suggested one, unless work is ahead of it."""
        if suggested.page == "train" and self.trainings:
            return NextStep(
                "A model is being trained. You can go on reviewing.", "Watch the training", "train"
            )
        if suggested.page == "evaluate" and self._is_evaluated:
            sentence = (
                f"The test score of {names.run_name(self.runs[0])} was shown. Export its model to use it."
            )
            return NextStep(sentence, "Export the model", "models")
        return suggested

    def _is_reviewed(self, page: str) -> bool:
        """Once a snapshot can be frozen, only images in doubt are left to review; the others are optional."""
        can_freeze = self.counts.n_snapshots > 0 or page == "snapshots"
        return not self.worth.n and (can_freeze or not self.done.n_unreviewed)

    @property
    def _is_evaluated(self) -> bool:
        return self.done.n_exports > 0 or any(run.n_test_looks and run.has_model for run in self.runs[:1])

    def _state(self, page: str, *, is_done: bool, is_next: bool) -> StepState:
        if page == "train" and self.trainings:
            return "running"
        if is_next:
            return "next"
        return "done" if is_done else "waiting"

    def _review_detail(self, page: str) -> str:
        if self.worth.n:
            return f"{self.worth.n:,}{'+' if self.worth.is_more else ''} worth your time"
        if not self.done.n_unreviewed:
            return "all reviewed"
        return f"{self.done.n_unreviewed:,} {'left, optional' if self._is_reviewed(page) else 'not reviewed'}"

    def _freeze_detail(self, page: str) -> str:
        if n := self.counts.n_snapshots:
            return words.n_of(n, "snapshot")
        return "no snapshot yet" if self._is_reviewed(page) else "after the review"

    def _train_detail(self) -> str:
        if self.trainings:
            return "in training" if self.trainings[0].state == "running" else "queued"
        if self.runs:
            return names.run_name(self.runs[0])
        return "no run yet" if self.counts.n_snapshots else "needs a snapshot"

    def _evaluate_detail(self) -> str:
        if not self.runs:
            return "needs a run"
        return f"{score_text.percent(self.runs[0].accuracy)} on validation"

    def _export_detail(self) -> str:
        if self.done.n_exports:
            return words.n_of(self.done.n_exports, "export")
        return "no export yet" if self.runs else "needs a run"


def show(workspace: Workspace, journey: Journey, suggested: NextStep) -> None:
    """Draw the steps, then the one action with its button; before the first model, the way to it as well."""
    action = journey.action(suggested)
    has_first = action.page in ("review", "snapshots") and first_model.is_next(workspace)
    is_first_enough = has_first and action.page == "snapshots"
    with st.container(border=True):
        cells = st.container(horizontal=True, gap="medium")
        for step in journey.steps(action.page):
            text = f"{_ICONS[step.state]} **{step.name}**  \n:gray[{step.detail}]"
            cells.markdown(text, width="content")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{action.sentence}**", width="content")
            with st.container(horizontal=True, width="content"):
                if st.button(action.button, type="secondary" if is_first_enough else "primary"):
                    navigation.go(action.page)
                if has_first:
                    first_model.button(workspace, kind="primary" if is_first_enough else "secondary")
