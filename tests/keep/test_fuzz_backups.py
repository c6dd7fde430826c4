"""Mutated backups with a fixed seed are refused in one line or restored. `bench/fuzz_backups.py` has more."""

from pathlib import Path

import pytest

from bench import fuzz_backups


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return fuzz_backups.good_backup(tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize("seed", range(20_000, 20_012))
def test_a_mutated_backup_is_refused_or_restored(good: bytes, seed: int, tmp_path: Path) -> None:
    outcome, is_kept = fuzz_backups.case(good, seed, tmp_path)
    assert outcome.kind in ("refused", "restored"), outcome.detail
    assert is_kept


def test_both_outcomes_occur(good: bytes, tmp_path: Path) -> None:
    kinds = {fuzz_backups.tried(data, tmp_path / name).kind for data, name in both(good, tmp_path)}
    assert kinds == {"refused", "restored"}


def both(good: bytes, folder: Path) -> list[tuple[bytes, str]]:
    for name in ("a", "b"):
        (folder / name).mkdir()
    return [(good, "a"), (good[:1000], "b")]
