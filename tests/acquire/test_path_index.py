"""A path in a table finds its file as it was written elsewhere, and never another file by chance."""

import unicodedata

import pytest

from peakid.acquire import path_index
from peakid.acquire.path_index import PathIndex

PATHS = [
    "data/cat/7.jpg",
    "data/dog/7.jpg",
    "data/dog/8.png",
    unicodedata.normalize("NFD", "Säntis/é0.jpg"),
    "a/same.jpg",
    "b/Same.jpg",
    "000001.jpg",
    "upload/otter.jpg",
]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("data\\cat\\7.jpg", "data/cat/7.jpg"),
        ("data\\cat/7.jpg", "data/cat/7.jpg"),
        (".\\data//cat//7.jpg", "data/cat/7.jpg"),
        ("DATA/CAT/7.JPG", "data/cat/7.jpg"),
        ("/data/cat/7.jpg", "data/cat/7.jpg"),
        ("C:\\Users\\someone\\set\\data\\cat\\7.jpg", "data/cat/7.jpg"),
        ("d:/set/data/dog/7.jpg", "data/dog/7.jpg"),
        ("\\\\server\\share\\data\\dog\\7.jpg", "data/dog/7.jpg"),
        ("file:///home/someone/data/dog/7.jpg", "data/dog/7.jpg"),
        ("file:///C:/set/data/dog/7.jpg", "data/dog/7.jpg"),
        ("data/dog/8", "data/dog/8.png"),
        ("Säntis/é0.jpg", unicodedata.normalize("NFD", "Säntis/é0.jpg")),
        ("8", "data/dog/8.png"),
        ("8.png", "data/dog/8.png"),
        ("000001", "000001.jpg"),
        ("a/same.jpg", "a/same.jpg"),
        ("/data/upload/1/otter.jpg", "upload/otter.jpg"),
        ("/data/upload/1/0a1b2c3d-otter.jpg", "upload/otter.jpg"),
        ("/data/local-files/?d=set/data/dog/8.png", None),
        ("/data/local-files/?d=data/dog/8.png", "data/dog/8.png"),
        ("dog/8.png", None),  # A relative path is not cut.
        ("elsewhere/otter.jpg", None),
        ("../data/cat/7.jpg", None),
        ("gone.jpg", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_path_finds_its_file(written: str, found: str | None) -> None:
    assert PathIndex(lambda: PATHS).find(written) == ([] if found is None else [found])


def test_several_files_of_a_name_are_all_returned() -> None:
    assert PathIndex(lambda: PATHS).find("7.jpg") == ["data/cat/7.jpg", "data/dog/7.jpg"]
    assert PathIndex(lambda: PATHS).find("SAME.jpg") == ["a/same.jpg", "b/Same.jpg"]


def test_an_address_is_told_from_a_path() -> None:
    assert path_index.is_address("https://example.org/a.jpg")
    assert path_index.is_address("s3://bucket/a.jpg")
    assert not path_index.is_address("file:///a.jpg")
    assert not path_index.is_address("C:\\a.jpg")
