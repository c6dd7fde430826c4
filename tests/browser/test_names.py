"""Names that are markup elsewhere are shown exactly as they are, on every page and in every figure."""

from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from peakid import printable
from tests.hostile_names import PATHS, seen

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# Where Streamlit draws Markdown: in texts, labels, tooltips and progress. `p` is an escaped name.
ELEMENTS = """
import streamlit as st
from peakid.web.words import plain
from tests.hostile_names import PATHS
for n, name in enumerate(PATHS):
    p = plain(name)
    with st.container(key=f"name{n}"):
        st.markdown(p)
        st.markdown(f"**{p}: 3 images**")
        st.caption(p)
        st.error(f"Failed\\n\\n{p}")
        st.warning(f"{p}  \\n{p}")
        st.header(p, anchor=False)
        st.button(p, key=f"button{n}")
        st.download_button(p, b"", key=f"download{n}")
        st.metric(p, 3)
        st.progress(0.3, text=p)
        st.expander(p)
        st.popover(p)
        st.tabs([p])
        st.checkbox(p, key=f"check{n}")
        st.text_input(p, key=f"text{n}")
        st.segmented_control("l", [1], format_func=lambda _: p, key=f"segment{n}")
        st.segmented_control("l", [1], format_func=lambda _: f":blue[{p}]", key=f"chosen{n}")
"""
N_SHOWN = 18  # In each element once, in the warning twice.
TEXTS = "[data-testid=stMarkdownContainer], [data-testid=stCaptionContainer]"
FIGURES = """
import plotly.graph_objects as go
import streamlit as st
from peakid.evaluate.charts import escaped
from tests.hostile_names import PATHS
names = [escaped(name) for name in PATHS]
places = list(range(len(names)))
figure = go.Figure()
for place, name in zip(places, names):
    figure.add_trace(go.Scatter(
        x=[0], y=[place], mode="markers+text", text=[name], name=name, textposition="middle right",
        customdata=[name], hovertemplate="%{customdata}<extra></extra>", marker={"size": 20},
    ))
    figure.add_annotation(x=1, y=place, text=name, showarrow=False)
figure.update_yaxes(tickvals=places, ticktext=names, range=[-0.5, len(names) - 0.5])
st.plotly_chart(figure.update_layout(height=32 * len(names), showlegend=True), theme=None, key="all")
for place, name in zip(places, names):
    figure = go.Figure(go.Scatter(x=[0], y=[0]))
    figure.update_layout(title=name, xaxis_title=name, yaxis_title=name, height=240)
    st.plotly_chart(figure, theme=None, key=f"titles{place}")
"""
MARKUP = (
    ":is(a, i, em, code, del, sub, sup, img, ul, ol, li, table, hr, blockquote, input, .katex, [role=img],"
    " .stMarkdownBadge, [style*=background])"
)


def test_every_element_shows_a_name_as_it_is(serve_script: Callable[[str], str], page: Page) -> None:
    page.goto(serve_script(ELEMENTS))
    page.wait_for_selector(SETTLED, timeout=60_000)
    page.locator(f".st-key-chosen{len(PATHS) - 1} button").wait_for()
    page.wait_for_timeout(1_000)  # Emoji and formulas are loaded when the first text needs them.
    wrong = []
    for n, each in enumerate(PATHS):
        holder = page.locator(f".st-key-name{n}")
        shown = seen("\n".join(holder.locator(TEXTS).all_text_contents()))
        found = (
            holder.locator(TEXTS)
            .locator(MARKUP)
            .evaluate_all("all => all.map(each => each.outerHTML.slice(0, 100))")
        )
        if shown.count(printable.line(each)) < N_SHOWN or found:
            wrong.append((each, shown.count(printable.line(each)), found))
    assert wrong == []


def test_every_text_of_a_figure_shows_a_name_as_it_is(serve_script: Callable[[str], str], page: Page) -> None:
    page.goto(serve_script(FIGURES))
    page.wait_for_selector(SETTLED, timeout=60_000)
    page.locator(".js-plotly-plot .gtitle").nth(len(PATHS) - 1).wait_for(timeout=60_000)
    texts = Counter(map(seen, page.locator(".js-plotly-plot text").all_text_contents()))
    # Text, annotation, tick, legend, title and two axes.
    assert {each: texts[printable.line(each)] for each in PATHS if texts[printable.line(each)] < 7} == {}
    assert page.locator(".js-plotly-plot text *").evaluate_all("all => all.map(each => each.outerHTML)") == []
    points = page.locator(".js-plotly-plot").first.locator(".points path")
    for n in range(len(PATHS)):
        points.nth(n).scroll_into_view_if_needed()
        points.nth(n).hover(force=True)
        shown = page.locator(".hoverlayer .nums")
        shown.wait_for()
        assert seen(shown.text_content() or "") == printable.line(PATHS[n])
