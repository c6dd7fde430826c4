"""The views of a photo: which part each shows."""

import io

import numpy as np
import pytest
from PIL import Image

from peakid.errors import UnreadableImage
from peakid.imaging import photo_views, pixels

GREEN, RED, BLUE, BLACK = (0, 160, 0), (200, 0, 0), (0, 0, 200), (0, 0, 0)


def striped(width, height, *, turned=False):
    """A photo with a red left end, a green middle and a blue right end; turned: top, middle and bottom."""
    photo = Image.new("RGB", (width, height), GREEN)
    photo.paste(RED, (0, 0, width // 4, height))
    photo.paste(BLUE, (3 * width // 4, 0, width, height))
    if turned:
        photo = photo.transpose(Image.Transpose.ROTATE_270)
    out = io.BytesIO()
    photo.save(out, "PNG")
    return out.getvalue()


def seen(view, down, across):
    return tuple(view[int(down * 31), int(across * 31)].tolist())


def test_one_view_is_what_a_model_is_given():
    data = striped(64, 32)
    (view,) = photo_views.preprocess(data, size_px=32, n_views=1)
    assert np.array_equal(view, pixels.preprocess(data, size_px=32, resize="crop"))


@pytest.mark.parametrize("turned", [False, True])
def test_further_views_show_the_middle_all_of_the_photo_and_its_ends(turned):
    views = photo_views.preprocess(striped(400, 200, turned=turned), size_px=32, n_views=4)
    assert (views.shape, views.dtype) == ((4, 32, 32, 3), np.uint8)
    closer, whole, first, second = [view.transpose(1, 0, 2) if turned else view for view in views]
    assert {seen(closer, 0.5, at) for at in (0.02, 0.5, 0.98)} == {GREEN}
    assert [seen(whole, 0.5, at) for at in (0.1, 0.5, 0.9)] == [RED, GREEN, BLUE]
    assert seen(whole, 0.1, 0.5) == seen(whole, 0.9, 0.5) == BLACK
    # The ends are 160 px long, of which 100 px are coloured.
    assert [seen(first, 0.5, at) for at in (0.1, 0.5, 0.9)] == [RED, RED, GREEN]
    assert [seen(second, 0.5, at) for at in (0.1, 0.5, 0.9)] == [GREEN, BLUE, BLUE]


def test_fewer_views_are_the_first_ones():
    data = striped(90, 60)
    two, four = (photo_views.preprocess(data, size_px=32, n_views=n) for n in (2, 4))
    assert np.array_equal(two, four[:2])


@pytest.mark.parametrize("n_views", photo_views.NUMBERS)
def test_bytes_that_are_no_photo_are_refused(n_views):
    with pytest.raises(UnreadableImage):
        photo_views.preprocess(b"no photo", size_px=32, n_views=n_views)
