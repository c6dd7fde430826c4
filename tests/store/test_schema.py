"""The schema file and the data dictionary match the migrations."""

import re
from pathlib import Path

from peakid.store import workspace as workspaces

ROOT = Path(__file__).resolve().parents[2]


def test_schema_sql_matches_the_migrations(workspace):
    written = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8")
    assert written == workspaces.schema_sql(workspace), "run: python -m peakid.cli.schema > db/schema.sql"


def test_the_data_dictionary_describes_every_table_and_column(workspace):
    tables = [
        row["name"]
        for row in workspace.query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
        )
    ]
    dictionary = (ROOT / "db" / "README.md").read_text(encoding="utf-8")
    described = {
        title: set(re.findall(r"^\| `(\w+)`", body, flags=re.MULTILINE))
        for title, body in re.findall(
            r"^## `(\w+)`\n(.*?)(?=^## |\Z)", dictionary, flags=re.MULTILINE | re.DOTALL
        )
    }
    actual = {
        table: {row["name"] for row in workspace.query(f"PRAGMA table_info({table})")} for table in tables
    }
    assert described == actual
