"""Names that are markup elsewhere are shown as they are: in labels, texts, menus, tables and figures."""

import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from peakid.curate import classes, decisions, remarks
from peakid.curate.queues import saved_views
from peakid.curate.queues.filters import Filters
from peakid.dataset import snapshot as snapshots
from peakid.jobs import submit
from peakid.recipe.recipe import Recipe
from peakid.records import Choice, Snapshot
from peakid.store import exports
from peakid.store.workspace import Workspace
from tests import drawn_pages

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_worker")]

# One for each syntax that Streamlit, Markdown, HTML, Plotly or a formula would obey; `zq` finds them again.
MARKS = (":violet[zq]", "<b>zq</b>", "**zq**", "$zq$", "[zq](http://zq.zq)", "`zq`", ":zq:", "&lt;zq", "_zq_")
FIRST, SECOND = "".join(MARKS[:4]), "".join(MARKS[4:])
# Fields that are shown as text, or are not shown: menus, typed values, identities, tables, component data.
PLAIN = {
    *("id", "form_id", "key", "element_id", "raw_value", "raw_values", "default", "value", "string_value"),
    *("placeholder", "data", "json", "query_string", "page_script_hash", "url", "url_pathname", "columns"),
    *("styler_uuid", "file_urls", "string", "bytes", "click_mode", "script", "mime_type", "command", "js"),
    *("html", "name"),
}
TAGS = {*("span", "br", "img", "div"), *("table", "thead", "tbody", "tr", "th", "td")}  # Of ours, in HTML.
PLAIN_OPTIONS = {"Selectbox", "MultiSelect"}  # Other options are labels, which are Markdown.


@pytest.fixture
def named(workspace: Workspace, frozen: Snapshot, add_run, colour_export) -> Snapshot:
    """A workspace with everything in it, whose two classes, snapshot, tag, view and actor are markup."""
    add_run(frozen, n_wrong=1)
    items = snapshots.items(workspace, frozen.digest)
    classes.rename(workspace, "river", FIRST)
    classes.rename(workspace, "sea", SECOND)
    classes.describe(workspace, FIRST, note=SECOND, colour=None)
    remarks.set_typical(workspace, FIRST, [items[0].digest], actor=f"human:{SECOND}")
    actor = f"human:{SECOND}"
    decisions.decide(workspace, [Choice(items[0].digest, "label", SECOND)], actor=actor)
    remarks.tag(workspace, [items[1].digest], SECOND, actor=actor)
    saved_views.save(workspace, FIRST, "all", filters=Filters(tag=SECOND), actor=actor)
    made = snapshots.create(workspace, name=FIRST, actor=actor)
    run_id = add_run(made, n_wrong=2)
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 0.0, "agreement": 1.0}}
    exports.add(workspace, run_id=run_id, path=colour_export, files=files, parity=parity)
    submit.train(workspace, Recipe(), snapshot=made.digest, request_id="one", actor=actor)
    return made


def texts(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every string of a message with the names of the fields that lead to it."""
    for field, value in message.ListFields():
        here = (*path, field.name)
        values = value if field.is_repeated else [value]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        for each in values:
            if isinstance(each, Message):
                yield from texts(each, here)
            elif isinstance(each, str):
                yield here, each


def obeyed(app: AppTest) -> list[str]:
    """Return the strings in which a name would be read as markup."""
    found = []
    for node in _nodes(app):
        kind = node.DESCRIPTOR.name
        for path, text in texts(node):
            if "zq" not in text or path[-1] in PLAIN or (path[-1] == "options" and kind in PLAIN_OPTIONS):
                continue
            if kind == "Html":
                found += [f"{kind}: <{tag}>" for tag in _Tags.of(text) - TAGS]
            elif kind != "Arrow" and any(re.search(rf"(?<!\\){re.escape(mark)}", text) for mark in MARKS):
                found.append(f"{kind} {path[-1]}: {text}")
    for figure in drawn_pages.figures(app).values():
        drawn = _figure_texts(figure["figure"])
        found += [f"Figure: {each}" for each in drawn if re.search(r"<b>zq|\$zq|&lt;zq", each)]
    return found


class _Tags(HTMLParser):
    """Collects the names of tags. In HTML no other syntax is obeyed."""

    @classmethod
    def of(cls, text: str) -> set[str]:
        parser = cls()
        parser.tags = set()
        parser.feed(text)
        return parser.tags

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def _nodes(app: AppTest) -> Iterator[Message]:
    def walk(block: Any) -> Iterator[Message]:
        if (proto := getattr(block, "proto", None)) is not None:
            yield proto
        for child in getattr(block, "children", {}).values():
            yield from walk(child)

    yield from walk(app._tree)


def _figure_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _figure_texts(inner)


OPENED: list[tuple[str, Callable[[Snapshot], dict[str, str]]]] = [
    ("overview", lambda _: {}),
    ("collect", lambda _: {}),
    ("review", lambda _: {"queue": "all"}),
    ("review", lambda _: {"queue": f"class:{FIRST}"}),
    ("review", lambda _: {"queue": "all", "class": FIRST, "tag": SECOND, "text": "zq<b>"}),
    ("duplicates", lambda _: {}),
    ("classes", lambda _: {"class": FIRST}),
    ("classes", lambda _: {"class": SECOND}),
    ("snapshots", lambda made: {"snapshot": made.digest}),
    ("snapshots", lambda made: {"snapshot": made.digest, "class": FIRST, "section": "images"}),
    ("train", lambda _: {}),
    ("evaluate", lambda _: {"run": "2"}),
    ("evaluate", lambda _: {"run": "2", "tab": "slices", "by": "class"}),
    ("evaluate", lambda _: {"run": "2", "given": FIRST, "predicted": SECOND}),
    ("models", lambda _: {"export": "1"}),
    ("history", lambda _: {}),
    ("history", lambda made: {"image": made.digest}),
]


@pytest.mark.parametrize(("page", "query"), OPENED)
def test_no_page_obeys_a_name(open_page: Callable[..., AppTest], named: Snapshot, page: str, query) -> None:
    app = open_page(page, **query(named))
    assert not app.exception
    assert obeyed(app) == []


def test_the_check_finds_a_name_that_is_obeyed() -> None:
    def page() -> None:
        import plotly.graph_objects as go
        import streamlit as st

        from peakid.web.figures import drawing

        st.button("to :violet[zq]")
        st.selectbox("Class", ["<b>zq</b>"])
        drawing.show(go.Figure(layout={"title": "<b>zq</b>"}), key="figure", label="")

    found = obeyed(AppTest.from_function(page).run())
    assert len(found) == 2
    assert "violet" in found[0]
