"""What narrows the queue above: one bar of filters whose state stands in the address, and the views saved from it."""

import streamlit as st

from peakid.curate import classes, image_issues, remarks
from peakid.curate.queues import filters, saved_views
from peakid.curate.queues.filters import Filters
from peakid.curate.queues.saved_views import SavedView
from peakid.store.workspace import Workspace
from peakid.web import address, session
from peakid.web.review import queue_chips

# Name in the address -> field of Filters and what it is called.
FIELDS = {
    "class": ("class_name", "Class"),
    "split": ("split", "Split"),
    "source": ("source", "Source"),
    "issue": ("issue", "Issue"),
    "tag": ("tag", "Tag"),
    "added": ("added", "Added"),
    "taken": ("taken", "Taken"),
    "text": ("text", "Text"),
}
_HELP = {
    "split": "In the newest snapshot.",
    "added": "When it arrived: a year, a month or a day, such as 2026-11.",
    "taken": "When it was taken, by the camera's clock: a year, a month or a day, such as 2026-11.",
    "text": "Three letters or more of a path or a note.",
}


def asked() -> Filters:
    """Answer the filters that the address names."""
    return Filters(**{field: st.query_params.get(name) or None for name, (field, _) in FIELDS.items()})


def show(workspace: Workspace, queue: str) -> None:
    """Draw the bar: the filters folded, each one set as a chip that takes it off, and the saved views."""
    now = asked().given()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("Filter", icon=":material/filter_list:", width="content"):
            _choices(workspace)
        for name, (field, title) in FIELDS.items():
            if field in now:
                said = f"{title}: {session.plain(_read(name, now[field]))}"
                st.button(
                    said,
                    icon=":material/close:",
                    key=f"off:{name}",
                    on_click=_set,
                    args=(name, None),
                    help="Take this filter off",
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
        key, said = f"filter:{name}", st.query_params.get(name) or None
        with sides[number % 2]:
            if name in options:
                known = options[name] if said is None or said in options[name] else [*options[name], said]
                st.session_state[key] = said
                st.selectbox(
                    title, known, key=key, help=_HELP.get(name), placeholder="Any", format_func=lambda value, name=name: _read(name, value),
                    on_change=_follow, args=(name,),
                )  # fmt: skip
            else:
                st.session_state[key] = said or ""
                st.text_input(
                    title, key=key, help=_HELP.get(name), placeholder="Any", on_change=_follow, args=(name,)
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
        st.caption("No view is saved. A view is a queue with its filters under a name, for everyone here.")
    with st.form("save view", border=False, clear_on_submit=True):
        name = st.text_input(
            "Name", placeholder=queue_chips.name(queue).replace("\\", ""), max_chars=saved_views.LONGEST_NAME
        )
        if st.form_submit_button("Save this view") and name.strip():
            saved_views.save(workspace, name, queue, filters=asked(), actor=session.actor())
            st.rerun()


def _read(name: str, value: str) -> str:
    return value.replace("_", " ").capitalize() if name == "issue" else value


def _follow(name: str) -> None:
    value = st.session_state[f"filter:{name}"]
    _set(name, value.strip() if value else None)


def _set(name: str, value: str | None) -> None:
    address.write(**{name: value or None}, after=None)


def _open(view: SavedView) -> None:
    given = view.filters.given()
    address.write(
        queue=view.queue, after=None, **{name: given.get(field) for name, (field, _) in FIELDS.items()}
    )
