"""What the README shows is true: its library example runs, its commands and settings exist."""

import re
from pathlib import Path

import pytest

from peakid.cli.main import COMMANDS
from peakid.settings import Settings

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_library_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert list(names["frame"].columns) == ["digest", "path", "label", "split", "group_key"]  # ty: ignore[unresolved-attribute]
    assert "train" in capsys.readouterr().out


def test_every_command_exists() -> None:
    shown = re.findall(r"^peakid --workspace W (\S+)", "\n".join(blocks("bash")), re.MULTILINE)
    assert len(shown) > 5
    assert set(shown) <= set(COMMANDS)


def test_every_setting_exists() -> None:
    named = re.findall(r"`PEAKID_([A-Z_]+)`", README)
    assert {name.lower() for name in named} <= {*Settings.model_fields, "config"}
