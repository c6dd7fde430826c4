import pytest
import torch

from peakid.errors import OutOfMemory
from peakid.learn.network import predict


def memory_for(most):
    """Answer an `act` that a device with memory for so many images at once would be, and the parts it did."""
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


def test_a_device_for_which_one_image_is_too_many_is_told():
    act, done = memory_for(0)
    with pytest.raises(OutOfMemory, match=r"A single image does not fit.*--set device=cpu"):
        predict.in_parts(5, act)
    assert done == []
