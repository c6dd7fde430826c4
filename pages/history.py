"""Who judged what, when, from what to what; take back a step, or all of somebody's; one's own pace; the log and all else in a file."""

from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from peakid.curate import classes, history
from peakid.evaluate import charts
from peakid.web import address, session, theme, words
from peakid.web.history import history_list, image_history, keep_panel, undo_panel

SECTIONS = {"log": "All steps", "since": "Take back since", "pace": "My pace", "keep": "Backup"}
EVERYONE, EVERY_CLASS = "everyone", "every class"
PAGE = 20


def show_log() -> None:
    cells = st.columns([2, 2, 3, 2], vertical_alignment="bottom")
    with cells[0]:
        by = address.select(
            "By",
            "by",
            [EVERYONE, *actors],
            format_func=lambda each: each if each == EVERYONE else words.who(each),
        )
    with cells[1]:
        names = [row.class_name for row in classes.list_classes(workspace)]
        class_name = address.select("Class given", "class", [EVERY_CLASS, *names])
    before = int(value) if (value := st.query_params.get("before", "")).isdigit() else None
    asked = {
        "by": None if by == EVERYONE else by,
        "class_name": None if class_name == EVERY_CLASS else class_name,
    }
    steps = history.page(workspace, **asked, before=before, limit=PAGE + 1)
    with cells[3]:
        show_download()
    if not steps:
        st.info(
            "No step fits. What you and others judge, and what imports labelled, is written down here, newest first."
        )
    history_list.show(workspace, steps[:PAGE])
    with st.container(horizontal=True):
        if before is not None and st.button("Newest", icon=":material/first_page:"):
            turn_to(None)
        if len(steps) > PAGE and st.button("Older", icon=":material/chevron_right:"):
            turn_to(steps[PAGE - 1].step_id)


def turn_to(before: int | None) -> None:
    address.write(before=before)
    st.rerun()


def show_download() -> None:
    def table() -> bytes:
        file = workspace.cache_dir / f"log-{datetime.now():%Y%m%d%H%M%S%f}.csv"
        try:
            history.write_csv(workspace, file)
            return file.read_bytes()
        finally:
            file.unlink(missing_ok=True)

    st.download_button(
        "Download the log", table, "peakid-log.csv", "text/csv", icon=":material/download:", on_click="ignore"
    )


def show_pace() -> None:
    pace = history.pace(workspace, session.actor(), at=datetime.now(zone).astimezone(zone))
    name = session.plain(words.who(session.actor()))
    if not pace.n_week:
        st.info(
            f"{name} has judged nothing in the last seven days. What you judge is counted here, for you alone."
        )
        return
    cells = st.columns(3)
    cells[0].metric("Images today", f"{pace.n_today:,}")
    cells[1].metric("In seven days", f"{pace.n_week:,}")
    speed = "–" if pace.images_a_minute is None else f"{pace.images_a_minute:.0f}"
    cells[2].metric(
        "Images a minute", speed, help="One by one, while at it: pauses of more than a minute are left out."
    )
    if pace.n_today:
        theme.plot(charts.day(pace.per_hour, theme=theme.current()), key="day")
    st.caption(f"Shown to {name} alone, from the judgements written down under that name.")


# 1 open
workspace = session.workspace()
zone = (
    ZoneInfo(st.context.timezone)
    if isinstance(st.context.timezone, str) and st.context.timezone
    else datetime.now().astimezone().tzinfo
)
st.title("History")

# 2 ask
actors = history.actors(workspace)
image = st.query_params.get("image")

# 3 draw, 4 act
history_list.show_done()
if gone := st.session_state.pop("history:forgot", None):
    st.success(
        f"Image {gone} is forgotten: removed from here, and never taken in again.", icon=":material/check:"
    )
if image:
    if st.button("Back to all steps", icon=":material/arrow_back:", type="tertiary"):
        address.write(image=None)
        st.rerun()
    image_history.show(workspace, image)
else:
    section = address.segments("Section", "section", list(SECTIONS), format_func=SECTIONS.__getitem__)
    {
        "log": show_log,
        "since": lambda: undo_panel.show(workspace, actors, zone),
        "pace": show_pace,
        "keep": lambda: keep_panel.show(workspace),
    }[section]()
