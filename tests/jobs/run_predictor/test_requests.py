"""The model of a run is asked about photos before any export: by one process, in turns, and cancelled."""

import time

import numpy as np
import psutil
import pytest

from peakid.errors import JobError, NotFound, WeightsUnfit
from peakid.jobs.run_predictor import requests
from peakid.recipe import run_files
from peakid.store import runs
from peakid.store.evaluation import operating_points

START_S = 120  # Loading torch on a busy machine.


@pytest.fixture
def run_id(workspace, frozen):
    """A run whose model gives its last class, sea, to photos with a mark in the lower right corner."""
    from tests import planted_models  # It loads torch.

    return planted_models.plant(workspace, frozen)


def photo(*, is_marked):
    from tests import planted_models

    return planted_models.photo(3, is_marked=is_marked)


def ask(workspace, run_id, photos, **options):
    request = requests.start(workspace, run_id, photos, **options)
    assert request.wait(START_S)
    return request


def model_processes():
    """The processes with a model that this process started."""
    return [
        each
        for each in psutil.Process().children()
        if each.status() != psutil.STATUS_ZOMBIE and requests.MODULE in each.cmdline()
    ]


def test_a_run_without_a_model_is_refused_before_anything_starts(workspace, frozen, add_run):
    run_id = add_run(frozen)
    for file in runs.folder(workspace, run_id).glob("*"):
        file.unlink()
    with pytest.raises(NotFound, match="no trained model"):
        requests.start(workspace, run_id, [b""])
    with pytest.raises(NotFound, match="There is no run 99"):
        requests.start(workspace, 99, [b""])


@pytest.mark.slow
def test_photos_are_answered_by_the_run_with_a_heat_map_and_the_same_process_again(workspace, run_id):
    photos = [photo(is_marked=True), b"no picture", photo(is_marked=False)]
    request = ask(workspace, run_id, photos)
    assert request.state == "done"
    marked, unread, plain = request.answers()
    assert (marked.prediction.label, plain.prediction.label) == ("sea", "river")
    assert marked.prediction.confidence > 0.99
    assert (unread.prediction.error.reason, unread.heat) == ("not_an_image", None)
    assert marked.heat.shape == (32, 32)
    hottest = np.unravel_index(marked.heat.argmax(), (32, 32))
    assert all(20 <= place < 32 for place in hottest)  # The mark is at 44 to 60 of 64 pixels.
    [first] = model_processes()
    ask(workspace, run_id, [photo(is_marked=True)])
    assert model_processes() == [first]
    first.kill()  # As the kernel does where memory is short: the next request starts another process.
    psutil.wait_procs([first], timeout=10)
    assert ask(workspace, run_id, [photo(is_marked=True)]).answers()[0].prediction.label == "sea"


@pytest.mark.slow
def test_answers_are_those_that_an_export_would_give(workspace, run_id):
    plain = [photo(is_marked=False)]
    sure = ask(workspace, run_id, plain, top=1).answers()[0].prediction
    assert len(sure.top) == 1
    operating_points.put(workspace, run_id, threshold=0.999, temperature=4.0, actor="human:anna")
    unsure = ask(workspace, run_id, plain).answers()[0].prediction
    # A quarter of the log-odds: the same class, less certain, and below the threshold of the run.
    assert 0.5 < unsure.confidence < sure.confidence
    assert unsure.abstained
    assert not ask(workspace, run_id, plain, threshold=0.5).answers()[0].prediction.abstained


@pytest.mark.slow
def test_a_cancelled_request_ends_at_once_and_the_next_one_is_answered(workspace, run_id):
    many = requests.start(workspace, run_id, [photo(is_marked=True)] * 500)
    waiting = requests.start(workspace, run_id, [photo(is_marked=True)])
    many.cancel()
    assert (many.state, many.wait(0)) == ("cancelled", True)
    assert waiting.wait(START_S)
    assert waiting.answers()[0].prediction.label == "sea"
    assert many.n_answered < 500
    assert many.state == "cancelled"


@pytest.mark.slow
def test_damaged_weights_are_an_error_of_the_request_alone(workspace, run_id):
    weights = runs.folder(workspace, run_id) / run_files.WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    request = ask(workspace, run_id, [photo(is_marked=True)])
    assert request.state == "failed"
    with pytest.raises(WeightsUnfit, match="do not fit their card"):
        request.answers()
    weights.write_bytes(whole)
    assert ask(workspace, run_id, [photo(is_marked=True)]).state == "done"


@pytest.mark.slow
def test_an_idle_process_ends_by_itself(workspace, run_id, monkeypatch):
    for process in model_processes():
        process.kill()
    monkeypatch.setenv("PEAKID_PREDICTOR_IDLE_S", "0.2")
    ask(workspace, run_id, [photo(is_marked=True)])
    ends_at = time.monotonic() + 60
    while model_processes() and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert model_processes() == []


@pytest.mark.slow
def test_too_many_requests_are_refused(workspace, run_id, monkeypatch):
    asker = requests._Asker()
    asker._thread = object()  # None takes them.
    monkeypatch.setattr(requests, "_asker", asker)
    for _ in range(requests.MAX_WAITING):
        requests.start(workspace, run_id, [b""])
    with pytest.raises(JobError, match="wait for the model already"):
        requests.start(workspace, run_id, [b""])
