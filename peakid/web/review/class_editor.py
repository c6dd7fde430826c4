"""Edit one class: its key, name, colour and description; merge it or retire it."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

import streamlit as st

from peakid.curate import class_merges, classes, remarks
from peakid.errors import PeakidError
from peakid.records import ClassRow
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.web import address, choices, session, words
from peakid.web.review import class_guide

_DONE = "classes:done"


def swatch(colour: str) -> str:
    """Return a small square of a colour as an image address for a table."""
    square = f'<rect width="24" height="24" rx="5" fill="{colour}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">{square}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"


def show_done() -> None:
    """Show, once, what the last change did."""
    if text := st.session_state.pop(_DONE, None):
        st.success(session.plain(text), icon=":material/check:")


def show(workspace: Workspace, row: ClassRow, rows: Sequence[ClassRow], colour: str) -> None:
    """Draw the editor of one class. `rows` holds all classes, retired ones last."""
    if row.is_retired:
        _show_retired(workspace, row)
        return
    active = [each.class_name for each in rows if not each.is_retired]
    _show_position(workspace, row.class_name, active)
    _show_guide(workspace, row, colour)
    with st.expander("Rename", icon=":material/edit:"):
        _show_rename(workspace, row)
    others = [name for name in active if name != row.class_name]
    into = address.text("into")  # Proposed where a model cannot tell the two apart.
    with st.expander("Merge into another class", icon=":material/call_merge:", expanded=into in others):
        _show_merge(workspace, row.class_name, others, others.index(into) if into in others else 0)
    with st.expander("Retire", icon=":material/archive:"):
        st.caption(
            "A retired class is not offered as a label and is left out of new snapshots. Its images keep "
            "the label. You can bring it back at any time."
        )
        if st.button(f"Retire {session.plain(row.class_name)}"):
            _act(
                lambda: classes.retire(workspace, row.class_name),
                f"Retired {row.class_name}. Its images keep the label.",
            )


def _show_retired(workspace: Workspace, row: ClassRow) -> None:
    n = words.n_of(row.n_images, "image")
    verb = "has" if row.n_images == 1 else "have"
    st.caption(session.plain(f"{n} {verb} this label. They are not in new snapshots."))
    if row.merged_into:
        merged = (
            f"It was merged into {row.merged_into}. New images under its name are labelled {row.merged_into}."
        )
        st.caption(session.plain(merged))
        st.caption("To move its images back as well, undo the merge on the History page.")
    if st.button(f"Bring {session.plain(row.class_name)} back", type="primary"):
        _act(lambda: classes.add(workspace, row.class_name), f"Brought {row.class_name} back.")


def _show_position(workspace: Workspace, name: str, names: Sequence[str]) -> None:
    n = names.index(name)
    key_text = f"Key **{n + 1}**" if n < classes.N_KEYS else f"Position {n + 1}; press / to find it"
    moves = (("Up", ":material/arrow_upward:", n - 1), ("Down", ":material/arrow_downward:", n + 1))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(key_text, width="content")
        for label, icon, other in moves:
            if st.button(label, icon=icon, disabled=not 0 <= other < len(names)):
                order = list(names)
                order[n], order[other] = order[other], order[n]
                _act(lambda order=order: classes.order(workspace, order), "")


def _show_guide(workspace: Workspace, row: ClassRow, colour: str) -> None:
    name = row.class_name
    guide = next(each for each in classes.guide(workspace) if each.class_name == name)
    with st.form(f"guide:{name}", border=False):
        picked = st.color_picker("Colour", colour, key=f"colour:{name}:{colour}")
        note = st.text_area(
            "How to recognise it",
            row.note,
            max_chars=classes.MAX_NOTE_CHARS,
            help="Shown while reviewing. One or two things to look for.",
            key=f"note:{name}",
            height=90,
        )
        typed = st.text_input(
            "Typical images",
            " ".join(each[:12] for each in guide.examples),
            help="Press T on an image in Review. Or give up to three digests or their first digits, from the "
            "History page or a table of images.",
            key=f"examples:{name}",
        )
        class_guide.show_typical(workspace, guide)
        if st.form_submit_button("Save the description"):
            changed = picked.upper() if picked.upper() != colour.upper() else None
            _act(
                lambda: _describe(workspace, name, note, changed, typed),
                f"Saved the description of {name}.",
            )


def _describe(workspace: Workspace, name: str, note: str, colour: str | None, typed: str) -> None:
    examples = [images.resolve(workspace, each) for each in typed.replace(",", " ").split()]
    classes.describe(workspace, name, note=note, colour=colour)
    remarks.set_typical(workspace, name, examples, actor=session.actor())


def _show_rename(workspace: Workspace, row: ClassRow) -> None:
    new = st.text_input("New name", row.class_name, max_chars=120, key=f"rename:{row.class_name}")
    st.caption(
        "Snapshots and runs keep the old name. Imports from a folder of the old name get the new label."
    )
    if st.button("Rename the class", disabled=new.strip() in ("", row.class_name)):
        _act(
            lambda: address.write(**{"class": classes.rename(workspace, row.class_name, new).class_name}),
            f"Renamed to {new.strip()}.",
        )


def _show_merge(workspace: Workspace, name: str, others: list[str], proposed: int) -> None:
    if not others:
        st.caption("There is no other class to merge it into.")
        return
    choices.keep(f"merge:{name}", others, words.shown, default=others[proposed])
    into = st.selectbox("Into", others, format_func=words.shown, key=f"merge:{name}")
    plan = class_merges.plan(workspace, name, into)
    images = words.n_of(plan.n_images, "image")
    moves = f"{images} from {name} to {into}, {plan.n_reviewed:,} of them reviewed"
    if plan.n_set_aside:
        moves += f"; {plan.n_set_aside:,} stay excluded or flagged"
    result = f"Moves {moves}. {name} is retired. New images under its name are labelled {into}."
    st.markdown(session.plain(result))
    if st.button(f"Merge into {session.plain(into)}", type="primary"):
        done = f"Moved {moves}. Undo it on the History page, or with Z while reviewing."
        _act(lambda: class_merges.merge(workspace, name, into, actor=session.actor()), done)


def _act(act: Callable[[], object], done: str) -> None:
    """Change something, keep what it did for the next run of the page, and run the page again."""
    try:
        act()
    except PeakidError as error:
        session.show_error(error)
        return
    if done:
        st.session_state[_DONE] = done
    st.rerun()
