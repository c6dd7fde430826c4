"""Who decided what and when; undo of steps; the reviewer's own pace; backup and restore of the workspace."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from peakid.curate import classes, history
from peakid.store import saved_decisions
from peakid.web import address, session
from peakid.web.history import history_list, image_history, keep_panel, pace_panel, undo_panel

SECTIONS = {"log": "All steps", "since": "Undo since", "pace": "My pace", "keep": "Backup"}
EVERYONE, EVERY_CLASS = "everyone", "every class"
N_STEPS = 20  # On one page of the log.


def show_log() -> None:
    cells = st.columns([2, 2, 2, 3], vertical_alignment="bottom")
    with cells[0]:
        by = address.select("By", "by", [EVERYONE, *actors], format_func=history_list.actor_option)
    with cells[1]:
        class_names = [row.class_name for row in classes.list_classes(workspace)]
        class_name = address.select("Class", "class", [EVERY_CLASS, *class_names])
    before = address.number("before", what="the number of a step")
    steps = history.page(
        workspace,
        by=None if by == EVERYONE else by,
        class_name=None if class_name == EVERY_CLASS else class_name,
        before=before,
        limit=N_STEPS + 1,
    )
    with cells[3].container(horizontal_alignment="right"):
        show_download()
    if not steps:
        st.info("No matching steps. This list shows all decisions and the labels of imports, newest first.")
    history_list.show(workspace, steps[:N_STEPS])
    with st.container(horizontal=True):
        if before is not None and st.button("Newest", icon=":material/first_page:"):
            turn_to(None)
        if len(steps) > N_STEPS and st.button("Older", icon=":material/chevron_right:"):
            turn_to(steps[N_STEPS - 1].step_id)


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
        "Download as CSV", table, "peakid-log.csv", "text/csv", icon=":material/download:", on_click="ignore"
    )


def time_zone() -> tzinfo | None:
    """Return the time zone of the browser, else that of the server."""
    name = st.context.timezone
    return ZoneInfo(name) if isinstance(name, str) and name else datetime.now().astimezone().tzinfo


# 1 open
workspace = session.workspace()
st.title("History")

# 2 ask
actors = history.actors(workspace)
image = address.text("image")

# 3 draw, 4 act
history_list.show_done()
image_history.show_forgotten()
for loss in saved_decisions.losses(workspace.connection()):
    st.warning(loss.text(), icon=":material/warning:")
if image:
    if st.button("Back to all steps", icon=":material/arrow_back:", type="tertiary"):
        address.write(image=None)
        st.rerun()
    image_history.show(workspace, image)
else:
    section = address.segments("Section", "section", list(SECTIONS), format_func=SECTIONS.__getitem__)
    if section == "log":
        show_log()
    elif section == "since":
        undo_panel.show(workspace, actors, time_zone())
    elif section == "pace":
        pace_panel.show(workspace, time_zone())
    else:
        keep_panel.show(workspace)
