"""A layout as a table: one line for each image, in CSV and Parquet; nothing is overwritten."""

import csv

import pytest

from peakid.embed import layouts
from peakid.errors import BadInput
from peakid.suggest import map_table
from tests import planted_embeddings


@pytest.fixture
def layout(workspace, plant):
    digests = plant({"a": "dom", 'b,"': "dom", "c": None})
    vectors = {digest: [1.0, n, -n] for n, digest in enumerate(digests.values())}
    return layouts.pca(workspace, planted_embeddings.plant(workspace, vectors).set_id)


def test_a_table_has_the_place_and_the_category_of_each_image(workspace, layout, tmp_path):
    path = map_table.write(workspace, layout, tmp_path / "map.csv", colour_by="label")
    with path.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["path"] for row in rows] == ["dom/a.jpg", 'dom/b,".jpg', "None/c.jpg"]
    assert [(row["label"], row["category"]) for row in rows] == [("dom", "dom")] * 2 + [("", "no label")]
    assert {abs(float(rows[0]["x"])), abs(float(rows[2]["x"]))} == {1.0}


def test_a_table_can_be_parquet(workspace, layout, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = map_table.write(workspace, layout, tmp_path / "map.parquet")
    table = parquet.read_table(path)
    assert table.column_names == list(map_table.COLUMNS)
    assert table.num_rows == 3


def test_a_file_is_not_overwritten_and_other_formats_are_refused(workspace, layout, tmp_path):
    (tmp_path / "map.csv").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        map_table.write(workspace, layout, tmp_path / "map.csv")
    with pytest.raises(BadInput, match=r"neither \.csv nor \.parquet"):
        map_table.check(tmp_path / "map.xlsx")
