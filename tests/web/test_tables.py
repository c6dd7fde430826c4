"""Which columns of a table get a limited width."""

from peakid.web import tables
from tests import drawn_pages


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


def test_a_table_of_few_rows_is_html_with_escaped_texts() -> None:
    rows = [{"Class": "<b>eiger</b>", "n": 3}, {"Class": "a & b\nc", "n": 12}]
    text = tables.html_of(rows, numbers=("n",), tips={"n": 'how "many"'})
    assert drawn_pages.rows_of(text) == [{"Class": "<b>eiger</b>", "n": "3"}, {"Class": "a & b c", "n": "12"}]
    assert "<b>" not in text
    assert text.count('class="number"') == 3
    assert 'title="how &quot;many&quot;"' in text
