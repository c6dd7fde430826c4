"""What a person decides before freezing: a name, the shares, the seed, and whether only confirmed labels count."""

from dataclasses import dataclass

import streamlit as st

from peakid.records import Split
from peakid.store.status import Status
from peakid.web import words


@dataclass(frozen=True)
class Wish:
    """What was asked for. `fractions` are shares in 0..1 that add up to 1."""

    name: str
    seed: int
    fractions: dict[Split, float]
    is_reviewed_only: bool


def show(counts: Status) -> Wish | None:
    """Draw the form; answers what is to be frozen when the button was clicked."""
    left = [
        f"{n:,} {what}" for n, what in ((counts.n_excluded, "excluded"), (counts.n_flagged, "flagged")) if n
    ]
    leaves = f" It leaves out {' and '.join(left)}." if left else ""
    st.markdown(
        f"A snapshot keeps {words.n_of(counts.n_labelled, 'labelled image')} with label and split as they are now, "
        f"so that a score can be believed and repeated.{leaves}"
    )
    cells = st.columns([4, 2, 2, 2, 2], gap="small")
    name = cells[0].text_input("Name", placeholder="for instance: first look", key="name", max_chars=80)
    # The same limits whatever the other share is: a field whose limits change forgets what was typed.
    train = cells[1].number_input(
        "Train %", 5, 90, 70, step=5, key="train_share", help="What the model learns from."
    )
    valid = cells[2].number_input(
        "Valid %", 5, 90, 15, step=5, key="valid_share", help="Epochs and runs are chosen on it."
    )
    test = 100 - train - valid
    cells[3].number_input(
        "Test %", value=test, disabled=True, help="What is left: looked at rarely, never chosen by."
    )
    seed = cells[4].number_input(
        "Seed", 0, 2**31 - 1, 0, step=1, key="seed", help="Another seed deals the images to the splits anew."
    )
    is_reviewed_only = st.checkbox(
        f"Only labels that a person has confirmed ({counts.n_reviewed:,})", key="reviewed_only"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        is_asked = st.button(
            "Freeze a snapshot", type="primary", icon=":material/ac_unit:", disabled=test < 0
        )
        kept = "Images of an earlier snapshot with this seed keep their split."
        st.caption(
            kept if test >= 0 else f"Train and valid together are {train + valid} %: lower one of them."
        )
    fractions: dict[Split, float] = {"train": train / 100, "valid": valid / 100, "test": test / 100}
    return Wish(name, int(seed), fractions, is_reviewed_only) if is_asked else None
