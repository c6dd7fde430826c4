"""Which engine a job uses, and what is said where Ray is not installed."""

import sys

import pytest

from peakid.engines import opening, ray_pool
from peakid.errors import BadInput, ExtraMissing, JobError
from peakid.job_settings import JobSettings

DEFAULT = JobSettings()


@pytest.fixture
def without_ray(monkeypatch):
    """Make Ray as if it were not installed."""
    monkeypatch.setitem(sys.modules, "ray", None)
    original = opening.importlib.util.find_spec
    monkeypatch.setattr(
        opening.importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else original(name)
    )


def test_without_a_choice_a_job_does_the_work_itself():
    assert not opening.is_used(DEFAULT)
    assert opening.is_used(JobSettings(n_workers=1))
    assert opening.is_used(JobSettings(engine="ray"))
    assert opening.chosen(DEFAULT) == DEFAULT


def test_an_engine_is_chosen_for_one_job():
    assert opening.chosen(DEFAULT, engine="local", n_workers=3) == JobSettings(n_workers=3)
    assert opening.chosen(JobSettings(n_workers=3), n_workers=0) == DEFAULT
    with pytest.raises(BadInput, match=r"no engine 'rya'.*Did you mean 'ray'"):
        opening.chosen(DEFAULT, engine="rya")
    with pytest.raises(BadInput, match="workers are not possible"):
        opening.chosen(DEFAULT, n_workers=-1)


def test_without_ray_one_line_says_how_to_get_it(without_ray):
    line = 'pip install "peakid[cluster]"'
    with pytest.raises(ExtraMissing) as error:
        opening.chosen(DEFAULT, engine="ray")
    assert line in str(error.value)
    with pytest.raises(ExtraMissing) as error, opening.opened(JobSettings(engine="ray")):
        pass
    assert line in str(error.value)
    local, ray = opening.facts(DEFAULT)
    assert (local.engine, local.is_ready, local.is_default) == ("local", True, True)
    assert local.n_cores > 0
    assert local.memory_bytes > 0
    assert (ray.engine, ray.is_ready, ray.n_cores) == ("ray", False, 0)
    assert line in ray.note


def test_an_address_at_which_nothing_answers_is_named_at_once(monkeypatch):
    def refused(address, timeout_s):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(ray_pool.socket, "create_connection", refused)
    for address in ("ray://10.0.0.9", "10.0.0.9:6379", "ray://10.0.0.9:x"):
        with pytest.raises(JobError, match=r"No Ray cluster answers at .*10\.0\.0\.9"):
            ray_pool.refuse_silent(address)


def test_an_address_for_the_client_of_ray_says_which_package_it_needs(monkeypatch):
    found = ray_pool.importlib.util.find_spec
    monkeypatch.setattr(
        ray_pool.importlib.util, "find_spec", lambda name, *rest: None if name == "grpc" else found(name)
    )
    at_client = JobSettings(ray_address="ray://head:10001")
    with pytest.raises(ExtraMissing, match=r"ray://head:10001 needs the client of Ray.*grpcio") as error:
        opening.chosen(at_client, engine="ray")
    assert 'pip install "peakid[cluster]". Or name the cluster without ray://' in str(error.value)
    assert opening.chosen(at_client).engine == "local"
    assert opening.chosen(JobSettings(ray_address="head:6379"), engine="ray").engine == "ray"
