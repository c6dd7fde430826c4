"""A menu keeps its choice while its labels change, as `just now` becomes `2 min ago`."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest


def menus() -> None:
    import streamlit as st

    from peakid.web import address, choices

    address.begin()
    minutes = st.session_state["minutes"] = st.session_state.get("minutes", -1) + 1
    gone = st.session_state.get("gone", "")
    options = [each for each in ("3", "2", "1") if each != gone]

    def label(option: str) -> str:
        return f"Run {option}, {minutes} min ago"

    st.text(address.select("Run", "run", options, format_func=label))
    choices.keep("one", options, label, default=options[0])
    st.text(st.selectbox("One", options, format_func=label, key="one"))
    choices.keep("several", options, label, several=True)
    st.text(" ".join(st.multiselect("Several", options, format_func=label, key="several")))
    st.button("anything")


class Browser:
    """What a browser does: it sends the labels that it shows, even where a run has changed them."""

    def __init__(self, app: AppTest) -> None:
        self.app = app
        self.shown = {menu.proto.id: list[str]() for menu in (*app.selectbox, *app.multiselect)}

    def choose(self, *options: str) -> None:
        """Choose options of every menu as they are named now; the last one where a menu takes one."""
        for menu in (*self.app.selectbox, *self.app.multiselect):
            labels = [label for label in menu.options if label.split(",")[0].removeprefix("Run ") in options]
            self.shown[menu.proto.id] = labels if menu in self.app.multiselect else labels[-1:]
        self.run()

    def run(self) -> None:
        states = WidgetStates()
        for menu in (*self.app.selectbox, *self.app.multiselect):
            state = states.widgets.add(id=menu.proto.id)
            if menu in self.app.multiselect:
                state.string_array_value.data.extend(self.shown[menu.proto.id])
            else:
                state.string_value = self.shown[menu.proto.id][0]
        self.app._run(states)
        for menu in (*self.app.selectbox, *self.app.multiselect):
            if menu.proto.set_value:
                several = menu in self.app.multiselect
                told = list(menu.proto.raw_values) if several else [menu.proto.raw_value]
                self.shown[menu.proto.id] = told


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(menus, default_timeout=60).run()


def test_a_choice_stays_while_its_label_changes(app: AppTest) -> None:
    browser = Browser(app)
    browser.choose("1", "2")
    for _ in range(3):
        assert [each.value for each in app.text] == ["1", "1", "2 1"]
        assert list(app.query_params["run"]) == ["1"]
        assert not app.info
        browser.run()


def test_an_option_that_is_gone_is_dropped_from_the_choice(app: AppTest) -> None:
    browser = Browser(app)
    browser.choose("1", "2")
    app.session_state["gone"] = "1"
    browser.run()
    assert [each.value for each in app.text] == ["3", "3", "2"]
