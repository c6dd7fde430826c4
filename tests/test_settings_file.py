"""Settings that do not fit are an error that names the file or the variable, the key and the value."""

import os

import numpy as np
import pytest

from peakid import settings
from peakid.errors import BadInput
from peakid.resources import PACKAGE_DIR
from peakid.settings import Settings
from tests import damaged_values


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder without settings; the file is `tmp_path/peakid.toml`."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PEAKID_")]:
        monkeypatch.delenv(name)
    settings.current.cache_clear()
    yield tmp_path
    settings.current.cache_clear()


def write(folder, content: str | bytes):
    (folder / "peakid.toml").write_bytes(content if isinstance(content, bytes) else content.encode())


def test_the_file_is_read_and_a_variable_comes_first(folder, monkeypatch):
    write(folder, 'workspace = "photos"\ncache_gb = 3\n')
    monkeypatch.setenv("PEAKID_CACHE_GB", "4")
    read = Settings()
    assert (str(read.workspace).endswith("photos"), read.cache_gb) == (True, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("workspace = 5", "peakid.toml: workspace = 5 does not fit"),
        ('workspace = "a\\u0000b"', "characters that cannot be printed"),
        ("actor = [1]", r"peakid.toml: actor = \[1\] does not fit"),
        ('actor = "a\\u001b[31m"', "actor = .*cannot be printed"),
        ('cache_gb = "much"', "peakid.toml: cache_gb = much does not fit"),
        ("cache_gb = -1", "cache_gb = -1 does not fit"),
        ("cache_gb = nan", "cache_gb = nan does not fit"),
        ("max_image_bytes = 0", "max_image_bytes = 0 does not fit"),
        ("max_image_bytes = true", "max_image_bytes = true does not fit"),
        ("max_image_pixels = 1.5", "max_image_pixels = 1.5 does not fit"),
        ("decode_limit_s = inf", "decode_limit_s = inf does not fit"),
        ("decode_limit_bytes = {a = 1}", "decode_limit_bytes = .* does not fit"),
        ("worker_idle_s = 2020-01-01", "worker_idle_s = .* does not fit"),
        ('allowed_hosts = ["a"]', "allowed_hosts = .* does not fit"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_key(folder, line, message):
    write(folder, line)
    with pytest.raises(BadInput, match=message) as raised:
        Settings()
    assert raised.value.remedy.startswith("Give a")


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("embed_views = 3", "Give one of 1, 2, 4; the default is 2."),
        ('embed_views = "many"', "Give one of 1, 2, 4; the default is 2."),
        ('engine = "slurm"', "Give one of local, ray; the default is local."),
    ],
)
def test_a_value_that_is_none_of_a_few_is_refused_with_these(folder, line, remedy):
    write(folder, line)
    with pytest.raises(BadInput, match="does not fit") as raised:
        Settings()
    assert raised.value.remedy == remedy


def test_an_unknown_key_is_an_error_that_lists_the_known_ones(folder):
    write(folder, "weigths = 'here'")
    with pytest.raises(BadInput, match=r"no setting 'weigths' in .*peakid\.toml.* weights,"):
        Settings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"workspace =", "not valid TOML"),
        (b"\xff\xfew", "not UTF-8"),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"9" * 6000, "not valid TOML"),
        (b"# " + b"a" * 2**21, "over the limit"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(folder, content, message):
    write(folder, content)
    with pytest.raises(BadInput, match=rf"peakid\.toml cannot be read: .*{message}"):
        Settings()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_is_not_read(folder, make):
    make(folder / "peakid.toml")
    with pytest.raises(BadInput, match="not a regular file"):
        Settings()


def test_a_variable_that_does_not_fit_is_named(monkeypatch):
    monkeypatch.setenv("PEAKID_DECODE_LIMIT_S", "fast")
    with pytest.raises(BadInput, match=r"^PEAKID_DECODE_LIMIT_S = fast does not fit.* over 0.* 5\.0\.$"):
        Settings()


def test_no_change_of_a_settings_file_is_a_traceback(folder):
    rng = np.random.default_rng(22)
    plain = {"workspace": "photos", "cache_gb": 3.5, "actor": "anna", "max_image_bytes": 10_000}
    errors = []
    for _ in range(150):
        lines = [f"{key} = {_toml(value)}" for key, value in damaged_values.changed(plain, rng).items()]
        text = "\n".join(lines).encode("utf-8", "surrogatepass")
        write(folder, text[: rng.integers(len(text))] if rng.random() < 0.2 and text else text)
        errors.append(damaged_values.refusal(Settings))
    refused = [error for error in errors if error]
    assert len(refused) > 50
    assert [str(error) for error in refused if not damaged_values.is_plain(error)] == []


def _toml(value: object) -> str:
    return {True: "true", None: "null"}.get(value) if value in (True, None) else repr(value)


def test_a_command_reports_a_damaged_settings_file_in_one_line(peakid, folder):
    write(folder, "cache_gb = 'much'")
    answer = peakid("weights")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "cache_gb = much" in answer.err


@pytest.mark.slow
def test_the_page_reports_a_damaged_settings_file(folder):
    from streamlit.testing.v1 import AppTest

    write(folder, "cache_gb = 'much'")
    page = AppTest.from_file(str(PACKAGE_DIR / "web" / "shell.py"))
    page.run()
    assert not page.exception
    assert r"cache\_gb \= much" in page.error[0].value
