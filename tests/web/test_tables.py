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


def test_only_a_long_word_of_a_cell_may_be_broken() -> None:
    text = tables.html_of([{"Format": "safetensors", "File": "photos/" + 40 * "a"}], tips={})
    assert '<td class="words">safetensors</td>' in text
    assert f"<td>photos/{40 * 'a'}</td>" in text


def test_a_table_of_few_rows_is_html_with_escaped_texts() -> None:
    rows = [{"Class": "<b>eiger</b>", "n": 3}, {"Class": "a & b\nc", "n": 12}]
    text = tables.html_of(rows, numbers=("n",), tips={"n": 'how "many"'})
    assert drawn_pages.rows_of(text) == [{"Class": "<b>eiger</b>", "n": "3"}, {"Class": "a & b c", "n": "12"}]
    assert "<b>" not in text
    assert text.count('class="number"') == 3
    assert text.count('class="words"') == 3
    assert 'title="how &quot;many&quot;"' in text
