import pytest
import torch

from peakid.errors import OutOfMemory
from peakid.learn.network import predict
from peakid.remedies import action


def memory_for(most):
    """Return an `act` of a device with memory for `most` images at once, and the parts that it finished."""
    done = []

    def act(start, end):
        if end - start > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        done.append((start, end))

    return act, done


def test_every_image_is_done_once_in_the_largest_parts_that_fit():
    act, done = memory_for(20)
    predict.in_parts(50, act, size=64)
    assert done == [(0, 16), (16, 32), (32, 48), (48, 50)]


def test_a_device_too_small_for_one_image_is_an_error():
    act, done = memory_for(0)
    with pytest.raises(OutOfMemory, match="A single image does not fit") as error:
        predict.in_parts(5, act)
    assert error.value.actions == (action("set_recipe", key="device", value="cpu"),)
    assert done == []
