"""Ranges are read from the index of a measure, and counts from the rows of the counted images."""

import pytest

from peakid.curate.queues import facets, ranges


@pytest.mark.parametrize("name", list(ranges.MEASURES))
def test_a_range_is_read_from_an_index(workspace, monkeypatch, name):
    seen = []
    plain = workspace.query
    monkeypatch.setattr(
        workspace, "query", lambda sql, parameters: seen.append((sql, parameters)) or plain(sql, parameters)
    )
    assert ranges.ids(workspace, ranges.parse(f"{name}=0.1..0.2")) == []
    (sql, parameters), *_ = seen
    (first, *_) = [row["detail"] for row in plain(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert first.startswith(f"SEARCH f USING {'COVERING ' if 'COVERING' in first else ''}INDEX")
    assert ">" in first


def test_counts_read_the_rows_of_the_counted_images_only(workspace, plant, monkeypatch):
    plant({"a": "dom"})
    seen = []
    plain = workspace.query

    def query(sql, parameters=()):
        seen.append((sql, parameters))
        return plain(sql, parameters)

    monkeypatch.setattr(workspace, "query", query)
    facets.of_queue(workspace, "all")
    counted = [each for each in seen if "json_each(:ids)" in each[0]]
    assert len(counted) >= 4 + 6  # The facets and the measures.
    for sql, parameters in counted:
        details = [row["detail"] for row in plain(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        tables = [line for line in details if line.startswith(("SCAN", "SEARCH")) and "SCAN (" not in line]
        assert tables[0].startswith("SCAN f VIRTUAL TABLE"), details
