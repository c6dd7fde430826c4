"""What a worker says when it is on a machine that lacks what the job has read."""

import hashlib

import pytest

from peakid.engines.records import Shard
from peakid.errors import JobError
from peakid.job_settings import JobSettings
from peakid.jobs.maps import units
from peakid.recipe import export_formats

SHARE_DISK = "Put the workspace on a disk that every machine has under the same path."


def shard(unit, tmp_path, model):
    """Make a shard with one photo, which this machine has."""
    (tmp_path / "photo.png").write_bytes(b"photo")
    arguments = {"top": 1, "threshold": 0.0, "kind": "run", "file": "model.safetensors", "is_int8": False}
    return Shard(
        unit=unit,
        version=1,
        digests=(hashlib.sha256(b"photo").hexdigest(),),
        locations=(str(tmp_path / "photo.png"),),
        arguments=arguments | {"model_sha256": hashlib.sha256(model).hexdigest(), "paths": ["photo.png"]},
        files={"folder": str(tmp_path), "export": str(tmp_path)},
    )


@pytest.mark.parametrize(
    ("compute", "name"), [(units.predict, "model.safetensors"), (units.sort, export_formats.CARD)]
)
def test_a_model_that_this_machine_does_not_see_is_named_and_another_one_is_not_used(compute, name, tmp_path):
    asked = shard("unit", tmp_path, b"model")
    with pytest.raises(
        JobError, match=rf"The worker on .+ does not see the model: there is no .*{name}"
    ) as told:
        compute(asked, JobSettings())
    assert told.value.remedy == SHARE_DISK
    (tmp_path / name).write_bytes(b"other")
    with pytest.raises(JobError, match=r"The model in .* was changed meanwhile"):
        compute(asked, JobSettings())
