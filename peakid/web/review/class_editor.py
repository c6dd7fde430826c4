"""One class under the hands: its place, name, look and guide, and what may become of it."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

import streamlit as st

from peakid.curate import class_merges, classes
from peakid.errors import PeakidError
from peakid.records import ClassRow
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.web import address, session, words
from peakid.web.review import class_guide

_DONE = "classes:done"


def swatch(colour: str) -> str:
    """Answer a small square of a colour as an address that a table shows as a picture."""
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24"><rect width="24" height="24" rx="5" fill="{colour}"/></svg>'
    return f"data:image/svg+xml,{quote(drawn)}"


def show_done() -> None:
    """Say once what the last act did."""
    if said := st.session_state.pop(_DONE, None):
        st.success(session.plain(said), icon=":material/check:")


def show(workspace: Workspace, row: ClassRow, rows: Sequence[ClassRow], colour: str) -> None:
    """Draw the editor of one class among all `rows`, living ones first."""
    if row.is_retired:
        _show_retired(workspace, row)
        return
    living = [each.class_name for each in rows if not each.is_retired]
    _show_place(workspace, row.class_name, living)
    _show_guide(workspace, row, colour)
    with st.expander("Rename", icon=":material/edit:"):
        _show_rename(workspace, row)
    with st.expander("Merge into another class", icon=":material/call_merge:"):
        _show_merge(workspace, row.class_name, [name for name in living if name != row.class_name])
    with st.expander("Retire", icon=":material/archive:"):
        st.caption(
            "No longer offered and not in new snapshots; its images keep the label. It can be brought back at any time."
        )
        if st.button(f"Retire {session.plain(row.class_name)}"):
            _act(
                lambda: classes.retire(workspace, row.class_name),
                f"Retired {row.class_name}. Its images keep the label.",
            )


def _show_retired(workspace: Workspace, row: ClassRow) -> None:
    n = words.n_of(row.n_images, "image")
    went = (
        f"It was merged into {row.merged_into}: what arrives under its name lands there. "
        if row.merged_into
        else ""
    )
    st.caption(session.plain(f"{went}{n} carry this label; none enters a new snapshot."))
    if row.merged_into:
        st.caption("To move its images back too, undo the merge on the page History.")
    if st.button(f"Bring {session.plain(row.class_name)} back", type="primary"):
        _act(lambda: classes.add(workspace, row.class_name), f"Brought {row.class_name} back.")


def _show_place(workspace: Workspace, name: str, living: list[str]) -> None:
    n = living.index(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Key **{n + 1}**" if n < classes.N_KEYS else f"Place {n + 1}, found by typing", width="content"
        )
        for label, icon, other in (
            ("Up", ":material/arrow_upward:", n - 1),
            ("Down", ":material/arrow_downward:", n + 1),
        ):
            if st.button(label, icon=icon, disabled=not 0 <= other < len(living)):
                living[n], living[other] = living[other], living[n]
                _act(lambda: classes.order(workspace, living), "")


def _show_guide(workspace: Workspace, row: ClassRow, colour: str) -> None:
    name, guide = (
        row.class_name,
        next(each for each in classes.guide(workspace) if each.class_name == row.class_name),
    )
    with st.form(f"guide:{name}", border=False):
        picked = st.color_picker("Colour", colour, key=f"colour:{name}:{colour}")
        tip = "Shown while reviewing. One or two things to look for."
        note = st.text_area(
            "How to tell it",
            row.note,
            max_chars=classes.MAX_NOTE_CHARS,
            help=tip,
            key=f"note:{name}",
            height=90,
        )
        tip = "Up to three digests, or beginnings of them, from the page History or a table of images."
        typed = st.text_input(
            "Typical images", " ".join(each[:12] for each in guide.examples), help=tip, key=f"examples:{name}"
        )
        class_guide.pictures(guide.examples)
        if st.form_submit_button("Save the description"):
            changed = picked.upper() if picked.upper() != colour.upper() else None
            _act(lambda: _describe(workspace, name, note, changed, typed), f"Kept how to tell {name}.")


def _describe(workspace: Workspace, name: str, note: str, colour: str | None, typed: str) -> None:
    examples = [images.resolve(workspace, each) for each in typed.replace(",", " ").split()]
    classes.describe(workspace, name, note=note, colour=colour, examples=examples)


def _show_rename(workspace: Workspace, row: ClassRow) -> None:
    new = st.text_input("New name", row.class_name, max_chars=120, key=f"rename:{row.class_name}")
    st.caption("Snapshots and runs keep the old name. Folders of the old name go on landing here.")
    if st.button("Rename the class", disabled=new.strip() in ("", row.class_name)):
        _act(
            lambda: address.write(**{"class": classes.rename(workspace, row.class_name, new).class_name}),
            f"Renamed to {new.strip()}.",
        )


def _show_merge(workspace: Workspace, name: str, others: list[str]) -> None:
    if not others:
        st.caption("There is no other class to merge it into.")
        return
    into = st.selectbox("Into", others, key=f"merge:{name}")
    plan = class_merges.plan(workspace, name, into)
    aside = f"; {plan.n_set_aside:,} are excluded or flagged and stay so" if plan.n_set_aside else ""
    moves = f"{words.n_of(plan.n_images, 'image')} from {name} to {into}, {plan.n_reviewed:,} of them reviewed{aside}"
    st.markdown(
        session.plain(f"Moves {moves}. {name} is retired, and what arrives under its name lands in {into}.")
    )
    if st.button(f"Merge into {session.plain(into)}", type="primary"):
        said = f"Moved {moves}. Undo it on the page History, or with Z while reviewing."
        _act(lambda: class_merges.merge(workspace, name, into, actor=session.actor()), said)


def _act(act: Callable[[], object], said: str) -> None:
    try:
        act()
    except PeakidError as error:
        session.show_error(error)
        return
    if said:
        st.session_state[_DONE] = said
    st.rerun()
