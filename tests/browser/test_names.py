"""Names that are markup elsewhere are shown exactly as they are, on every page and in every figure."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Page

from peakid import printable
from peakid.acquire import folder
from peakid.curate import classes, decisions, remarks, step_text
from peakid.curate.duplicates import find
from peakid.curate.queues import saved_views
from peakid.curate.queues.filters import Filters
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import charts
from peakid.records import Choice
from peakid.store import exports
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from tests import planted_runs
from tests.browser.conftest import Server
from tests.hostile_names import NAMES, PATHS, seen

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
POPUPS = """
import streamlit as st
from peakid.web.words import plain, shown
from tests.hostile_names import PATHS
text = "; ".join(map(plain, PATHS))
st.button("Tip", help=text)
st.caption("Tip", help=text)
st.toast(text, duration="infinite")
st.selectbox("Menu", PATHS, format_func=shown)
"""
FIGURES = """
import plotly.graph_objects as go
from peakid.evaluate.charts import escaped
from peakid.web.figures import drawing
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
drawing.show(figure.update_layout(height=32 * len(names), showlegend=True), key="all", label="all")
for place, name in zip(places, names):
    figure = go.Figure(go.Scatter(x=[0], y=[0]))
    figure.update_layout(title=name, xaxis_title=name, yaxis_title=name, height=240)
    drawing.show(figure, key=f"titles{place}", label="titles")
"""
APP = """
from pathlib import Path
import streamlit as st
from peakid.web.server import routes
app = st.App(Path(__file__).with_name("chosen.py"), routes=routes.build(lambda request: None))
"""
# One server for all scripts: the one that the address names runs.
CHOSEN = """
from pathlib import Path
import streamlit as st
exec(Path(__file__).with_name(f"{st.query_params['script']}.txt").read_text(encoding="utf-8"))
"""
MARKUP = (
    ":is(a, i, em, code, del, sub, sup, img, ul, ol, li, table, hr, blockquote, input, .katex, [role=img],"
    " .stMarkdownBadge, [style*=background])"
)


@pytest.fixture(scope="module")
def serve_script(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], str]]:
    """Serve scripts instead of the app: `serve_script("import streamlit ...")` returns the address of one."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "script.py").write_text(APP, encoding="utf-8")
    (folder / "chosen.py").write_text(CHOSEN, encoding="utf-8")
    server = Server(workspaces.create(folder / "workspace"), script=folder / "script.py")
    address = server.start()

    def served(text: str) -> str:
        (folder / f"{len(text)}.txt").write_text(text, encoding="utf-8")
        return f"{address}/?script={len(text)}"

    yield served
    server.stop()


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


def test_toasts_tooltips_and_menus_show_a_name_as_it_is(
    serve_script: Callable[[str], str], page: Page
) -> None:
    page.goto(serve_script(POPUPS))
    text = "; ".join(map(printable.line, PATHS))
    page.get_by_test_id("stToast").wait_for(timeout=60_000)
    for hovered, shown in ((None, "stToast"), ("stTooltipIcon", "stTooltipContent")):
        if hovered:
            page.get_by_test_id(hovered).last.hover()
        box = page.get_by_test_id(shown).first
        box.wait_for()
        assert text in seen(box.text_content() or "")
        assert box.locator("[data-testid=stMarkdownContainer]").locator(MARKUP).count() == 0
    page.mouse.move(0, 0)
    page.get_by_role("combobox").press("ArrowDown")  # The toast is above it.
    options = page.get_by_role("option")
    options.first.wait_for()
    names = [seen(each) for each in options.all_text_contents()]  # Those that are in the window.
    assert names == [printable.line(each) for each in PATHS[: len(names)]]
    assert options.locator(MARKUP).count() == 0


# The visible characters of each paragraph, from left to right.
DRAWN = """() => [...document.querySelectorAll("p")].map((p) => {
  const range = document.createRange();
  const drawn = [...p.firstChild.data].map((char, n) => {
    range.setStart(p.firstChild, n);
    range.setEnd(p.firstChild, n + 1);
    return [range.getBoundingClientRect(), char];
  }).filter(([box, char]) => box.width > 0.5 && char.trim());
  return drawn.sort((a, b) => a[0].left - b[0].left).map(([, char]) => char).join("");
})"""


def test_a_name_from_right_to_left_moves_nothing_beside_it(page: Page) -> None:
    # The letters of a name are drawn from right to left, everything else stays where it is written.
    texts = {
        "zq \u05d0\u05d1 12: 1 of 3": "zq\u05d1\u05d012:1of3",
        "\u05d0\u05d1 taken for \u05d2\u05d3: 4 of 24": "\u05d1\u05d0takenfor\u05d3\u05d2:4of24",
        "\u05d0\u05d1, \u05d2\u05d3, x": "\u05d1\u05d0,\u05d3\u05d2,x",
        "\u05d0\u05d1/\u05d2\u05d3/3.jpg": "\u05d1\u05d0/\u05d3\u05d2/3.jpg",
    }
    page.set_content("".join(f"<p>{text}</p>" for text in texts))
    assert page.evaluate(DRAWN) != list(texts.values())
    page.set_content("".join(f"<p>{printable.isolated(text)}</p>" for text in texts))
    assert page.evaluate(DRAWN) == list(texts.values())


def hover_text(page: Page, *, until: str) -> str:
    """Return the text of the open hover label. That of the point before may still be there at first."""
    shown = page.locator(".hoverlayer .nums")
    for _ in range(50):
        if shown.count() and seen(shown.first.text_content() or "") == until:
            break
        page.wait_for_timeout(100)
    return seen(shown.first.text_content() or "")


def test_every_text_of_a_figure_shows_a_name_as_it_is(serve_script: Callable[[str], str], page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 400 * len(PATHS)})  # A figure out of sight is not drawn.
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
        assert hover_text(page, until=printable.line(PATHS[n])) == printable.line(PATHS[n])


ACTOR = "[zq](http://zq.zq) <b>zq</b>"  # And of a snapshot, a tag, a note and a view.
NOTE = "".join(PATHS[:20])[:200]
EXPORT, DEVICE, TYPED = "zq a@zq.zq.onnx", "zq a@zq.zq", "zq<b>"
N_IMAGES = 4  # Of each class.


@pytest.fixture
def hostile(
    workspace: Workspace,
    fill: Callable[..., list[str]],
    draw: Callable[..., bytes],
    colour_export: Path,
    tmp_path: Path,
) -> Workspace:
    """A workspace in which every class, path, note, reviewer, snapshot, tag and view is hostile."""
    digests = fill(**{f"c{n:02}" + "x" * n: N_IMAGES for n in range(len(NAMES))})
    actor = f"human:{ACTOR}"
    for n, name in enumerate(NAMES):
        classes.rename(workspace, f"c{n:02}" + "x" * n, name)
    with workspace.transaction() as connection:
        for n, path in enumerate(reversed(PATHS)):
            connection.execute("UPDATE origin SET path = ? WHERE image_id = ?", (f"{path}/zq {n}.jpg", n + 1))
    classes.describe(workspace, NAMES[0], note=ACTOR, colour=None)
    remarks.set_typical(workspace, NAMES[0], digests[:1], actor=actor)
    decisions.decide(workspace, [Choice(digests[0], "label", NAMES[1])], actor=actor)
    decisions.decide(workspace, [Choice(digests[9], "exclude", reason="duplicate")], actor=actor)
    remarks.tag(workspace, digests[1:3], ACTOR, actor=actor)
    remarks.note(workspace, digests[1], NOTE, actor=actor)
    saved_views.save(workspace, ACTOR, "all", filters=Filters(tag=ACTOR), actor=actor)
    root = tmp_path / "zq <b>photos<b>" / NAMES[19].replace("/", "")
    root.mkdir(parents=True)
    for n in range(2):
        (root / f"zq {n} a@zq.zq.png").write_bytes(draw(n, size=(64, 48), format="PNG"))
        Image.open(root / f"zq {n} a@zq.zq.png").save(root / f"zq {n} www.zq.zq.bmp")
    (root / "zq <b>.jpg").write_bytes(b"damaged")
    folder.import_folder(workspace, root.parent, actor="import:folder")
    find.scan(workspace)
    frozen = snapshots.create(workspace, name=ACTOR, actor=actor)
    wrong = dict(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))
    for _ in range(2):
        run_id = planted_runs.plant(workspace, frozen, wrong, device=DEVICE)
    files = [{"name": EXPORT, "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 0.0, "agreement": 1.0}}
    exports.add(workspace, run_id=run_id, path=colour_export, files=files, parity=parity)
    return workspace


# Texts by the block that holds them, also in the shadow roots of components.
SHOWN = """() => {
  const texts = new Set();
  const inline = (e) => e.namespaceURI.endsWith("svg") ? e.tagName !== "text"
    : ["inline", "contents"].includes(getComputedStyle(e).display);
  const walk = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === Node.ELEMENT_NODE) {
        if (node.shadowRoot) walk(node.shadowRoot);
        for (const name of ["title", "alt", "aria-label", "placeholder", "value"]) {
          const value = node.getAttribute(name);
          if (value?.includes("zq")) texts.add(`${name}: ${value}`);
        }
      } else if (node.data.includes("zq")) {
        let holder = node.parentElement;
        if (["SCRIPT", "STYLE"].includes(holder.tagName)) continue;
        while (inline(holder) && holder.parentElement) holder = holder.parentElement;
        texts.add(holder.textContent);
      }
    }
  };
  walk(document.body);
  return [...texts];
}"""
OBEYED = """() => {
  const found = [];
  const walk = (root) => {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) walk(each.shadowRoot);
      const isLink = each.tagName === "A" && (each.getAttribute("href") ?? "").includes("zq.zq");
      const isMarkup = ["I", "EM", "CODE", "DEL", "SUB", "SUP", "UL", "OL", "LI", "BLOCKQUOTE"]
        .includes(each.tagName) && each.textContent.includes("zq") && !each.closest("[role=listbox], nav");
      const isPicture = each.tagName === "IMG" && each.src.includes("zq");
      if (isLink || isMarkup || isPicture || each.classList.contains("katex"))
        found.push(each.outerHTML.slice(0, 200));
    }
  };
  walk(document.body);
  return found;
}"""


def not_as_they_are(texts: list[str], names: list[str]) -> list[str]:
    """Return the texts that hold a name which is not shown whole, or not shown as it is."""
    whole = {*map(printable.line, names)}
    cut = {*map(charts.short, whole)}
    wrong = []
    for text in texts:
        rest = seen(text)
        for name in sorted({*whole, *cut}, key=len, reverse=True):
            rest = rest.replace(name, "")
        if "zq" in rest:
            wrong.append(text)
    return wrong


def all_names(workspace: Workspace) -> list[str]:
    """Return every name that the workspace `hostile` has."""
    with workspace.transaction() as connection:
        select = " UNION ".join(f"SELECT path FROM {table}" for table in ("origin", "root", "rejection"))
        paths = [row[0] for row in connection.execute(select)]
    note = " ".join(NOTE.split())
    return [*paths, *PATHS, ACTOR, EXPORT, DEVICE, TYPED, note[: step_text.LONGEST_NOTE]]


N_GROUPS = 3  # Of views, so that they are opened side by side.
VIEWS = (
    "",
    "collect",
    "review?queue=all",
    f"review?queue={quote('class:' + NAMES[2])}",
    f"review?queue=all&class={quote(NAMES[0])}&tag={quote(ACTOR)}&text={quote(TYPED)}",
    "duplicates?tab=exact",
    f"classes?class={quote(NAMES[0])}",
    "snapshots",
    "snapshots?section=images",
    "snapshots?section=files",
    "train?run=1&runs=1,2",
    "evaluate?run=2",
    "evaluate?run=2&tab=slices&by=class",
    f"evaluate?run=2&given={quote(NAMES[8])}&predicted={quote(NAMES[9])}",
    "models?export=1",
    "history",
    "history?section=pace",
    "history?section=keep",
)


LABEL = "each => each.textContent + each.querySelector('[aria-label]')?.ariaLabel"


def looks(page: Page, seen_before: set[str]) -> Iterator[str]:
    """Open what is folded on a page, one after the other, but each label only once; yield what is open."""
    page.evaluate(
        "() => document.querySelectorAll('details:not([open]) > summary').forEach((e) => e.click())"
    )
    page.wait_for_timeout(500)
    yield "page"
    for kind in ("stPopover", "stSelectbox", "stTooltipIcon"):
        for each in page.get_by_test_id(kind).all():
            label = f"{kind}: {each.evaluate(LABEL)}"
            if label in seen_before:
                continue
            seen_before.add(label)
            if kind == "stTooltipIcon":
                each.hover(force=True)
            else:
                each.locator("button, input").first.click(force=True)
            page.wait_for_timeout(250)
            yield kind
            if kind != "stTooltipIcon":
                page.keyboard.press("Escape")


@pytest.mark.thorough
@pytest.mark.parametrize("views", [VIEWS[n::N_GROUPS] for n in range(N_GROUPS)], ids=["1", "2", "3"])
def test_no_page_obeys_a_name(
    serve: Callable[[], str], hostile: Workspace, page: Page, views: Sequence[str]
) -> None:
    names = all_names(hostile)
    address, wrong, seen_before = serve(), set(), set()
    for view in views:
        page.goto(f"{address}/{view}")
        page.wait_for_selector(SETTLED)
        page.wait_for_timeout(1000)  # Components mount after the script has ended.
        for look in looks(page, seen_before):
            wrong |= {(view, look, "obeyed", each) for each in page.evaluate(OBEYED)}
            wrong |= {(view, look, "text", each) for each in not_as_they_are(page.evaluate(SHOWN), names)}
    assert not wrong, "\n".join(map(str, sorted(wrong)))
