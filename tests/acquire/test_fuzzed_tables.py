"""Tables and zips that are damaged at random become rows, rejections or errors in words."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from peakid.acquire import folder
from peakid.acquire.tables import reader, rows
from peakid.errors import BadInput
from peakid.store.workspace import Workspace

N_READ, N_TABLES, N_ZIPS = 400, 24, 24


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "bench" / "fuzz_tables.py"
    spec = importlib.util.spec_from_file_location("fuzz_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module, before = importlib.util.module_from_spec(spec), list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_every_kind_of_table_is_read_undamaged(fuzz: ModuleType) -> None:
    for name, data in fuzz.tables().items():
        sheet = reader.read_bytes(name, data)
        found = list(rows.read(sheet, rows.columns_of(name, sheet)))
        assert [(row.path, row.problem) for row in found] == [(path, "") for path in fuzz.NAMES], name
        assert {row.label for row in found} <= {*fuzz.LABELS, "otter", None}


def test_damaged_tables_are_rows_or_errors_in_words(fuzz: ModuleType) -> None:
    ended: Counter[str] = Counter()
    valid = fuzz.tables()
    names = list(valid)
    for case in range(N_READ):
        name = names[case % len(names)]
        try:
            sheet = reader.read_bytes(name, fuzz.mutated(valid[name], case))
            for row in rows.read(sheet, rows.columns_of(name, sheet)):
                # Everything can be stored and printed.
                json.dumps([row.place, row.path, row.label, row.problem], ensure_ascii=False).encode()
                ended["problem" if row.problem else "row"] += 1
        except BadInput as error:
            ended["error" if error.message and error.remedy else "error without words"] += 1
    assert ended["error without words"] == 0
    assert ended["row"] > N_READ / 2
    assert ended["problem"] > 50
    assert ended["error"] > 50


@pytest.mark.parametrize(("kind", "n_cases"), [("tables", N_TABLES), ("zips", N_ZIPS)])
def test_damaged_tables_and_zips_are_imported_or_refused_and_nothing_is_lost(
    kind: str, n_cases: int, fuzz: ModuleType, workspace: Workspace, tmp_path: Path
) -> None:
    for name, data in fuzz.photos().items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    results = [fuzz.one_case(kind, case, workspace, tmp_path) for case in range(n_cases)]
    assert [lost for _, lost in results if lost] == []
    assert len({result for result, _ in results}) > 1
