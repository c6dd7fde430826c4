"""Image issues on the Review page: chips, the threshold panel, and its images."""

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageFilter
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions, image_issues, scan
from peakid.imaging import inspection
from peakid.records import Choice
from peakid.store import images
from peakid.store.workspace import Workspace, now


@pytest.fixture
def scanned(workspace: Workspace, draw: Callable[..., bytes]) -> Workspace:
    """Six sound images of 300 x 225, two dark ones, and one tiny, dark, blurred strip of one colour."""
    sound = [draw(n, size=(300, 225)) for n in range(6)]
    dark = [
        _saved(Image.open(io.BytesIO(data)).point([v // 8 for v in range(256)] * 3)) for data in sound[:2]
    ]
    strip = _saved(Image.new("RGB", (60, 12), (20, 20, 22)).filter(ImageFilter.GaussianBlur(3)))
    for data in [*sound, *dark, strip]:
        images.store(workspace, inspection.inspect(data), data)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'human:t', ?)", (now(),)
        )
        for data in [*sound, *dark, strip]:
            images.add(connection, inspection.inspect(data))
    scan.scan(workspace)
    return workspace


def _saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_the_fullest_queues_are_chips_and_the_rest_folds_away(
    scanned: Workspace, open_page: Callable[..., AppTest]
) -> None:
    app = open_page("review")
    assert not app.exception
    # Drawn images are soft, eight colours across: they are blurry, too.
    found = [kind for kind, n in image_issues.counts(scanned).items() if n]
    assert len(found) > 5
    worth, *fullest = app.pills[0].options
    assert worth.startswith(":blue[Worth your time 18 ")
    assert fullest[0] == "Unreviewed 9"
    assert "Dark 3" in fullest
    assert len(fullest) == 5
    folded = [button for button in app.button if button.key.startswith("to:issue:")]
    assert len(folded) == len(found) + 1 - 5  # Unreviewed is a chip, too.
    queue = folded[-1].key.removeprefix("to:")
    folded[-1].click().run()
    assert app.query_params["queue"] == queue
    assert app.pills[0].value == queue


def test_the_slider_shows_what_it_would_find_and_a_button_sets_the_threshold(
    scanned: Workspace, open_page: Callable[..., AppTest]
) -> None:
    app = open_page("review", queue="issue:dark")
    assert "**3 images** below 0.320" in [element.value for element in app.markdown]
    app.slider[0].set_value(0.05).run()
    assert not app.exception
    assert "**0 images** below 0.050" in [element.value for element in app.markdown]
    assert image_issues.counts(scanned)["dark"] == 3
    next(button for button in app.button if button.label == "Set threshold to 0.050").click().run()
    assert not app.exception
    assert image_issues.counts(scanned)["dark"] == 0
    assert "A higher threshold finds more" in app.info[0].value


def test_an_issue_without_a_score_has_no_slider(
    scanned: Workspace, open_page: Callable[..., AppTest]
) -> None:
    app = open_page("review", queue="issue:truncated")
    assert not app.exception
    assert not app.slider


def test_an_empty_sample_offers_another_one(open_page: Callable[..., AppTest], judged: Workspace) -> None:
    app = open_page("review", queue="sample")
    assert "Every image of this sample is reviewed." in app.info[0].value
    next(button for button in app.button if button.label == "Draw another sample").click().run()
    assert not app.exception
    assert app.query_params["queue"] == "sample:1"


def test_a_queue_without_images_that_pass_the_filters_offers_to_remove_them(
    open_page: Callable[..., AppTest], judged: Workspace
) -> None:
    app = open_page("review", queue="all", tag="winter", text="nowhere")
    assert "No image of this queue passes the filters." in app.info[0].value
    next(button for button in app.button if button.label == "Remove all filters").click().run()
    assert not app.exception
    assert not {"tag", "text"} & set(app.query_params)
    assert not app.info


@pytest.fixture
def judged(workspace: Workspace, fill: Callable[..., list[str]]) -> Workspace:
    """Three images, each judged in the first random sample."""
    basis = {"queue": "sample", "view": "grid", "why": ""}
    choices = [Choice(digest, "label", "river", basis=basis) for digest in fill(river=3)]
    decisions.decide(workspace, choices, actor="human:anna")
    return workspace
