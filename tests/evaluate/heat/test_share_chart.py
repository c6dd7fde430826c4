import numpy as np

from peakid.evaluate.heat import heat_shares, share_chart, shown_maps

NAMES = ("dom", "<b>50 % $eiger</b>", "weisshorn")


def shares():
    corner = np.zeros((32, 32), dtype=np.uint8)
    corner[-4:, -4:] = 200
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 200, (32, 32)).astype(np.uint8) for _ in range(8)]
    return heat_shares.of_classes([*maps, *[corner] * 8], [0] * 8 + [1] * 8, range(16))


def test_the_title_states_the_finding_and_every_row_has_its_interval_and_its_even_share():
    found = shares()
    figure = share_chart.draw(found, NAMES)
    assert "has 100 % of its heat in the bottom right corner, an even map 6 %" in figure.layout.title.text
    assert "<b>" not in figure.layout.title.text
    points = figure.data[0]
    assert len(points.x) == share_chart.N_ROWS == len(figure.layout.shapes)
    for n, each in enumerate(found[: share_chart.N_ROWS]):
        assert points.x[n] + points.error_x.array[n] == each.interval[1]
        assert figure.layout.shapes[n].x0 == each.even
        assert f"n = {each.n}" in figure.layout.yaxis.ticktext[n]
    marked = [colour for colour in points.marker.color if colour == points.marker.color[0]]
    assert len(marked) == min(share_chart.N_ROWS, sum(each.is_shortcut for each in found))


def test_without_a_finding_the_title_says_so():
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 200, (32, 32)).astype(np.uint8) for _ in range(8)]
    found = heat_shares.of_classes(maps, [0] * 8, range(8))
    figure = share_chart.draw(found, NAMES, theme="dark")
    assert figure.layout.title.text == "No class has significantly more heat at the edges than an even map"


def test_a_share_in_words_has_its_interval_n_and_the_even_share():
    first = next(each for each in shares() if each.region == "bottom right" and each.class_index == 1)
    text = shown_maps.share_text(first, ("dom", "eiger", "weisshorn"))
    low, high = (round(100 * each) for each in first.interval)
    assert text == (
        f"eiger: 100 % of the heat in the bottom right corner ({low}-{high} %, n = 8), an even map has 6 %"
    )
