"""The colours a person reads by are told apart from their ground, and the config says the same as the code."""

import tomllib

import pytest

from peakid.web import theme
from peakid.workspace import PROJECT_ROOT

CONFIG = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text())


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + .05) / (darker + .05) of the relative luminances."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("name", "palette"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_the_theme_of_the_config_is_the_palette_of_the_plots(name: str, palette: theme.Palette) -> None:
    said = CONFIG["theme"][name]
    assert (said["backgroundColor"], said["textColor"], said["borderColor"]) == (palette.ground, palette.text, palette.line)
    assert (said["linkColor"], said["greenTextColor"], said["redTextColor"]) == (palette.accent, palette.keep, palette.exclude)
    assert (said["yellowTextColor"], said["grayTextColor"]) == (palette.flag, palette.muted)


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK])
@pytest.mark.parametrize("ink", ["text", "muted", "accent", "keep", "exclude", "flag"])
def test_every_ink_can_be_read_on_its_ground(palette: theme.Palette, ink: str) -> None:
    assert contrast(getattr(palette, ink), palette.ground) >= 4.5  # WCAG AA for text.


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_white_on_a_button_can_be_read(name: str) -> None:
    assert contrast("#FFFFFF", CONFIG["theme"][name]["primaryColor"]) >= 4.5


def test_no_two_classes_share_a_colour_before_the_set_is_used_up() -> None:
    assert len(set(theme.CLASS_COLOURS)) == len(theme.CLASS_COLOURS)


def test_the_app_tells_nobody_and_listens_to_this_machine_alone() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["server"]["address"] == "127.0.0.1"
