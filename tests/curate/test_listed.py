"""Judge the images of a list as one step: how lists are read, and that a bad line leaves all as it was."""

import pytest

from peakid.curate import classes, decisions, listed
from peakid.errors import BadInput, NotFound
from peakid.store.workspace import Workspace

ACTOR = "human:anna"


@pytest.fixture
def digests(plant) -> dict[str, str]:
    return plant({"a": "dom", "b": "eiger", "c": None})


def state(workspace: Workspace) -> dict[str, tuple[str, str | None, str]]:
    rows = workspace.query(
        "SELECT i.digest, s.verdict, c.name, s.reason FROM image_state s JOIN image i ON i.id = s.image_id"
        " LEFT JOIN class c ON c.id = s.class_id"
    )
    return {row["digest"]: (row["verdict"], row["name"], row["reason"]) for row in rows}


def test_a_table_says_for_each_image_what_to_decide(workspace, digests) -> None:
    table = (
        "path;label;verdict;reason\r\n"
        "dom/a.jpg;eiger;;\r\n"
        f"{digests['b'][:10]};;EXCLUDE;a map\r\n"
        f"{digests['c']};dom;label;\r\n"
    )
    found = listed.read("list.csv", b"\xef\xbb\xbf" + table.encode())
    step = listed.decide(workspace, found, actor=ACTOR)
    assert step.n_images == 3
    assert state(workspace) == {
        digests["a"]: ("label", "eiger", ""),
        digests["b"]: ("exclude", "eiger", "a map"),
        digests["c"]: ("label", "dom", ""),
    }
    decisions.undo(workspace, actor=ACTOR)
    assert [state(workspace)[digests[name]][1] for name in "abc"] == ["dom", "eiger", None]
    assert len(decisions.steps(workspace)) == 3  # The import, the decision and its undo.


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_lines_of_text_take_one_verdict(workspace, digests, ending) -> None:
    data = ending.join([b"dom/a.jpg", digests["b"].upper().encode(), b"", b"dom/a.jpg", b""])
    step = listed.decide(workspace, listed.read("-", data), verdict="keep", actor=ACTOR)
    assert step.n_images == 2  # An image that is named twice is judged once.
    assert state(workspace)[digests["a"]] == ("label", "dom", "")
    step = listed.decide(workspace, listed.read("-", data), verdict="flag", reason="why", actor=ACTOR)
    assert state(workspace)[digests["b"]] == ("flag", "eiger", "why")


def test_json_lines_and_foreign_names_of_columns_are_read(workspace, digests) -> None:
    lines = '{"filepath": "/photos/dom/a.jpg", "ground_truth": "eiger"}\n'
    found = listed.read("list.jsonl", lines.encode())
    assert listed.decide(workspace, found, actor=ACTOR).n_images == 1
    assert state(workspace)[digests["a"]][1] == "eiger"


def test_every_line_that_cannot_be_used_is_named_and_nothing_is_decided(workspace, digests) -> None:
    table = (
        "digest,verdict,label,reason\n"
        f"{digests['a']},,eiger,\n"
        f"{digests['b']},,eigr,\n"
        "ffff,flag,,\n"
        f"{digests['c']},keep,,\n"
        f"{digests['a']},exclude,,late\n"
    )
    before = state(workspace)
    with pytest.raises(BadInput) as raised:
        listed.decide(workspace, listed.read("list.csv", table.encode()), actor=ACTOR)
    message = str(raised.value.message)
    assert message.startswith("4 of 5 lines cannot be used, and nothing was decided:")
    assert "line 3: There is no class 'eigr'. Did you mean 'eiger'?" in message
    assert "line 4: no image has the digest or path ffff" in message
    assert "line 5: the image has no label that could be kept" in message
    assert "line 6: it says something else of the image of line 2" in message
    assert state(workspace) == before


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{a},exclude,,", "excluding an image needs a reason"),
        ("{a},label,,", "the class is missing"),
        ("{a},,,", "it has neither a verdict nor a label"),
        ("{a},delete,,", "unknown verdict delete"),
        (",flag,,", "it names no image"),
        ("{a},flag,,why,more", "line 2: .*cells"),
    ],
)
def test_a_line_that_lacks_something_says_what(workspace, digests, row, problem) -> None:
    table = "digest,verdict,label,reason\n" + row.format(a=digests["a"]) + "\n"
    with pytest.raises(BadInput, match=problem):
        listed.decide(workspace, listed.read("list.csv", table.encode()), actor=ACTOR)


def test_a_shortened_digest_that_fits_several_images_says_so(workspace, plant) -> None:
    plant({"a": "dom", "b": "dom"})
    with workspace.transaction() as connection:
        connection.execute("UPDATE image SET digest = '12345678' || substr(digest, 9)")
    with pytest.raises(BadInput, match="several images start with"):
        listed.decide(workspace, listed.read("-", b"12345678"), verdict="flag", actor=ACTOR)


def test_a_number_is_not_taken_for_the_start_of_a_digest(workspace, digests) -> None:
    """A list of ids of another tool must not judge whichever image has a digest that begins like one."""
    short = digests["a"][: listed.LEAST_DIGITS - 1]
    for data in (short.encode(), f"path,label\n{short},eiger\n".encode()):
        with pytest.raises(BadInput, match=f"no image has the digest or path {short}"):
            listed.decide(workspace, listed.read("-", data), verdict="flag", actor=ACTOR)
    assert state(workspace)[digests["a"]][0] == "label"


def test_a_list_without_images_or_without_a_column_for_them_is_refused(workspace, digests) -> None:
    for data in (b"", b"\n\n", b"digest,label\n"):
        with pytest.raises(BadInput, match="lists no image"):
            listed.read("list.csv", data)
    with pytest.raises(BadInput, match="no column digest or path: it has colour, label"):
        listed.read("list.csv", b"colour,label\nred,dom\n")
    with pytest.raises(BadInput, match="no column digest or path"):
        listed.read("list.jsonl", b'{"colour": "red"}\n')


def test_an_unknown_class_for_all_images_is_refused_once(workspace, digests) -> None:
    found = listed.read("-", "\n".join(digests.values()).encode())
    with pytest.raises(NotFound, match="eigr"):
        listed.decide(workspace, found, verdict="label", label="eigr", actor=ACTOR)


def test_a_renamed_class_and_a_retired_one_are_treated_as_for_one_image(workspace, digests) -> None:
    classes.rename(workspace, "eiger", "Eiger")
    found = listed.read("list.csv", f"digest,label\n{digests['a']},Eiger\n".encode())
    listed.decide(workspace, found, actor=ACTOR)
    assert state(workspace)[digests["a"]][1] == "Eiger"
    classes.retire(workspace, "dom")
    found = listed.read("list.csv", f"digest,label\n{digests['c']},dom\n".encode())
    with pytest.raises(BadInput, match="line 2: The class 'dom' is retired"):
        listed.decide(workspace, found, actor=ACTOR)
