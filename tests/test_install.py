"""What `make run` installs with: uv gets what pip is configured with, and pip installs what uv may not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def install() -> ModuleType:
    file = Path(__file__).resolve().parents[1] / ".ci" / "install.py"
    spec = importlib.util.spec_from_file_location("install", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_uv_gets_the_indexes_the_folders_and_the_limits_that_pip_has(install: ModuleType) -> None:
    listed = """:env:.find-links='/b'
global.cert='/c.pem'
global.constraint='/limits.txt'
global.extra-index-url='file:///one\\nfile:///two three'
global.find-links='/a'
install.index-url='file:///main'
"""
    arguments, variables = install.for_uv(install.configured(listed))
    assert variables == {"SSL_CERT_FILE": "/c.pem"}
    assert sorted(zip(arguments[::2], arguments[1::2], strict=True)) == [
        ("--constraints", "/limits.txt"),
        ("--default-index", "file:///main"),
        ("--find-links", "/b"),  # The environment comes before the files, as for pip.
        ("--index", "file:///one"),
        ("--index", "file:///two"),
        ("--index", "three"),
    ]


@pytest.mark.parametrize("option", ["proxy", "no-index", "client-cert", "only-binary", "require-hashes"])
def test_pip_installs_where_it_has_an_option_that_uv_is_not_given(install: ModuleType, option: str) -> None:
    assert install.for_uv(install.configured(f"global.{option}='x'")) is None
