"""The commands for review, as a terminal runs them."""


def test_a_queue_is_narrowed_and_saved_as_a_view(peakid, plant):
    a, b, _ = plant({"a": "dom", "b": "eiger", "c": "dom"}).values()
    assert [row["digest"] for row in peakid("queue", "all", "--class", "eiger", "--json").json] == [b]
    assert [row["digest"] for row in peakid("queue", "unreviewed", "--text", "dom/a", "--json").json] == [a]
    peakid("views", "save", "northern", "all", "--class", "eiger", "--actor", "anna")
    assert [row["digest"] for row in peakid("queue", "--view", "northern", "--json").json] == [b]
    assert "class_name eiger" in peakid("views", "list").out
    assert peakid("views", "remove", "northern", "--json").json == {"name": "northern"}
    assert peakid("queue", "--view", "northern").code == 1
    assert "too short" in peakid("queue", "all", "--text", "do").err


def test_a_queue_continues_after_a_cursor(peakid, plant):
    digests = list(plant(dict.fromkeys("abc", "dom")).values())
    # No image is in doubt, so the default queue is the unreviewed one.
    first = peakid("queue", "--limit", 2, "--json").json
    rest = peakid("queue", "--limit", 2, "--after", first[-1]["cursor"], "--json").json
    assert [row["digest"] for row in first + rest] == digests
    (row,) = peakid("queues", "--json").json
    assert row == {"queue": "unreviewed", "n": 3, "is_more": False, "minutes": 1}


def test_tags_notes_and_further_classes_are_written_and_undone(peakid, plant):
    a, b = plant({"a": "dom", "b": "eiger"}).values()
    assert peakid("tag", a[:8], b[:8], "snow", "--actor", "anna", "--json").json["n_images"] == 2
    assert peakid("note", a[:8], "two peaks", "--actor", "anna").out == "Set the note of 1 image.\n"
    assert peakid("also", a[:8], "eiger", "--actor", "anna").out == "Added eiger to 1 image.\n"
    (row,) = peakid("queue", "all", "--tag", "snow", "--text", "two peaks", "--json").json
    assert (row["tags"], row["note"], row["also_shows"]) == (["snow"], "two peaks", ["eiger"])
    peakid("tag", a[:8], "snow", "--remove", "--actor", "anna")
    for _ in range(3):  # The removal, the class and the note.
        assert peakid("undo", "--actor", "anna", "--json").json["remarked"] == [a]
    (row,) = peakid("queue", "all", "--class", "dom", "--json").json
    assert (row["tags"], row["note"], row["also_shows"]) == (["snow"], None, [])


def test_an_image_of_two_classes_is_frozen_only_when_asked_for(peakid, fill):
    a, *_ = fill(river=4, lake=4)
    peakid("also", a, "lake")
    assert peakid("snapshot", "create", "--json").json["n_images"] == 7
    assert peakid("snapshot", "create", "--with-several", "--json").json["n_images"] == 8


def test_a_queue_names_the_duplicates_with_another_label(peakid, workspace, plant):
    digests = plant({"a": "dom", "b": "eiger", "c": "dom"})
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO duplicate_pair VALUES (1, 2, 'near', 3, 'now')")
    found = peakid("queue", "conflicts", "--json").json
    assert [(row["digest"], row["twins"]) for row in found] == [
        (digests["a"], [digests["b"]]),
        (digests["b"], [digests["a"]]),
    ]
    assert [row["twins"] for row in peakid("queue", "class:dom", "--json").json] == [[digests["b"]], []]


def test_a_queue_is_counted_by_what_it_is_made_of(peakid, workspace, plant):
    plant({"a": "dom", "b": "dom", "c": "eiger"})
    found = peakid("queue", "all", "--counts", "--json").json
    assert found["values"]["class"] == [{"value": "dom", "n": 2}, {"value": "eiger", "n": 1}]
    assert [each["measure"] for each in found["histograms"]] == ["megapixels"]
    assert peakid("queue", "all", "--counts", "--ranges", "megapixels=1..", "--json").json["n_images"] == 0
    assert "dom" in peakid("queue", "all", "--counts").out
