import pytest

from tests import planted_embeddings

KEYS = {"digest", "name", "n_images", "class_names", "splits", "n_groups", "n_leaks"}


@pytest.fixture
def planted(plant):
    return plant({**{f"d{i:02d}": "dom" for i in range(20)}, **{f"e{i:02d}": "eiger" for i in range(20)}})


def test_a_snapshot_is_created_shown_and_listed(peakid, planted):
    made = peakid("snapshot", "create", "--name", "first", "--actor", "anna", "--json").json
    assert set(made) >= KEYS
    assert (made["name"], made["n_images"], made["class_names"], made["warnings"]) == (
        "first",
        40,
        ["dom", "eiger"],
        [],
    )
    assert made["splits"] == {"train": 28, "valid": 6, "test": 6}
    shown = peakid("snapshot", "show", "first", "--json").json
    assert {key: shown[key] for key in KEYS} == {key: made[key] for key in KEYS}
    assert len(shown["items"]) == 40
    assert set(shown["items"][0]) == {"digest", "path", "label", "split", "group_key"}
    assert shown["items"][0]["path"] in {f"dom/d{i:02d}.jpg" for i in range(20)} | {
        f"eiger/e{i:02d}.jpg" for i in range(20)
    }
    assert [each["digest"] for each in peakid("snapshot", "list", "--json").json] == [made["digest"]]
    assert peakid("snapshot", "show", made["digest"][:6], "--json").json["digest"] == made["digest"]


def test_fractions_and_seed_are_options(peakid, planted):
    made = peakid("snapshot", "create", "--fractions", "0.5,0.25,0.25", "--seed", "3", "--json").json
    assert (made["splits"], made["seed"]) == ({"train": 20, "valid": 10, "test": 10}, 3)


@pytest.mark.parametrize("fractions", ["0.5,0.5", "a,b,c", "0.5,0.5,0.5", "1.5,-0.5,0"])
def test_impossible_fractions_are_refused_in_one_line(peakid, planted, fractions):
    answer = peakid("snapshot", "create", "--fractions", fractions)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert answer.err.count("0.15") == 2  # The remedy shows shares that work.


def test_a_diff_lists_its_images(peakid, planted):
    first = peakid("snapshot", "create", "--json").json["digest"]
    peakid("decide", "label", planted["d00"], "eiger")
    second = peakid("snapshot", "create", "--json").json["digest"]
    changes = peakid("snapshot", "diff", first, second, "--json").json
    assert set(changes) == {"added", "removed", "relabelled", "moved"}
    assert changes["relabelled"] == [
        {"digest": planted["d00"], "path": "dom/d00.jpg", "from": "dom", "to": "eiger"}
    ]
    assert "dom -> eiger" in peakid("snapshot", "diff", first, second).out


def test_leaks_and_damage_are_reported(peakid, planted):
    peakid("snapshot", "create")
    assert peakid("snapshot", "leaks", "--json").json == []
    damaged = peakid("snapshot", "verify")  # The planted images have no bytes.
    assert damaged.code == 1
    assert "40 of 40 images" in damaged.err


def test_a_small_class_is_warned_about_when_it_is_frozen(peakid, plant):
    plant({**{f"d{i}": "dom" for i in range(9)}, "e": "eiger"})
    assert (
        "Warning: Class 'eiger' has 1 image and none in validation or test"
        in peakid("snapshot", "create").out
    )


def test_a_snapshot_without_images_is_refused_in_one_line(peakid, workspace):
    answer = peakid("snapshot", "create")
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "No image is labelled" in answer.err


def test_an_unknown_format_is_a_usage_error(peakid, planted, tmp_path):
    peakid("snapshot", "create")
    assert peakid("snapshot", "write", "tar", tmp_path / "out").code == 2


@pytest.mark.usefixtures("as_idle")
def test_images_that_were_never_compared_are_counted_by_every_command_about_a_snapshot(peakid, fill):
    fill(river=4, sea=4)
    made = peakid("snapshot", "create", "--no-scan", "--json").json
    assert (made["n_compared"], made["n_not_compared"]) == (0, 8)
    assert "8 of 8 images of the snapshot were never compared" in made["warnings"][-1]
    shown = peakid("snapshot", "show", "--json").json
    assert shown["n_not_compared"] == 8
    assert peakid("snapshot", "list", "--json").json[0]["n_not_compared"] == 8
    assert peakid("snapshot", "verify", "--json").json["n_not_compared"] == 8
    leaks = "No leak was found among the 0 compared images; 8 were never compared."
    for command in ("create --no-scan", "show", "verify", "leaks"):
        assert leaks in peakid("snapshot", *command.split()).out
    assert peakid("snapshot", "leaks", "--json").json == []
    assert "never compared" in peakid("snapshot", "leaks", "--json").err
    assert "8 of 8 images of the snapshot were never compared" in peakid("train", "--from-random-weights").err


def test_images_are_compared_before_they_are_frozen(peakid, fill):
    fill(river=4, sea=4)
    made = peakid("snapshot", "create", "--json").json
    assert (made["n_compared"], made["n_not_compared"]) == (8, 0)
    assert (
        peakid("snapshot", "leaks").out == "No leak was found among the 8 images, which were all compared.\n"
    )


def test_create_says_that_changed_copies_were_not_searched_for(peakid, workspace, planted):
    assert "recoloured copies" not in peakid("snapshot", "create").out
    planted_embeddings.plant(workspace, {digest: [1, n] for n, digest in enumerate(planted.values())})
    note = peakid("snapshot", "create").out.splitlines()[-1]
    assert note.startswith(
        "Note: Turned, cropped and recoloured copies were not searched for among 40 images"
    )
    assert note.endswith("Search with: peakid duplicates find --wait")
    assert "recoloured" not in str(peakid("snapshot", "create", "--json").json)
