"""The filters of a queue, which are kept in the address, and the saved views."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import classes, image_issues, remarks
from peakid.curate.queues import filters, saved_views
from peakid.curate.queues.filters import Filters
from peakid.curate.queues.saved_views import SavedView
from peakid.store.workspace import Workspace
from peakid.web import address, session, words
from peakid.web.review import queue_chips

# Name in the address -> field of Filters and title.
FIELDS = {
    "class": ("class_name", "Class"),
    "split": ("split", "Split"),
    "source": ("source", "Source"),
    "issue": ("issue", "Issue"),
    "tag": ("tag", "Tag"),
    "added": ("added", "Added"),
    "taken": ("taken", "Taken"),
    "text": ("text", "Text"),
    "range": ("ranges", "Range"),
}
_HELP = {
    "split": "In the newest snapshot.",
    "added": "When it was imported: a year, month or day, such as 2026-11.",
    "taken": "When it was taken, by the clock of the camera: a year, month or day, such as 2026-11.",
    "text": "At least three characters of a path or a note.",
    "range": "Of measures, such as sharpness=..0.3,brightness=0.2..0.5. Counts shows how they are spread.",
}


def current() -> Filters:
    """Return the filters in the address."""
    return Filters(**{field: address.text(name) for name, (field, _) in FIELDS.items()})


def clear() -> None:
    """Remove all filters from the address."""
    address.write(**dict.fromkeys(FIELDS), after=None)


def show(workspace: Workspace, queue: str) -> None:
    """Draw the filters, a chip that removes each active one, and the saved views."""
    active = current().given()
    with st.popover("Filter", icon=":material/filter_list:", width="content"):
        _choices(workspace)
    for name, (field, title) in FIELDS.items():
        if field in active:
            st.button(
                f"{title}: {session.plain(_value_text(name, active[field]))}",
                icon=":material/close:",
                key=f"off:{name}",
                on_click=_set,
                args=(name, None),
                help="Remove this filter",
            )
    with st.popover("Views", icon=":material/bookmark:", width="content"):
        _views(workspace, queue)


def _choices(workspace: Workspace) -> None:
    options = {
        "class": classes.names(workspace),
        "split": ["train", "valid", "test"],
        "source": filters.sources(workspace),
        "issue": list(image_issues.RULES),
        "tag": remarks.names(workspace),
    }
    sides = st.columns(2)
    for number, (name, (_, title)) in enumerate(FIELDS.items()):
        with sides[number % 2]:
            if name in options:
                _show_choice(name, title, options[name])
            else:
                _show_text(name, title)


def _show_choice(name: str, title: str, options: Sequence[str]) -> None:
    value = address.text(name)
    is_unknown = value is not None and value not in options  # From an old link: it is shown like the others.
    st.session_state[f"filter:{name}"] = value
    st.selectbox(
        title,
        [*options, value] if is_unknown else list(options),
        key=f"filter:{name}",
        help=_HELP.get(name),
        placeholder="Any",
        format_func=lambda each: words.shown(_value_text(name, each)),
        on_change=_write_to_address,
        args=(name,),
    )


def _show_text(name: str, title: str) -> None:
    st.session_state[f"filter:{name}"] = address.text(name) or ""
    st.text_input(
        title,
        key=f"filter:{name}",
        help=_HELP.get(name),
        placeholder="Any",
        on_change=_write_to_address,
        args=(name,),
    )


def _views(workspace: Workspace, queue: str) -> None:
    saved = saved_views.list_views(workspace)
    for view in saved:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.button(
                session.plain(view.name),
                key=f"view:{view.name}",
                type="tertiary",
                on_click=_open,
                args=(view,),
            )
            st.button(
                "Remove",
                key=f"unview:{view.name}",
                type="tertiary",
                on_click=saved_views.remove,
                args=(workspace, view.name),
            )
    if not saved:
        st.caption(
            "No view is saved. A view is a queue with its filters under a name. Everyone here sees it."
        )
    with st.form("save view", border=False, clear_on_submit=True):
        name = st.text_input("Name", placeholder=queue_chips.title(queue), max_chars=saved_views.LONGEST_NAME)
        if st.form_submit_button("Save this view") and name.strip():
            saved_views.save(workspace, name, queue, filters=current(), actor=session.actor())
            st.rerun()


def _value_text(name: str, value: str) -> str:
    return image_issues.title(value).capitalize() if name == "issue" else value


def _write_to_address(name: str) -> None:
    value = st.session_state[f"filter:{name}"]
    _set(name, value.strip() if value else None)


def _set(name: str, value: str | None) -> None:
    address.write(**{name: value or None}, after=None)


def _open(view: SavedView) -> None:
    given = view.filters.given()
    filters = {name: given.get(field) for name, (field, _) in FIELDS.items()}
    address.write(queue=view.queue, after=None, **filters)
