"""Recipes of others: whatever a file or a setting holds, the answer is one line that names it."""

import os
from functools import partial

import numpy as np
import pytest

from peakid.errors import BadInput
from peakid.recipe import grid, loading
from peakid.recipe.recipe import Recipe
from tests import damaged_values


@pytest.fixture
def file(tmp_path):
    return tmp_path / "recipe.toml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"seed =", "not valid TOML"),
        (b"\xff\xfes\x00", "not UTF-8 at byte 0"),
        (b"phases = " + b"[" * 50_000, "nested too deeply"),
        (b"phases = " + b"{a = " * 5_000 + b"1" + b"}" * 5_000, "nested too deeply"),
        (b"seed = " + b"9" * 6000, "not valid TOML"),
        (b"# " + b"a" * 2**20, "over the limit"),
        (b"seed = 1\nseed = 2", "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_the_reason(file, content, message):
    file.write_bytes(content)
    with pytest.raises(BadInput, match=rf"recipe\.toml cannot be read: .*{message}"):
        loading.load(file)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_is_not_read(file, make):
    make(file)
    with pytest.raises(BadInput, match="not a regular file"):
        loading.named(file)


def test_a_device_is_not_read():
    with pytest.raises(BadInput, match="/dev/zero cannot be read: not a regular file"):
        loading.named("/dev/zero")


@pytest.mark.parametrize("name", ["a" * 5000, "a\x00b", "~nobody-here/recipe.toml", "", "\ud800", "../quick"])
def test_a_name_that_no_file_can_have_is_an_error(name):
    error = damaged_values.refusal(lambda: loading.named(name))
    assert error is not None
    assert damaged_values.is_plain(error)


@pytest.mark.parametrize("path", ["a" * 5000, "a\x00b", "~nobody-here/weights", "/dev/zero", "\ud800"])
def test_a_path_of_weights_that_cannot_be_is_an_error(path):
    error = damaged_values.refusal(lambda: loading.with_settings(Recipe(), [f"pretrained={path}"]))
    assert error is not None
    assert damaged_values.is_plain(error)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("image_size_px = 1" + "0" * 4000, r"image_size_px=a number of \d+ digits or more does not fit"),
        ("base_lr = nan", "base_lr=nan does not fit"),
        ("base_lr = 1" + "0" * 400, "base_lr=a number of .* does not fit"),
        ('arch = "' + "a" * 3000 + '"', r"a\.\.\."),
        ("phases = 7", "phases=7 does not fit"),
        ("phases = [7]", "phases=7 does not fit"),
        ("phases = [{zzz = 1}]", "A phase has no setting 'zzz'"),
        ("phases = [" + "{}," * 500 + "]", "phases=500 values does not fit"),
        ('"\\u001b[31m" = 1', r"no setting '\\x1b\[31m'"),
    ],
)
def test_a_value_that_does_not_fit_is_shown_short(file, line, message):
    file.write_text(line)
    with pytest.raises(BadInput, match=message) as raised:
        loading.load(file)
    assert damaged_values.is_plain(raised.value)


def test_no_change_of_a_recipe_is_a_traceback():
    rng = np.random.default_rng(23)
    plain = loading.presets()["standard"].model_dump() | {"phases": [{"epochs": 2, "learns": "head"}]}
    errors = [
        damaged_values.refusal(lambda: loading.of_values(damaged_values.changed(plain, rng)))
        for _ in range(500)
    ]
    refused = [error for error in errors if error]
    assert len(refused) > 200
    assert [str(error) for error in refused if not damaged_values.is_plain(error)] == []


def test_no_setting_is_a_traceback():
    rng = np.random.default_rng(24)
    texts = [
        str(value)[:300] for value in damaged_values.VALUES if not isinstance(value, int) or value < 2**70
    ]
    for key in Recipe.model_fields:
        for text in rng.choice(np.array(texts, dtype=object), 5, replace=False):
            settings = [f"{key}={text}"], [f"{key}={text},{text}1"]
            one = damaged_values.refusal(partial(loading.with_settings, Recipe(), settings[0]))
            other = damaged_values.refusal(partial(grid.plan, Recipe(), settings[1]))
            assert [str(each) for each in (one, other) if each and len(str(each)) > 1200] == []
