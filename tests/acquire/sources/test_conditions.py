"""Numbers are read as people write them, in units and languages; conditions compare them."""

import pytest

from peakid.acquire.sources import conditions


@pytest.mark.parametrize(
    ("cell", "language", "number"),
    [
        ("4,634 m", "en", 4634),
        ("4 634", "en", 4634),
        ("4\u202f634 m", "fr", 4634),
        ("4’634", "de", 4634),
        ("15,203 ft", "en", 15203),
        ("4.634 m", "de", 4634),
        ("4.634", "en", 4.634),
        ("2501,9", "de", 2501.9),
        ("2.501,9", "de", 2501.9),
        ("2,501.9", "de", 2501.9),
        ("4,5", "en", 4.5),
        ("4.5", "de", 4.5),
        ("1,234,567", "de", 1234567),
        ("c. 4,000 m", "en", 4000),
        ("−12 °C", "en", -12),
        ("1860–1865", "en", 1860),
        ("1.2.3", "en", 123),
        ("unknown", "en", None),
    ],
)
def test_a_number_is_read(cell: str, language: str, number: float | None) -> None:
    assert conditions.number_in(cell, language=language) == pytest.approx(number)


def test_a_unit_chooses_or_converts_a_number() -> None:
    assert conditions.number_in("4,634 m (15,203 ft)", "ft") == 15203
    assert conditions.number_in("15,203 ft", "m") == pytest.approx(4633.9, abs=0.1)
    assert conditions.number_in("4,634", "m") == 4634
    assert conditions.number_in("12 kg", "m") is None


@pytest.mark.parametrize(
    ("text", "cell", "result"),
    [
        ("Height > 4000", "4,000 m", False),
        ("Height >= 4,000", "4,000 m", True),
        ("Height < 3 km", "2,900 m", True),
        ("Height<=2", "2", True),
        ("Height != 2", "3", True),
        ("Height = 4,634", "4 634 m", True),
        ("Height > 4000", "high", None),
        ("Canton contains valais", "Bern, Valais", True),
        ("Canton = 'Bern'", "bern", True),
        ("Canton != Bern", "Bern", False),
    ],
)
def test_a_condition_holds(text: str, cell: str, result: bool | None) -> None:
    assert conditions.holds(conditions.read(text), cell) is result
