"""The schema file and the data dictionary match the migrations."""

import re
from pathlib import Path
from typing import get_args

import pytest

from peakid.curate.image_issues import IssueKind
from peakid.keep import restored_database
from peakid.records import JobState, Lane, Source, StepKind, Verdict
from peakid.store import workspace as workspaces

ROOT = Path(__file__).resolve().parents[2]


def test_schema_sql_matches_the_migrations(workspace):
    written = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8")
    assert written == workspaces.schema_sql(workspace), "run: python -m peakid.cli.schema > db/schema.sql"


@pytest.fixture(scope="module")
def described():
    """What the data dictionary says about each column, by table, in its order."""
    dictionary = (ROOT / "db" / "README.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", dictionary, flags=re.MULTILINE | re.DOTALL)
    assert len({title for title, _ in sections}) == len(sections)  # No table is described twice.
    return {title: re.findall(r"^\| `(\w+)` \| ?(.*?) ?\|$", body, re.MULTILINE) for title, body in sections}


def tables(workspace, *, kinds=("table", "virtual", "shadow")):
    """Return whether each table is STRICT, by name; sqlite_utils' own tables begin with an underscore."""
    rows = workspace.query("SELECT name, type, strict FROM pragma_table_list WHERE schema = 'main'")
    own = [row for row in rows if not row["name"].startswith(("_", "sqlite_"))]
    return {row["name"]: bool(row["strict"]) for row in own if row["type"] in kinds}


def columns(workspace, table):
    return workspace.query(f"PRAGMA table_info({table})")


def test_the_data_dictionary_describes_every_table_and_column_once(workspace, described):
    actual = {table: {row["name"] for row in columns(workspace, table)} for table in tables(workspace)}
    assert {table: {name for name, _ in rows} for table, rows in described.items()} == actual
    assert {table: len(rows) for table, rows in described.items()} == {t: len(c) for t, c in actual.items()}


def test_every_table_is_strict_but_the_full_text_index(workspace):
    loose = {name for name, is_strict in tables(workspace).items() if not is_strict}
    assert loose == {name for name in tables(workspace) if name.startswith("text_index")}
    assert workspace.one("PRAGMA journal_mode")[0] == "wal"


def test_the_data_dictionary_says_what_null_means_wherever_it_can_be(workspace, described):
    wrong = []
    for table in tables(workspace, kinds=("table",)):
        said = dict(described[table])
        for row in columns(workspace, table):
            may_be_null = not row["notnull"] and not row["pk"]
            if may_be_null != ("NULL" in said[row["name"]]):
                wrong.append((table, row["name"], said[row["name"]]))
    assert wrong == []


def test_id_is_the_primary_key(workspace, described):
    keys = {table: [row["name"] for row in columns(workspace, table) if row["pk"]] for table in described}
    named = [table for table, rows in described.items() if "id" in dict(rows)]
    assert len(named) > 20
    assert [table for table in named if keys[table] != ["id"]] == []


def test_the_data_dictionary_lists_the_values_that_a_column_is_checked_for(workspace, described):
    n_checked = 0
    for table in tables(workspace, kinds=("table",)):
        sql = workspace.one("SELECT sql FROM sqlite_master WHERE name = ?", (table,))["sql"]
        for column, listed in re.findall(r"CHECK \((\w+) IN \(('[^)]*)\)\)", sql):
            said = dict(described[table])[column]
            missing = [
                each for each in re.findall(r"'([^']+)'", listed) if not re.search(rf"\b{each}\b", said)
            ]
            assert missing == [] or said == "as in decision", (table, column)
            n_checked += 1
    assert n_checked >= 12


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("acquisition", "source", get_args(Source)),
        ("image_issue_score", "kind", get_args(IssueKind)),
        ("job", "lane", get_args(Lane)),
        ("job", "state", get_args(JobState)),
        ("step", "kind", get_args(StepKind)),
        ("decision", "verdict", get_args(Verdict)),
    ],
)
def test_the_data_dictionary_lists_the_words_of_a_column(described, table, column, values):
    said = dict(described[table])[column]
    assert set(re.split(r",\s*|\s+or\s+", said.split(";")[0])) == set(values)


def test_the_data_dictionary_says_which_columns_are_json(described):
    said = {(table, name) for table, rows in described.items() for name, text in rows if "JSON" in text}
    assert said - restored_database.JSON_COLUMNS.keys() == {("run", "pretrained")}  # '' until it ends.
    assert restored_database.JSON_COLUMNS.keys() - said == set()


def test_the_header_of_the_schema_names_what_generates_it():
    header = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8").splitlines()[0]
    target = re.fullmatch(r"-- Generated from (\S+) by: make (\w+)", header)
    assert (ROOT / target[1]).is_dir()
    recipe = re.search(rf"^{target[2]}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "peakid.cli.schema" in recipe[1]
    assert "db/schema.sql" in recipe[1]
