"""Text colours have enough contrast, and .streamlit/config.toml agrees with the code."""

import re
import tomllib

import pytest

from peakid.evaluate import charts
from peakid.evaluate.charts import Theme
from peakid.resources import PROJECT_ROOT
from peakid.web import theme
from peakid.web.server import plain_page

CONFIG = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text())

THEMES: tuple[Theme, ...] = ("light", "dark")


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + .05) / (darker + .05) of the relative luminances."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", THEMES)
def test_plots_have_the_colours_of_the_page(name: Theme) -> None:
    configured = CONFIG["theme"][name]
    assert (configured["backgroundColor"], configured["textColor"]) == (charts.GROUND[name], charts.INK[name])
    assert configured["linkColor"] == charts.ACCENT[name]


@pytest.mark.parametrize("name", THEMES)
def test_plots_and_pages_without_streamlit_have_the_font_of_the_page(name: Theme) -> None:
    font = CONFIG["theme"]["font"]
    template = charts.template(name)
    assert (template.layout.font.family, template.layout.hoverlabel.font.family) == (font, font)
    page = plain_page.respond("", "").body.decode()
    assert font in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(
    "colour", ["textColor", "linkColor", "greenTextColor", "redTextColor", "yellowTextColor", "grayTextColor"]
)
def test_every_text_colour_has_enough_contrast_on_its_background(name: Theme, colour: str) -> None:
    assert (
        contrast(CONFIG["theme"][name][colour], CONFIG["theme"][name]["backgroundColor"]) >= 4.5
    )  # WCAG AA for text.


@pytest.mark.parametrize("name", THEMES)
def test_white_text_on_a_button_has_enough_contrast(name: str) -> None:
    assert contrast("#FFFFFF", CONFIG["theme"][name]["primaryColor"]) >= 4.5


def test_class_colours_are_the_same_in_plots_and_gallery() -> None:
    assert CONFIG["theme"]["chartCategoricalColors"] == list(
        theme.class_colours([str(i) for i in range(10)]).values()
    )


def test_the_app_sends_no_statistics_and_listens_on_loopback_only() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["server"]["address"] == "127.0.0.1"


WITH_LABELS = {"matrix_picture.py"}  # A figure of a model card, which other sites show in their own font.


def test_no_drawing_depends_on_the_fonts_of_a_machine() -> None:
    parts = [PROJECT_ROOT / part for part in ("peakid", "pages", "docs", ".streamlit")]
    files = [
        file for part in parts for kind in ("svg", "py", "js", "css") for file in part.rglob(f"*.{kind}")
    ]
    drawings = {file: file.read_text(encoding="utf-8") for file in files}
    drawings = {file: text for file, text in drawings.items() if "<svg" in text}
    assert {"logo.svg", "icon.svg"} <= {file.name for file in drawings}
    found = {file.name for file, text in drawings.items() if re.search(r"<(text|tspan)\b", text)}
    assert found == WITH_LABELS
