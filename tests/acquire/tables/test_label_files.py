"""Label files of other tools are read if they have one class per image; else the error says what to give."""

import json

import pytest

from peakid.acquire.tables import reader, rows
from peakid.errors import BadInput


def read(content: object, name: str = "labels.json") -> list[tuple[str, str | None, str]]:
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    sheet = reader.read_bytes(name, data)
    found = rows.read(sheet, rows.columns_of(name, sheet))
    return [(row.path, row.label, row.problem) for row in found]


def test_label_studio_json_is_read() -> None:
    def task(path: str, *results: dict) -> dict:
        return {"data": {"image": path}, "annotations": [{"result": list(results)}]}

    cat = {"type": "choices", "value": {"choices": ["cat"]}}
    both = {"type": "choices", "value": {"choices": ["cat", "dog"]}}
    box = {"type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["cat"]}}
    tasks = [task("/data/upload/1/a.jpg", cat), task("b.jpg", both), task("c.jpg", box), task("d.jpg")]
    assert read([*tasks, "e"]) == [
        ("/data/upload/1/a.jpg", "cat", ""),
        ("", None, "has 2 classes: cat, dog"),
        ("", None, "has rectanglelabels, not a class"),
        ("d.jpg", None, ""),
        ("", None, "is not a task of Label Studio"),
    ]


def test_label_studio_csv_and_its_short_json_are_read() -> None:
    assert read(
        'image,id,choice\n/data/upload/1/a.jpg,1,cat\nb.jpg,2,"{""choices"": [""dog""]}"\n', "a.csv"
    ) == [
        ("/data/upload/1/a.jpg", "cat", ""),
        ("b.jpg", "dog", ""),
    ]
    assert read([{"image": "a.jpg", "id": 1, "choice": "cat"}]) == [("a.jpg", "cat", "")]


def test_an_image_classification_dataset_of_fiftyone_is_read() -> None:
    document = {"classes": ["cat", "dog"], "labels": {"000001": 1, "000002": None, "000003": 7, "000004": -1}}
    assert read(document) == [
        ("000001", "dog", ""),
        ("000002", None, ""),
        ("", None, "has class 7; the classes are 0 to 1"),
        ("", None, "has class -1; the classes are 0 to 1"),
    ]


def test_a_dataset_of_fiftyone_is_read() -> None:
    sample = {"filepath": "data/1.jpg", "ground_truth": {"_cls": "Classification", "label": "cat"}}
    assert read({"samples": [sample]}) == [("data/1.jpg", "cat", "")]


def test_a_coco_file_is_read_where_an_image_has_one_category() -> None:
    document = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in (1, 2, 3, 4)],
        "annotations": [
            {"image_id": image, "category_id": category}
            for image, category in [(1, 5), (1, 5), (2, 5), (2, 6), (3, 9)]
        ],
        "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    }
    assert read(document) == [
        ("1.jpg", "cat", ""),
        ("", None, "has 2 classes: cat, dog"),
        ("", None, "has a category that the file does not define"),
        ("4.jpg", None, ""),
    ]


def test_an_object_of_paths_and_classes_is_read_and_one_of_class_names_is_not() -> None:
    assert read({"a.jpg": "cat", "b/c.png": "dog"}) == [("a.jpg", "cat", ""), ("b/c.png", "dog", "")]
    with pytest.raises(BadInput, match="has the columns 1, 2"):
        read({"1": "pink primrose", "2": "globe thistle"})


def test_a_column_of_0_and_1_for_each_class_is_read() -> None:
    """As Roboflow writes `_classes.csv`, with a blank after each comma."""
    content = "filename, cat, dog\na.jpg, 1, 0\nb.jpg, 1, 1\nc.jpg, 0, 0\nd.jpg, 0, 2\n"
    assert read(content.replace("d.jpg, 0, 2", "d.jpg, 0, 1"), "_classes.csv") == [
        ("a.jpg", "cat", ""),
        ("", None, "has 2 classes: cat, dog"),
        ("c.jpg", None, ""),
        ("d.jpg", "dog", ""),
    ]
    with pytest.raises(BadInput, match="has the columns filename, cat, dog"):
        read(content, "_classes.csv")


def test_a_two_after_the_first_rows_is_a_problem_of_its_row() -> None:
    content = "filename,cat,dog\n" + "a.jpg,1,0\n" * 20 + "b.jpg,0,2\n"
    assert read(content, "_classes.csv")[-1] == ("", None, "has '2' in the column dog; it holds 0 or 1")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"shapes": [{"label": "cat"}], "imagePath": "a.jpg"}', "a JSON document with the keys shapes"),
        (b"<annotation><filename>a.jpg</filename></annotation>", "it is XML or HTML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>', "it is XML or HTML"),
        (b"PK\x03\x04...", "it is a zip archive or an Excel workbook"),
        (b"\xd0\xcf\x11\xe0...", "it is an old Excel workbook"),
        (b"\x1f\x8b...", "it is a gzip archive"),
        (b"SQLite format 3\x00", "it is an SQLite database"),
        (b"\xff\xd8\xff\xe0", "it is an image"),
        (b"[1, 2", "it is not JSON"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"7", "a JSON document without labels"),
    ],
)
def test_a_file_without_classes_is_an_error_that_says_what_it_is_and_what_to_give(
    data: bytes, what: str
) -> None:
    with pytest.raises(BadInput) as raised:
        reader.read_bytes("labels.json", data)
    assert what in raised.value.message
    assert raised.value.remedy


def test_half_a_surrogate_pair_in_a_name_is_an_error_that_can_be_printed() -> None:
    for content in ('{"\\ud800s": [], "b": {}}', '[{"\\ud800": 1}]'):
        with pytest.raises(BadInput) as raised:
            read(content)
        assert str(raised.value).encode()
    document = {"classes": ["cat", "\ud800"], "labels": {"1": 1, "2": [0, 1]}}
    assert read(document) == [
        ("1", r"\ud800", ""),
        ("", None, r"has 2 classes: cat, \ud800"),
    ]
