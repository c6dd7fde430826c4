"""The classes: their keys, colours and descriptions, and the form to rename, merge or retire one."""

import streamlit as st

from peakid.curate import classes
from peakid.errors import PeakidError
from peakid.records import ClassRow
from peakid.web import address, navigation, session, tables, theme
from peakid.web.collect import wikipedia_form
from peakid.web.review import class_editor
from peakid.web.search import shortcut_panel


def show_new_class() -> None:
    with (
        st.form("add", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "New class", max_chars=120, placeholder="Its name, as it is shown below the images"
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


def table_line(n: int, row: ClassRow) -> dict[str, str | int]:
    key = str(n + 1) if not row.is_retired and n < classes.N_KEYS else ""
    state = f"merged into {row.merged_into}" if row.merged_into else "retired" if row.is_retired else ""
    return {
        "Key": key,
        "Colour": class_editor.swatch(colours[row.class_name]),
        "Class": row.class_name,
        "State": state,
        "Images": row.n_images,
        "Reviewed": row.n_reviewed,
        "How to recognise it": row.note,
    }


def show_table() -> None:
    columns = {
        "Key": st.column_config.TextColumn(width=44),
        "Colour": st.column_config.ImageColumn(width=60),
        "State": st.column_config.TextColumn(width=130),
        "Images": st.column_config.NumberColumn(width=64),
        "Reviewed": st.column_config.NumberColumn(width=80),
        "How to recognise it": st.column_config.TextColumn(width=140),
    }
    lines = [table_line(n, row) for n, row in enumerate(rows)]
    if not any(line["State"] for line in lines):
        lines = [{name: value for name, value in line.items() if name != "State"} for line in lines]
    tables.show(lines, column_config=columns, height="content")
    st.caption(
        "In Review, keys 1-9 choose the first nine classes. For any other, type / and part of its name."
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
    st.info("There are no classes yet. The subfolders of an import become classes, or add one here.")
    if st.button("Import images"):
        navigation.go("collect")
    show_new_class()
    wikipedia_form.show(workspace)
else:
    left, right = st.columns([2, 1], gap="medium")
    with left:
        show_table()
        show_new_class()
        wikipedia_form.show(workspace)
    with right:
        chosen = address.select("Edit", "class", [row.class_name for row in rows])
        row = next(row for row in rows if row.class_name == chosen)
        class_editor.show(workspace, row, rows, colours[chosen])
    shortcut_panel.show(workspace)
