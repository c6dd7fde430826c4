import numpy as np

from peakid.evaluate.heat import overlay


def luminance(colours):
    return colours @ np.array([0.2126, 0.7152, 0.0722])


def test_where_nothing_is_hot_the_photo_stays_as_it_is():
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    heat = np.zeros((32, 32), dtype=np.uint8)
    heat[:8, :8] = 255
    drawn = overlay.blend(photo, heat, 0.6)
    assert np.array_equal(drawn[32:, 32:], photo[32:, 32:])
    hottest = overlay.coloured(np.float64(1.0))
    # .4 of the photo and .6 of the hottest colour.
    assert np.array_equal(drawn[0, 0], np.rint(0.4 * photo[0, 0] + 0.6 * hottest).astype(np.uint8))


def test_without_opacity_the_photo_is_drawn_alone():
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    heat = np.full((32, 32), 255, dtype=np.uint8)
    assert np.array_equal(overlay.blend(photo, heat, 0.0), photo)
    assert np.unique(overlay.blend(photo, heat, 1.0).reshape(-1, 3), axis=0).tolist() == [[252, 255, 164]]


def test_hotter_is_lighter_so_that_the_colours_can_be_told_apart_in_grey():
    steps = luminance(overlay.coloured(np.linspace(0, 1, 40)))
    assert (np.diff(steps) > 0).all()
