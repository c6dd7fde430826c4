"""The form to freeze a snapshot: name, split shares, seed, and whether only confirmed labels count."""

from dataclasses import dataclass

import streamlit as st

from peakid import licences
from peakid.dataset import snapshot_names
from peakid.records import Split
from peakid.store.status import Status
from peakid.web import words

GROUPS = {
    "open": "Creative Commons and public domain",
    "commercial": "of these, for commercial use",
    "changes": "of these, changes allowed",
    "unknown": "Unknown licence",
}


@dataclass(frozen=True)
class FreezeRequest:
    """The values of the form. `fractions` are shares in 0..1 that add up to 1; no licences = any."""

    name: str
    seed: int
    fractions: dict[Split, float]
    is_reviewed_only: bool
    is_scanned_first: bool
    of_licences: tuple[str, ...] = ()


def show(counts: Status, n_not_compared: int, *, has_licences: bool = False) -> FreezeRequest | None:
    """Draw the form; return its values when the button was clicked.

    Args:
        n_not_compared: Labelled images that were not compared with the others yet.
        has_licences: Images name licences, so that they can be chosen by them.
    """
    st.markdown(_intro(counts))
    cells = st.columns([4, 2, 2, 2, 2], gap="small")
    name = cells[0].text_input(
        "Name", placeholder="for example: before cleaning", key="name", max_chars=snapshot_names.LONGEST
    )
    fractions = _ask_shares(*cells[1:4])
    seed_tip = "Another seed assigns the images to the splits differently."
    seed = cells[4].number_input("Seed", 0, 2**31 - 1, 0, step=1, key="seed", help=seed_tip)
    only_reviewed = f"Only labels confirmed by a person ({counts.n_reviewed:,})"
    is_reviewed_only = st.checkbox(only_reviewed, key="reviewed_only")
    of_licences = _ask_licences() if has_licences else ()
    is_scanned_first = _ask_scan(n_not_compared)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_clicked = st.button(
            "Freeze a snapshot", type="primary", icon=":material/ac_unit:", disabled=fractions["test"] < 0
        )
        if fractions["test"] < 0:
            total = round(100 * (fractions["train"] + fractions["valid"]))
            st.caption(f"Train and validation add up to {total} %. Lower one of them.")
        else:
            st.caption("Images of an earlier snapshot with the same seed keep their split.")
    if not is_clicked:
        return None
    return FreezeRequest(name, int(seed), fractions, is_reviewed_only, is_scanned_first, of_licences)


def _ask_licences() -> tuple[str, ...]:
    chosen = st.multiselect(
        "Only images with one of these licences",
        [*licences.GROUPS, *licences.CODES],
        format_func=_licence_option,
        placeholder="any licence",
        key="licences",
    )
    return tuple(chosen)


def _licence_option(name: str) -> str:
    return GROUPS.get(name) or licences.Licence(name).name


def _ask_scan(n_not_compared: int) -> bool:
    """Say how many images were not compared, and ask whether to compare them first."""
    if not n_not_compared:
        return True
    are = "image that was" if n_not_compared == 1 else "images that were"
    is_scanned_first = st.checkbox(
        f"First compare the {n_not_compared:,} {are} not compared with the others yet",
        value=True,
        key="scanned_first",
    )
    if not is_scanned_first:
        st.warning(
            f"Near duplicates of {words.n_of(n_not_compared, 'image')} may go into different splits, and "
            "scores may be too high.",
            icon=":material/warning:",
        )
    return is_scanned_first


def _intro(counts: Status) -> str:
    omitted = [
        f"{n:,} {state}" for n, state in ((counts.n_excluded, "excluded"), (counts.n_flagged, "flagged")) if n
    ]
    leaves_out = f" It leaves out {' and '.join(omitted)}." if omitted else ""
    n_images = words.n_of(counts.n_labelled, "labelled image")
    return (
        f"A snapshot stores the current labels and splits of {n_images}, so that scores can be reproduced "
        f"and compared.{leaves_out}"
    )


def _ask_shares(*cells: st.delta_generator.DeltaGenerator) -> dict[Split, float]:
    # The limits do not depend on the other share: a field whose limits change forgets what was typed.
    train = cells[0].number_input(
        "Train %", 5, 90, 70, step=5, key="train_share", help="The model is trained on it."
    )
    valid = cells[1].number_input(
        "Validation %", 5, 90, 15, step=5, key="valid_share", help="For choosing epochs and runs."
    )
    test = 100 - train - valid
    cells[2].number_input(
        "Test %", value=test, disabled=True, help="The rest. For reporting the final score, not for choosing."
    )
    return {"train": train / 100, "valid": valid / 100, "test": test / 100}
