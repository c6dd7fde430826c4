"""A table further down is drawn when its place is reached, and stays."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from peakid.web import tables
from peakid.web.figures import in_sight
if st.button("Scroll"):
    st.session_state[in_sight._SEEN] = {"first"}
tables.late([{"Class": "eiger"}], key="first")
tables.late([{"Class": "dom"}], key="second")
"""


def test_a_table_is_drawn_once_its_place_was_reached() -> None:
    app = AppTest.from_string(SCRIPT, default_timeout=60).run()
    assert not app.exception
    assert [len(app.dataframe), len(app.get("bidi_component"))] == [0, 2]
    app.button[0].click().run()
    app.run()
    assert [each.value["Class"].tolist() for each in app.dataframe] == [["eiger"]]
    assert len(app.get("bidi_component")) == 1
