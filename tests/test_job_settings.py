import json
from pathlib import Path

from peakid import job_settings
from peakid.job_settings import JobSettings


def test_settings_are_the_same_after_they_were_stored():
    given = JobSettings(weights_dir=Path("/weights"), hub_dir=Path("/hub"), cache_gb=0.5, visible_gpus="")
    assert job_settings.parse(json.loads(json.dumps(given.to_json()))) == given
    assert given.cache_bytes == 500_000_000


def test_settings_of_other_versions_are_read_as_far_as_they_are_known():
    assert job_settings.parse({}) is None  # A job of a version that stored none.
    assert job_settings.parse({"cache_gb": 3, "of_a_newer_version": [1]}) == JobSettings(cache_gb=3.0)
    assert job_settings.parse({"cache_gb": "a lot"}) is None
    assert [job_settings.parse(shape) for shape in (5, "a", [], [1], None, True)] == [None] * 6
