"""What a page draws without Streamlit's own elements: figures by key, and tables of HTML as rows of texts."""

import json
from html.parser import HTMLParser
from typing import Any

from playwright.sync_api import Page
from streamlit.testing.v1 import AppTest

from peakid.web.figures import drawing


def figures(app: AppTest) -> dict[str, dict[str, Any]]:
    """Return the documents of the figures by their key, in the order of the page."""
    protos = [each.proto for each in app.get("bidi_component")]
    drawn = [json.loads(each.json) for each in protos if each.component_name == drawing.COMPONENT]
    return {each["key"]: each for each in drawn}


def draw_all(page: Page) -> None:
    """Bring every figure of a page into sight, and wait until it is drawn."""
    places = page.locator(".figure")
    places.first.wait_for()
    for place in places.filter(visible=True).all():
        place.scroll_into_view_if_needed()
        place.locator(".main-svg").first.wait_for()


def tables(app: AppTest) -> list[list[dict[str, str]]]:
    """Return the rows of the tables of HTML."""
    texts = [each.proto.body for each in app.get("html")]
    return [rows_of(each) for each in texts if "<table" in each]


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the rows of one table by its headings."""
    parser = _Cells()
    parser.feed(text)
    heads, *rows = parser.rows
    return [dict(zip(heads, row, strict=True)) for row in rows]


class _Cells(HTMLParser):
    """Collects the texts of the cells, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data
