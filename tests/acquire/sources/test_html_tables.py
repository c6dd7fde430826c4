"""Tables of HTML keep their cells in place, however they span, nest or are left open."""

from peakid.acquire.sources import html_tables


def rows(html: str) -> list[list[str]]:
    [table] = html_tables.read(html)
    return [[each.text for each in row] for row in table.rows]


def test_spanned_cells_are_repeated_in_both_directions() -> None:
    html = """<table><tr><th>a<th>b<th>c</tr><tr><td rowspan=2 colspan=2>1<td>2<tr><td>3
    <tr><td>4<td rowspan=0>5<td>6<tr><td>7<td>8</table>"""
    assert rows(html) == [["1", "1", "2"], ["1", "1", "3"], ["4", "5", "6"], ["7", "5", "8"]]


def test_a_short_row_is_filled_and_a_heading_inside_is_no_row() -> None:
    html = "<table><tr><th>a<th>b<tr><td>1<td>2<td>3<tr><th>a<th>b<tr><td>4</table>"
    [table] = html_tables.read(html)
    assert table.columns == ("a", "b", "3")
    assert rows(html) == [["1", "2", "3"], ["4", "", ""]]


def test_a_table_without_a_heading_has_numbered_columns_and_equal_headings_differ() -> None:
    assert html_tables.read("<table><tr><td>1<td>2</table>")[0].columns == ("1", "2")
    assert html_tables.read("<table><tr><th>a<th>a<tr><td>1<td>2</table>")[0].columns == ("a", "a (2)")


def test_a_table_inside_a_cell_is_one_of_its_own() -> None:
    html = "<table><tr><th>a<tr><td>1<table><tr><th>b<tr><td>2</table> and</table>"
    outer, inner = html_tables.read(html)
    assert [[each.text for each in row] for row in outer.rows] == [["1 and"]]
    assert [[each.text for each in row] for row in inner.rows] == [["2"]]


def test_enormous_spans_end() -> None:
    html = "<table><tr><th>a<tr>" + f"<td>1<td colspan={10**9} rowspan={10**9}>2" * 50 + "<tr><td>3" * 1000
    [table] = html_tables.read(html)
    assert (len(table.columns), len(table.rows)) == (1000, 199)


def test_damaged_html_gives_what_it_has() -> None:
    assert html_tables.read("<table><tr><td>1</b></i><td>2") != []
    assert html_tables.read("</table></tr><tr><td>1<table>") == []
