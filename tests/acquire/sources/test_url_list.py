"""Lists of URLs of every shape give the same lines; what is no URL and what is listed twice is told."""

import base64
from pathlib import Path

import pytest

from peakid.acquire.sources import url_list
from peakid.acquire.sources.url_list import ListedUrl, UrlColumns
from peakid.errors import BadInput, UnreadableImage

A, B = "https://example.org/a.jpg?w=1,h=2", "http://example.org/b;c|d.png"


def listed(
    folder: Path, content: str | bytes, name: str = "urls_river.txt", **more: object
) -> list[ListedUrl]:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(url_list.read(file, **more))


@pytest.mark.parametrize(
    "content",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n{B}",
        f"\n# found in spring\n\n{A}\n   \n  {B}  \n\n",
        f"\ufeff{A}\n{B}\n",
        f"url\n{A}\n{B}\n",
        f'URL\r\n"{A}"\r\n{B}\r\n',
        f'image_url,width\n"{A}",3\n{B},4\n',
        f"{A}\tlarge\n{B}\tsmall\n",
        f'{{"url": "{A}"}}\n{{"url": "{B}"}}\n',
        f"{A}\n{B}\n".encode("utf-16"),
    ],
)
def test_every_shape_gives_its_urls_with_the_class_of_the_file(tmp_path: Path, content: str | bytes) -> None:
    found = listed(tmp_path, content, "urls_river.txt")
    assert [each.url for each in found] == [A, B]
    assert {each.class_name for each in found} == {"river"}
    assert [each.problem for each in found] == ["", ""]


def test_the_position_is_that_of_the_line(tmp_path: Path) -> None:
    assert [each.position for each in listed(tmp_path, f"# list\n\n{A}\n\n{B}\n")] == [3, 5]
    assert [each.position for each in listed(tmp_path, f"url,label\n{B},sea\n\n{B},sea\n")] == [2, 4]


def test_a_url_with_a_comma_is_not_cut_although_each_line_has_one(tmp_path: Path) -> None:
    lines = [f"https://example.org/w_500,h_{n}/a.jpg" for n in range(30)]
    assert [each.url for each in listed(tmp_path, "\n".join(lines))] == lines


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("urls_river.txt", "river"),
        ("urls_Monte_Rosa_(Dufourspitze).csv", "Monte_Rosa_(Dufourspitze)"),
        ("sea-urls.txt", "sea"),
        ("URL_Dom.csv", "Dom"),
        ("otter.txt", "otter"),
        ("urls.txt", "urls"),
    ],
)
def test_the_name_of_a_list_is_its_class(name: str, class_name: str) -> None:
    assert url_list.class_of_name(Path("lists") / name) == class_name


def test_the_class_comes_from_its_column_then_from_what_was_given(tmp_path: Path) -> None:
    table = f"label,url,licence,page_url\nsea,{B},CC0,https://example.org/1\n,{B},,\n"
    first, second = listed(tmp_path, table, class_name="otter")
    assert (first.class_name, second.class_name) == ("sea", "otter")
    assert (first.credit.licence, first.credit.page_url) == ("CC0", "https://example.org/1")
    chosen = listed(tmp_path, f"a,b,c\n{B},x,sea\n", "t.csv", columns=UrlColumns("a", "c"))
    assert [(each.url, each.class_name) for each in chosen] == [(B, "sea")]
    without = listed(tmp_path, f"{B},river\n{B},sea\n", "t.csv", columns=UrlColumns("1", "2"))
    assert [each.class_name for each in without] == ["river", "sea"]


def test_lines_that_cannot_be_fetched_keep_their_place(tmp_path: Path) -> None:
    found = listed(tmp_path, f"{A}\nx-raw-image:///4ffd\nC:\\photo.jpg\n{B}\n")
    assert [bool(each.problem) for each in found] == [False, True, True, False]
    assert "x-raw-image" in found[1].problem
    assert found[3].position == 4


def test_text_that_no_database_holds_is_replaced(tmp_path: Path) -> None:
    line = '{"url": "https://example.org/\\ud800.jpg", "label": "sea\\udc00"}\n'
    [found] = listed(tmp_path, line, "t.jsonl")
    found.url.encode()
    assert found.url.startswith("https://example.org/")
    (found.class_name or "").encode()


def test_repeated_and_conflicting_urls_are_counted(tmp_path: Path) -> None:
    rows = listed(tmp_path, f"{A}\n{B}\n{A}\nftp://x\n", "urls_river.txt")
    rows += listed(tmp_path, f"{B}\nhttps://example.org/e\n", "urls_sea.txt")
    found = url_list.summary(rows)
    assert (found.n_rows, found.n_unique, found.n_repeated, found.n_bad) == (6, 3, 1, 1)
    assert found.conflicts == {B: ("river", "sea")}
    assert found.n_by_class == {"river": 2, "sea": 2}


@pytest.mark.parametrize("content", ["", "# nothing\n", "name,label\na.jpg,river\n", "\0\1\2"])
def test_a_file_without_urls_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput):
        listed(tmp_path, content)


def test_a_column_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no column 'link'") as caught:
        listed(tmp_path, f"url,label\n{B},sea\n", columns=UrlColumns("link"))
    assert "url, label" in caught.value.remedy


def test_an_image_inside_a_url_is_read_and_a_damaged_one_refused() -> None:
    content = bytes(range(50))
    assert url_list.inline_bytes(f"data:image/png;base64,{base64.b64encode(content).decode()}") == content
    assert url_list.inline_bytes("data:image/svg+xml,%3Csvg%2F%3E") == b"<svg/>"
    with pytest.raises(UnreadableImage):
        url_list.inline_bytes("data:image/png;base64,%%%")


def test_the_lists_of_real_photos_have_the_known_counts(real_data: Path) -> None:
    """Counted with sort and uniq; three lines of the otters have no web address."""
    found = {}
    for file in sorted(real_data.glob("data/otters/urls_*.txt")):
        found[url_list.class_of_name(file)] = list(url_list.read(file))
    counts = {name: url_list.summary(rows) for name, rows in found.items()}
    assert [(each.n_rows, each.n_unique + each.n_bad) for each in counts.values()] == [(400, 400), (400, 398)]
    assert len(url_list.summary([*found["river"], *found["sea"]]).conflicts) == 3
    swiss = [list(url_list.read(file)) for file in sorted(real_data.glob("data/swiss/mountains/*/*.csv"))]
    assert [len(rows) for rows in swiss] == [504, 433, 456, 506, 477]
    assert [url_list.summary(rows).n_unique for rows in swiss] == [504, 433, 456, 493, 475]
    together = url_list.summary(row for rows in swiss for row in rows)
    assert (together.n_unique, len(together.conflicts)) == (2352, 9)
