"""A figure is drawn by the published bundle of Plotly, unchanged, with its licence."""

import hashlib
import re

from streamlit.testing.v1 import AppTest

from peakid.web.gallery import scripts
from tests import drawn_pages

STATIC = scripts._WEB / "figures" / "static"
BUNDLE = "plotly-basic.min.js"
TRACE = re.compile(r"\bgo\.([A-Z]\w+)\(")


def test_the_bundle_is_that_of_the_npm_package():
    described = (STATIC / "plotly-SOURCE.md").read_text(encoding="utf-8")
    (listed,) = re.findall(rf"\| `{BUNDLE}` \| `([0-9a-f]{{64}})` \|", described)
    script = scripts.modules()[BUNDLE]
    assert hashlib.sha256(script).hexdigest() == listed
    (version,) = set(re.findall(r"\d+\.\d+\.\d+", described.splitlines()[0]))
    assert f"plotly.js (basic - minified) v{version}".encode() in script[:200]
    assert "MIT License" in (STATIC / "plotly-LICENSE").read_text(encoding="utf-8")


def test_a_figure_is_sent_with_its_template_and_what_it_shows():
    def page() -> None:
        import plotly.graph_objects as go

        from peakid.web import theme

        figure = go.Figure(go.Bar(x=[1, 2], y=["a &lt; b", "c"], orientation="h"))
        theme.plot(figure.update_layout(title="Two classes", height=300), key="classes")

    app = AppTest.from_function(page).run()
    assert not app.exception
    drawn = drawn_pages.figures(app)["classes"]
    assert drawn["label"] == app.markdown[0].value == "Two classes"
    assert not drawn["figure"]["layout"]["title"]
    (trace,) = drawn["figure"]["data"]
    assert (trace["type"], trace["y"]) == ("bar", ["a &lt; b", "c"])
    assert drawn["figure"]["layout"]["height"] < 300


def test_pages_draw_only_traces_that_the_bundle_has():
    package = scripts._WEB.parent
    only_in_files = package / "evaluate" / "errors" / "confusion_chart.py"
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    made = {kind for path in texts.keys() - {only_in_files} for kind in TRACE.findall(texts[path])}
    assert made - {"Figure"} == {"Bar", "Scatter"}
