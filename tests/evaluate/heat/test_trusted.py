import dataclasses

import pytest

from peakid.evaluate.heat import trusted
from peakid.run_records import HeatCheck

GOOD = HeatCheck(0.93, 0.41, 2.9, 0.3, 0.025, 1 / 21, 0.2, 0.2)


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({}, None),
        ({"p_regions": 0.1}, None),
        ({"p_regions": 0.125}, "elsewhere"),
        ({"p_networks": 0.1}, "untrained"),
        ({"p_regions": 1.0, "hot_share": 0.0}, "empty"),
        ({"p_regions": float("nan")}, "elsewhere"),
        ({"p_networks": float("nan")}, "untrained"),
    ],
)
def test_a_map_is_trusted_only_if_it_passes_every_test(change, doubt):
    check = dataclasses.replace(GOOD, **change)
    assert trusted.doubt(check) == doubt
    assert trusted.is_trusted(check) is (doubt is None)
    assert doubt is None or trusted.REASONS[doubt]


def test_the_finding_says_what_hiding_does():
    assert trusted.finding(GOOD) == "Hiding the hottest 20 % of the image: 93 % becomes 41 %."
