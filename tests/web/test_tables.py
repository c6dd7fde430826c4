"""Which columns of a table get a limited width."""

from peakid.web import tables


def test_a_long_text_in_a_table_of_many_columns_is_limited() -> None:
    row = {
        "Run": "Run 1",
        "Model": "m",
        "Snapshot": "Snapshot 1 (before cleaning it)",
        "a": 1,
        "b": 2,
        "c": 3,
    }
    assert tables.long_columns([{**row, "Snapshot": "-"}, row]) == ["Snapshot"]
    assert tables.long_columns([{"Reason": row["Snapshot"], "File": "a.jpg"}]) == []  # It has the room.
    assert tables.long_columns([]) == []
