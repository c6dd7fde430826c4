"""Whether a heat map may be believed, and why not: the rule over what testing it found."""

from typing import Literal

from peakid import printable
from peakid.run_records import HeatCheck

Doubt = Literal[
    "empty",      # Nothing in the image speaks for the class.
    "elsewhere",  # Hiding other places of the same size costs the score as much.
    "untrained",  # Randomised networks lose as much by their own maps.
]  # fmt: skip

# The largest p-values with which a map is trusted. The second alone keeps the maps of networks that learned
# nothing below 5 %; bench/heat_maps.py counts what both let pass.
REGIONS_ALPHA = 0.1
NETWORKS_ALPHA = 0.05

REASONS: dict[Doubt, str] = {
    "empty": "Nothing in this image speaks for the class, so there is nothing to show.",
    "elsewhere": "Hiding the hot region costs no more score than hiding other regions of the same size.",
    "untrained": "Networks with random weights lose as much of their score when theirs is hidden.",
}


def doubt(check: HeatCheck) -> Doubt | None:
    """Return why a map is not trusted, None where it is."""
    if check.hot_share == 0:
        return "empty"
    if not check.p_regions <= REGIONS_ALPHA:  # Written so that NaN is doubted too.
        return "elsewhere"
    return None if check.p_networks <= NETWORKS_ALPHA else "untrained"


def is_trusted(check: HeatCheck) -> bool:
    """Return whether a map passed all of its tests."""
    return doubt(check) is None


def finding(check: HeatCheck) -> str:
    """Return what hiding the hot region does, in one sentence."""
    if check.hot_share == 0:
        return REASONS["empty"]
    before, after = (printable.percent(each) for each in (check.probability, check.hidden_probability))
    return f"Hiding the hottest {printable.percent(check.hot_share)} of the image: {before} becomes {after}."
