"""The categories of the map: what each point is coloured by, and what is not told about test images."""

import pytest

from peakid.curate import classes, decisions, image_issues
from peakid.embed import layouts
from peakid.records import Choice
from peakid.suggest import map_colours
from tests import planted_embeddings

ANNA = "human:anna"


@pytest.fixture
def layout_id(workspace, digests):
    vectors = {digest: [1.0, n, -n] for n, digest in enumerate(digests.values())}
    return layouts.pca(workspace, planted_embeddings.plant(workspace, vectors).set_id).layout_id


@pytest.fixture
def digests(workspace, plant):
    """Images a, b: dom; c: eiger; d: no label."""
    return plant({"a": "dom", "b": "dom", "c": "eiger", "d": None})


def names(workspace, layout_id, colour_by):
    """The category of each point by its name."""
    found = map_colours.colouring(workspace, layout_id, colour_by)
    assert sum(each.n for each in found.categories) == len(found.codes)
    return [found.categories[code].name for code in found.codes]


def test_labels_colour_the_points_in_key_order_with_excluded_images_apart(workspace, digests, layout_id):
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="blurred")], actor=ANNA)
    found = map_colours.colouring(workspace, layout_id, "label")
    assert [(each.name, each.n) for each in found.categories] == [
        ("dom", 1),
        ("eiger", 1),
        ("no label", 1),
        ("excluded", 1),
    ]
    assert names(workspace, layout_id, "label") == ["dom", "excluded", "eiger", "no label"]


def test_a_class_named_like_a_category_is_a_class(workspace, digests, layout_id):
    classes.rename(workspace, "dom", "excluded")
    found = map_colours.colouring(workspace, layout_id, "label")
    assert [(each.name, each.kind) for each in found.categories[:1]] == [("excluded", "class")]
    assert found.categories[found.codes[0]].kind == "class"


def test_predictions_of_test_images_are_hidden(workspace, digests, layout_id, add_run_with):
    add_run_with(digests, ("a", "valid", "dom", "eiger"), ("b", "test", "dom", "eiger"))
    assert names(workspace, layout_id, "prediction") == [
        "eiger",
        "test image: hidden",
        "no prediction",
        "no prediction",
    ]


def test_predictions_follow_a_renamed_class(workspace, digests, layout_id, add_run_with):
    add_run_with(digests, ("a", "valid", "dom", "eiger"))
    classes.rename(workspace, "eiger", "ogre")
    assert names(workspace, layout_id, "prediction")[0] == "ogre"


def test_splits_are_those_of_the_newest_snapshot(workspace, digests, layout_id, add_run_with):
    add_run_with(digests)
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO snapshot_item VALUES (1, 1, 'dom', 'test', '')")
    assert names(workspace, layout_id, "split") == ["test", "none", "none", "none"]


def test_the_worst_issue_of_an_image_colours_it(workspace, digests, layout_id):
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO image_issue_score VALUES (?, ?, ?)",
            [("dark", 0.1, 1), ("tiny", 0.1, 1), ("dark", 0.5, 2), ("low_information", 0.1, 3)],
        )
    assert names(workspace, layout_id, "issue") == ["tiny", "none", "low information", "none"]


def test_sources_are_told_apart_by_folder(workspace, digests, layout_id):
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO root (path, is_in_place, created_at) VALUES ('/photos/alps', 0, 'now')"
        )
        connection.execute("UPDATE origin SET root_id = 1 WHERE image_id < 3")
    assert names(workspace, layout_id, "source") == ["folder: alps", "folder: alps", "folder", "folder"]


def test_only_what_the_images_have_is_offered(workspace, digests, layout_id, add_run_with):
    assert map_colours.available(workspace) == ["label", "issue", "source"]
    add_run_with(digests, ("a", "valid", "dom", "eiger"))
    assert map_colours.available(workspace) == ["label", "prediction", "split", "issue", "source"]


def test_without_suggestions_every_point_has_none(workspace, digests, layout_id):
    if workspace.one("SELECT 1 FROM sqlite_master WHERE name = 'suggestion'"):
        assert map_colours.colouring(workspace, layout_id, "suggestion").codes.shape == (4,)
    assert names(workspace, layout_id, "suggestion") == ["none"] * 4
    assert names(workspace, layout_id, "suspicion") == ["no label"] * 4


def test_suggestions_of_test_images_are_hidden_and_suspicion_is_in_bands(workspace, digests, layout_id):
    with workspace.transaction() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS suggestion (image_id INTEGER PRIMARY KEY, given_class_id INTEGER,"
            " suggested_class_id INTEGER, confidence REAL, label_quality REAL, is_issue INTEGER)"
        )
        connection.executemany(
            "INSERT INTO suggestion (image_id, given_class_id, suggested_class_id, confidence, label_quality,"
            " is_issue) VALUES (?, ?, ?, 0.9, ?, 0)",
            [(1, 1, 2, 0.05), (2, 1, 1, 0.95), (4, None, 1, None)],
        )
        connection.execute("INSERT INTO split_assignment VALUES (0, 1, 'test')")
    assert names(workspace, layout_id, "suggestion") == ["test image: hidden", "dom", "none", "dom"]
    low, high = "quality 0 to 0.1", "quality 0.8 to 1"
    assert names(workspace, layout_id, "suspicion") == [low, high, "no label", "no label"]


def test_the_version_changes_with_a_judgement(workspace, digests, layout_id):
    before = map_colours.version(workspace, "label")
    assert map_colours.version(workspace, "label") == before
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    assert map_colours.version(workspace, "label") != before


@pytest.fixture
def add_run_with(workspace):
    """Add a finished run with predictions: `add_run_with(digests, ("a", "valid", "dom", "eiger"))`."""

    def added(digests, *predictions):
        with workspace.transaction() as connection:
            connection.execute(
                "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups,"
                " n_leaks, n_unreviewed, actor, created_at, frozen_at)"
                " VALUES (?, 's', 0, '{}', '[]', 2, 2, 0, 2, 'x', 'now', 'now')",
                ("0" * 64,),
            )
            run_id = connection.execute(
                "INSERT INTO run (snapshot_id, state, recipe, class_names, seed, code_version,"
                " libraries, created_at) VALUES (1, 'done', '{}', '[]', 0, '', '{}', 'now')"
            ).lastrowid
            for name, split, given, predicted in predictions:
                connection.execute(
                    "INSERT INTO prediction SELECT ?, id, ?, ?, ?, 0.9, 1 FROM image WHERE digest = ?",
                    (run_id, split, given, predicted, digests[name]),
                )
        return run_id

    return added


def test_of_several_issues_the_worst_kind_colours_an_image(workspace, digests, layout_id):
    worst, other = image_issues.WORST_FIRST[0], image_issues.WORST_FIRST[-1]
    limits = image_issues.thresholds(workspace)
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO image_issue_score (kind, score, image_id) VALUES (?, ?, ?)",
            [
                (other, 0.5 * limits[other], 1),
                (worst, 0.9 * limits[worst], 1),
                (other, 0.1 * limits[other], 2),
                (worst, limits[worst], 2),  # Not below its limit.
            ],
        )
    shown = [kind.replace("_", " ") for kind in (worst, other)]
    assert names(workspace, layout_id, "issue") == [*shown, "none", "none"]


@pytest.mark.parametrize("colour_by", map_colours.COLOURS_BY)
def test_images_by_id_have_the_categories_of_their_points_in_the_same_order(
    workspace, digests, layout_id, colour_by
):
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="blurred")], actor=ANNA)
    whole = map_colours.colouring(workspace, layout_id, colour_by)
    some = map_colours.colouring(workspace, layout_id, colour_by, image_ids=[2, 3, 4])
    assert some.codes.tolist() == whole.codes.tolist()[1:]
