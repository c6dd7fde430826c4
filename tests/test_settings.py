"""Where settings come from, and what of them travels in a job."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from peakid import settings, settings_file
from peakid.errors import BadInput
from peakid.job_settings import JobSettings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("PEAKID_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    settings._of_job = None
    settings.current.cache_clear()


def test_a_relative_folder_in_peakid_toml_starts_at_the_file_wherever_the_process_runs(tmp_path, monkeypatch):
    (tmp_path / "peakid.toml").write_text('weights = "mine"\ncache_gb = 3\n')
    here = settings.for_job()
    assert (here.weights_dir, here.cache_gb) == (tmp_path / "mine", 3.0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert settings.for_job().weights_dir is None
    monkeypatch.setenv("PEAKID_CONFIG", str(tmp_path / "peakid.toml"))  # As `peakid app` passes it on.
    assert settings.for_job() == here


def test_the_environment_comes_before_peakid_toml(tmp_path, monkeypatch):
    (tmp_path / "peakid.toml").write_text('weights = "mine"\n')
    monkeypatch.setenv("PEAKID_WEIGHTS", "yours")
    assert settings.for_job().weights_dir == tmp_path / "yours"


def test_the_settings_of_a_job_are_read_anew_each_time(tmp_path, monkeypatch):
    assert settings.for_job().weights_dir is None
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert (settings.for_job().weights_dir, settings.for_job().visible_gpus) == (tmp_path, "1")


def test_in_the_process_of_a_job_its_settings_replace_those_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PEAKID_CACHE_GB", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    (tmp_path / "peakid.toml").write_text("max_image_bytes = 5\n")
    of_job = JobSettings(weights_dir=Path("/w"), cache_gb=2.0, max_image_pixels=99, decode_limit_s=1.5)
    settings.use(of_job)
    now = settings.current()
    assert (now.weights, now.cache_gb, now.max_image_pixels) == (Path("/w"), 2.0, 99)
    assert now.max_image_bytes == JobSettings().max_image_bytes
    assert now.decoding()["decode_limit_s"] == "1.5"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    settings.use(JobSettings(visible_gpus="0"))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


def test_a_worker_and_a_job_inherit_no_settings(monkeypatch):
    monkeypatch.setenv("PEAKID_WEIGHTS", "/a")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    environment = settings.bare_environment()
    assert [name for name in environment if name.startswith("PEAKID_")] == []
    assert environment["LC_ALL"] == "C.UTF-8"
    assert environment["PYTHONPATH"]


def test_the_defaults_of_a_job_are_those_of_the_settings():
    chosen, of_job = settings.Settings(), JobSettings()
    names = ("cache_gb", "max_image_bytes", "max_image_pixels", "decode_limit_s", "decode_limit_bytes")
    assert [getattr(chosen, name) for name in names] == [getattr(of_job, name) for name in names]
    assert (of_job.weights_dir, chosen.weights) == (None, None)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "it has 5 characters"),
        ("x" * 1001, "1,001 characters"),
        (" " * 9, "spaces"),
        ("tab\tinside", "printed"),
    ],
)
def test_a_password_that_does_not_fit_is_refused_without_showing_it(monkeypatch, password, reason):
    monkeypatch.setenv("PEAKID_PASSWORD", password)
    with pytest.raises(
        BadInput, match=f"PEAKID_PASSWORD = \\(not shown\\) does not fit.*{reason}"
    ) as refused:
        settings.Settings()
    assert password not in str(refused.value)


def test_a_number_as_password_in_peakid_toml_is_refused_without_showing_it(tmp_path):
    (tmp_path / "peakid.toml").write_text("password = 1234567890\n")
    with pytest.raises(BadInput, match="password = \\(not shown\\)") as refused:
        settings.Settings()
    assert "1234567890" not in str(refused.value)


def test_the_password_is_not_printed_and_not_passed_to_other_processes(monkeypatch):
    monkeypatch.setenv("PEAKID_PASSWORD", "correct horse")
    chosen = settings.Settings()
    assert chosen.password.get_secret_value() == "correct horse"
    assert "correct horse" not in f"{chosen!r} {settings.for_job()!r}"
    for environment in (settings.environment(workspace="w"), settings.bare_environment()):
        assert "correct horse" not in environment.values()


def test_the_login_of_the_hub_is_not_passed_to_other_processes(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for environment in (settings.environment(), settings.bare_environment()):
        assert "hf_secret" not in environment.values()


def test_an_account_of_the_system_is_the_name_of_no_person(monkeypatch):
    for name in ("root", "Admin", "ubuntu", pwd.getpwuid(65_534).pw_name, "human:root"):
        monkeypatch.setenv("PEAKID_ACTOR", name)
        assert settings.Settings().actor_name() == "human:someone"
    monkeypatch.delenv("PEAKID_ACTOR")
    for user, expected in (("root", "human:someone"), ("tom", "human:tom")):
        monkeypatch.setenv("LOGNAME", user)
        assert settings.Settings().actor_name() == expected
    monkeypatch.setenv("PEAKID_ACTOR", "model:run-3")
    assert settings.Settings().actor_name() == "model:run-3"


@pytest.mark.parametrize(
    ("value", "problem"), [("relative", "does not start at the root"), (":", "names no folder")]
)
def test_a_list_of_folders_that_would_be_misread_is_refused(monkeypatch, value, problem):
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", value)
    with pytest.raises(BadInput, match=problem):
        settings.Settings()


def test_folders_are_separated_by_colons_and_may_be_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PEAKID_ALLOWED_FOLDERS", "/photos:~/peaks:")
    found = settings_file.folders_of(settings.Settings().allowed_folders)
    assert found == [Path("/photos"), tmp_path / "peaks"]


def test_settings_are_read_again_only_after_a_change(monkeypatch, tmp_path):
    file = tmp_path / "peakid.toml"
    monkeypatch.setenv("PEAKID_CONFIG", str(file))
    monkeypatch.delenv("PEAKID_RECENT_WORKSPACES", raising=False)
    first = settings.read()
    assert settings.read() is first
    file.write_text("recent_workspaces = 3\n")
    assert settings.read().recent_workspaces == 3
    monkeypatch.setenv("PEAKID_RECENT_WORKSPACES", "5")
    assert settings.read().recent_workspaces == 5
    file.unlink()
    monkeypatch.delenv("PEAKID_RECENT_WORKSPACES")
    assert settings.read().recent_workspaces == first.recent_workspaces


@pytest.mark.slow
def test_onnx_runtime_sends_nothing_to_its_makers():
    code = "import peakid.serve.opening, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    inherited = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    asked = [sys.executable, "-c", code]
    for own, expected in (({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")):
        done = subprocess.run(asked, env=inherited | own, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_places_in_stores_are_separated_by_commas_and_one_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("PEAKID_ALLOWED_STORES", "s3://team/photos, gs://other")
    assert settings.Settings().allowed_stores == "s3://team/photos, gs://other"
    monkeypatch.setenv("PEAKID_ALLOWED_STORES", "s3://team/photos,/home/me")
    with pytest.raises(BadInput, match="'/home/me' is not the address of an image store"):
        settings.Settings()


@pytest.mark.parametrize("value", ["minio:9000", "ftp://minio", "http://", "http://id:secret@minio:9000"])
def test_an_endpoint_with_a_login_or_without_a_host_is_refused(monkeypatch, value):
    monkeypatch.setenv("PEAKID_S3_ENDPOINT", value)
    with pytest.raises(BadInput, match="without a login") as refused:
        settings.Settings()
    assert "secret" not in str(refused.value)


def test_only_processes_that_reach_stores_or_a_cluster_get_their_credentials(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-the-cluster")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-bucket")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
    of_stores = {"AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "GOOGLE_APPLICATION_CREDENTIALS"}
    names = of_stores | {"RAY_AUTH_TOKEN"}
    assert not names & set(settings.environment())  # Of the process that decodes.
    assert names <= set(settings.bare_environment())  # Of a job.


def test_the_settings_of_stores_travel_in_a_job(monkeypatch):
    monkeypatch.setenv("PEAKID_S3_ENDPOINT", "http://minio:9000")
    monkeypatch.setenv("PEAKID_OBJECT_CACHE_GB", "2.5")
    of_job = settings.for_job()
    monkeypatch.delenv("PEAKID_S3_ENDPOINT")
    settings.use(of_job)
    assert (settings.current().s3_endpoint, settings.current().object_cache_gb) == ("http://minio:9000", 2.5)
