"""The classes: which key each answers to, how it is told from others, and what becomes of it: renamed, merged, retired."""

import streamlit as st

from peakid.curate import classes
from peakid.errors import PeakidError
from peakid.records import ClassRow
from peakid.web import address, journey, session, theme
from peakid.web.review import class_editor


def show_new_class() -> None:
    with (
        st.form("add", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "New class", max_chars=120, placeholder="Its name, as it stands under the pictures"
        )
        if not st.form_submit_button("Add the class", icon=":material/add:"):
            return
    try:
        added = classes.add(workspace, name)
    except PeakidError as error:
        session.show_error(error)
        return
    address.write(**{"class": added.class_name})
    st.rerun()


def table_line(n: int, row: ClassRow) -> dict[str, object]:
    key = str(n + 1) if not row.is_retired and n < classes.N_KEYS else ""
    state = f"merged into {row.merged_into}" if row.merged_into else "retired" if row.is_retired else ""
    line = {
        "Key": key,
        "Colour": class_editor.swatch(colours[row.class_name]),
        "Class": row.class_name,
        "State": state,
    }
    return line | {"Images": row.n_images, "Reviewed": row.n_reviewed, "How to tell": row.note}


def show_table() -> None:
    columns = {
        "Key": st.column_config.TextColumn(width=48),
        "Colour": st.column_config.ImageColumn(width=60),
        "State": st.column_config.TextColumn(width=150),
        "How to tell": st.column_config.TextColumn(width="medium"),
    }
    lines = [table_line(n, row) for n, row in enumerate(rows)]
    if not any(line["State"] for line in lines):
        lines = [{name: value for name, value in line.items() if name != "State"} for line in lines]
    st.dataframe(lines, hide_index=True, column_config=columns, height="content")
    st.caption(
        "The first nine answer to the keys 1-9 while reviewing; all others are found by typing / and a part of the name."
    )


# 1 open
workspace = session.workspace()
st.title("Classes")

# 2 ask
rows = sorted(classes.list_classes(workspace), key=lambda row: row.is_retired)
colours = theme.class_colours([row.class_name for row in rows], classes.colours(workspace))

# 3 draw, 4 act
class_editor.show_done()
if not rows:
    st.info("There is no class yet. The folders of an import become classes by themselves; or name one here.")
    if st.button("Import images"):
        journey.go("collect")
    show_new_class()
else:
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_table()
        show_new_class()
    with right:
        chosen = address.select("Edit", "class", [row.class_name for row in rows])
        class_editor.show(
            workspace, next(row for row in rows if row.class_name == chosen), rows, colours[chosen]
        )
