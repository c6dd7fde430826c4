"""Batches: every client gets its own row, what waits goes together, and a fault ends nothing."""

import threading

import numpy as np
import pytest

from peakid.serve.http.batching import MAX_BATCH, Batcher, TooBusy


def image(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, dtype=np.uint8)


def mean(batch: np.ndarray) -> np.ndarray:
    return batch.reshape(len(batch), -1).mean(axis=1, keepdims=True)


def test_what_waits_during_a_batch_goes_together_in_the_next_ones():
    sizes, may_go, has_begun = [], threading.Event(), threading.Event()

    def slow(batch):
        has_begun.set()
        may_go.wait(10)
        return mean(batch)

    batcher = Batcher(slow, on_batch=sizes.append)
    first = batcher.submit(image(0))
    assert has_begun.wait(10)
    futures = [batcher.submit(image(value)) for value in range(1, 41)]
    assert batcher.n_waiting == 40
    may_go.set()
    assert [first.result(10)[0], *(each.result(10)[0] for each in futures)] == list(range(41))
    batcher.close()
    assert sizes == [1, *[MAX_BATCH] * (40 // MAX_BATCH)]


def test_batches_are_predicted_side_by_side():
    both, has_begun = threading.Barrier(2, timeout=10), threading.Event()

    def together(batch):
        has_begun.set()
        both.wait()  # Breaks if the second batch waits for the first one.
        return mean(batch)

    batcher = Batcher(together, n_threads=2)
    first = batcher.submit(image(1))
    assert has_begun.wait(10)
    second = batcher.submit(image(2))
    assert (first.result(20)[0], second.result(20)[0]) == (1, 2)
    batcher.close()


def test_too_many_waiting_images_are_refused():
    may_go, has_begun = threading.Event(), threading.Event()

    def stuck(batch):
        has_begun.set()
        may_go.wait(10)
        return mean(batch)

    batcher = Batcher(stuck, max_waiting=3)
    first = batcher.submit(image(0))
    assert has_begun.wait(10)
    accepted = [batcher.submit(image(value)) for value in (1, 2, 3)]
    with pytest.raises(TooBusy):
        batcher.submit(image(4))
    may_go.set()
    assert [each.result(10)[0] for each in (first, *accepted)] == [0, 1, 2, 3]
    batcher.close()


def test_a_fault_is_told_to_its_client_only_also_within_a_batch():
    may_go, has_begun = threading.Event(), threading.Event()

    def faulty(batch):
        has_begun.set()
        may_go.wait(10)
        if (batch == 7).all(axis=(1, 2, 3)).any():
            raise ValueError("seven")
        return mean(batch)

    batcher = Batcher(faulty)
    first = batcher.submit(image(0))
    assert has_begun.wait(10)
    before, bad, after = (batcher.submit(image(value)) for value in (6, 7, 8))
    may_go.set()
    with pytest.raises(ValueError, match="seven"):
        bad.result(10)
    assert [each.result(10)[0] for each in (first, before, after)] == [0, 6, 8]
    batcher.close()


def test_closing_finishes_what_waits():
    batcher = Batcher(mean)
    futures = [batcher.submit(image(value)) for value in range(100)]
    batcher.close()
    assert [each.result(0)[0] for each in futures] == list(range(100))


def test_a_cancelled_image_is_not_computed():
    sizes, may_go, has_begun = [], threading.Event(), threading.Event()

    def slow(batch):
        has_begun.set()
        may_go.wait(10)
        return mean(batch)

    batcher = Batcher(slow, on_batch=sizes.append)
    first = batcher.submit(image(0))
    assert has_begun.wait(10)
    other, last = batcher.submit(image(1)), batcher.submit(image(2))
    assert other.cancel()
    may_go.set()
    assert (first.result(10)[0], last.result(10)[0]) == (0, 2)
    batcher.close()
    assert sizes == [1, 1]
