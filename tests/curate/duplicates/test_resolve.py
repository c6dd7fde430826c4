"""Duplicate groups: which are open, their order, what a choice does, and undo."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.curate import decisions
from peakid.curate.duplicates import duplicate_groups, find, image_search, resolve
from peakid.errors import AmbiguousDigest, BadInput, NotFound
from peakid.imaging import inspection
from peakid.records import Choice
from peakid.store import images
from peakid.store.workspace import Workspace

ACTOR = "human:anna"
Put = Callable[[Mapping[str, bytes]], dict[str, str]]


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    rng = np.random.default_rng(seed)
    layers = [
        Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        for n in (3, 6, 12, 24)
    ]
    return Image.fromarray(
        np.mean([np.asarray(layer, dtype=float) for layer in layers], axis=0).astype(np.uint8)
    )


def encoded(image: Image.Image, format: str = "JPEG", quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, format, quality=quality)
    return out.getvalue()


def same_pixels(data: bytes) -> bytes:
    return encoded(Image.open(io.BytesIO(data)), "PNG")


@pytest.fixture
def put(workspace: Workspace, tmp_path: Path) -> Put:
    """Import and scan files by path; answers digests by path."""

    def placed(files: Mapping[str, bytes]) -> dict[str, str]:
        for path, data in files.items():
            (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "photos" / path).write_bytes(data)
        folder.import_folder(workspace, tmp_path / "photos", actor=ACTOR)
        find.scan(workspace)
        return {path: inspection.digest_of(data) for path, data in files.items()}

    return placed


def waiting(workspace: Workspace) -> list[duplicate_groups.DuplicateGroup]:
    return [group for group in duplicate_groups.list_groups(workspace) if not group.is_settled]


def verdicts(workspace: Workspace, digests: Sequence[str]) -> list[str]:
    return [
        workspace.query("SELECT verdict FROM image JOIN image_state ON image_id = id WHERE digest = ?", (d,))[
            0
        ][0]
        for d in digests
    ]


def test_conflicting_labels_come_first_then_exact_then_near(workspace: Workspace, put: Put) -> None:
    jpeg = encoded(photo(2))
    put(
        {
            "sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(1, (160, 120))),
            "sea/3.jpg": jpeg, "sea/4.png": same_pixels(jpeg),
            "river/5.jpg": encoded(photo(3)), "sea/5.jpg": encoded(photo(3), quality=50),
        }
    )  # fmt: skip
    groups = waiting(workspace)
    assert [(group.kind, group.is_conflicting) for group in groups] == [
        ("near", True),
        ("exact", False),
        ("near", False),
    ]
    assert duplicate_groups.n_waiting(workspace) == 3


def test_the_largest_is_the_best_and_the_others_have_their_distance(workspace: Workspace, put: Put) -> None:
    found = put({"sea/1.jpg": encoded(photo(1, (160, 120))), "sea/2.jpg": encoded(photo(1))})
    best, other = waiting(workspace)[0].images
    assert (best.digest, best.is_best, best.distance) == (found["sea/2.jpg"], True, 0)
    assert (other.digest, other.is_best) == (found["sea/1.jpg"], False)
    assert 0 <= other.distance <= 16
    compressed = duplicate_groups.list_groups(workspace, rule="compressed")[0].images[0]
    assert compressed.bits_per_pixel >= best.bits_per_pixel


def test_keeping_one_excludes_the_others_in_one_step_that_undo_reverses(
    workspace: Workspace, put: Put
) -> None:
    found = put({f"sea/{n}.jpg": encoded(photo(1), quality=n) for n in (40, 60, 90)})
    a, b, c = found.values()
    step = resolve.keep(workspace, b, {a: -1, c: -1}, actor=ACTOR)
    assert verdicts(workspace, [a, b, c]) == ["exclude", "label", "exclude"]
    assert {decision.reason for decision in step.decisions} == {f"duplicate of {b[:12]}"}
    assert waiting(workspace) == []
    decisions.undo(workspace, actor=ACTOR)
    assert verdicts(workspace, [a, b, c]) == ["label"] * 3
    assert len(waiting(workspace)) == 1


def test_an_action_delivered_twice_is_written_once(workspace: Workspace, put: Put) -> None:
    a, b = put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(1), quality=50)}).values()
    for _ in range(2):
        resolve.keep(workspace, a, {b: -1}, label="sea", actor=ACTOR, event_id="e1")
    assert (
        len([row for row in decisions.log(workspace) if row.actor == ACTOR and row.verdict == "exclude"]) == 1
    )
    decisions.undo(workspace, actor=ACTOR)
    for _ in range(2):
        resolve.not_duplicates(workspace, [a, b], actor=ACTOR, event_id="e2")
    assert len(workspace.query("SELECT 1 FROM pair_judgement")) == 1


def test_a_conflict_is_resolved_by_keeping_the_right_label(workspace: Workspace, put: Put) -> None:
    found = put({"river/1.jpg": encoded(photo(1)), "sea/1.jpg": encoded(photo(1), quality=50)})
    a, b = found["river/1.jpg"], found["sea/1.jpg"]
    with pytest.raises(BadInput, match="duplicates with different labels"):
        resolve.keep_all(workspace, [a, b], actor=ACTOR)
    resolve.keep(workspace, b, {a: -1}, label="sea", actor=ACTOR)
    assert waiting(workspace) == []
    assert decisions.log(workspace, digest=b)[0].label == "sea"


def test_the_same_bytes_in_two_classes_are_open_until_a_person_decides(
    workspace: Workspace, put: Put
) -> None:
    digest = put({"river/1.jpg": encoded(photo(1)), "sea/1.jpg": encoded(photo(1))})["sea/1.jpg"]
    (group,) = waiting(workspace)
    assert (group.kind, group.is_conflicting) == ("copy", True)
    assert [(image.path, image.label) for image in group.images] == [
        ("river/1.jpg", "river"),
        ("sea/1.jpg", "sea"),
    ]
    resolve.keep(workspace, digest, {}, label="sea", actor=ACTOR)
    assert waiting(workspace) == []


def test_the_rule_is_previewed_and_skips_conflicts(workspace: Workspace, put: Put) -> None:
    one, two = encoded(photo(1)), encoded(photo(2))
    put({"sea/1.jpg": one, "sea/1.png": same_pixels(one), "sea/2.jpg": two, "river/2.png": same_pixels(two)})
    planned = resolve.plan(workspace)
    assert (len(planned.kept), len(planned.excluded), len(planned.skipped)) == (1, 1, 1)
    step = resolve.keep_best(workspace, actor=ACTOR)
    assert [row.digest for row in step.decisions] == [planned.excluded[0][0].digest]
    assert [group.is_conflicting for group in waiting(workspace)] == [True]


def test_pairs_judged_as_different_are_not_proposed_again_until_undo(workspace: Workspace, put: Put) -> None:
    a, b = put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(1), quality=50)}).values()
    resolve.not_duplicates(workspace, [a, b], actor=ACTOR)
    with workspace.transaction() as connection:
        connection.execute("UPDATE image SET compared_with = NULL")
    find.scan(workspace)
    assert waiting(workspace) == []
    decisions.undo(workspace, actor=ACTOR)
    assert len(waiting(workspace)) == 1


def test_the_same_pixels_cannot_be_judged_as_different(workspace: Workspace, put: Put) -> None:
    jpeg = encoded(photo(1))
    found = put({"sea/1.jpg": jpeg, "sea/2.png": same_pixels(jpeg)})
    with pytest.raises(BadInput, match="same pixels"):
        resolve.not_duplicates(workspace, list(found.values()), actor=ACTOR)
    resolve.keep_all(workspace, list(found.values()), actor=ACTOR)
    assert waiting(workspace) == []
    assert len(set(find.groups(workspace).values())) == 1  # Both are kept, and share a split.


def test_the_last_image_of_a_group_cannot_be_excluded(workspace: Workspace, put: Put) -> None:
    a, b = put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(1), quality=50)}).values()
    decisions.decide(workspace, [Choice(a, "exclude", reason="blurred")], actor=ACTOR)
    with pytest.raises(BadInput, match="would leave no image"):
        resolve.keep(workspace, a, {b: -1}, actor=ACTOR)


def test_judgements_of_others_made_meanwhile_are_kept(workspace: Workspace, put: Put) -> None:
    a, b = put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(1), quality=50)}).values()
    seen = {image.digest: image.decision_id for image in waiting(workspace)[0].images}
    decisions.decide(workspace, [Choice(b, "flag")], actor="human:ben")
    step = resolve.keep(workspace, a, {b: seen[b]}, actor=ACTOR)
    assert (step.conflicts, verdicts(workspace, [b])) == ([b], ["flag"])


def test_a_chain_is_shown_in_parts_and_splits_as_one(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    digests = plant(dict.fromkeys("abcde", "sea"))
    ids = {name: images.show(workspace, digest).image_id for name, digest in digests.items()}
    with workspace.transaction() as connection:  # a - b - c - d - e: the ends are not a pair.
        connection.executemany(
            "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at)"
            " VALUES (?, ?, 'near', 20, 't')",
            [(ids[one], ids[other]) for one, other in ("ab", "bc", "cd", "de")],
        )
    assert sorted(len(group.images) for group in waiting(workspace)) == [2, 3]
    assert len(set(find.groups(workspace).values())) == 1


def test_groups_across_imported_splits_are_marked(workspace: Workspace, put: Put) -> None:
    put({"train/sea/1.jpg": encoded(photo(1)), "test/sea/1.jpg": encoded(photo(1), quality=50)})
    assert [group.is_across_splits for group in waiting(workspace)] == [True]


def test_a_group_is_found_by_the_beginning_of_its_key(workspace: Workspace, put: Put) -> None:
    put(
        {
            f"sea/{seed}-{quality}.jpg": encoded(photo(seed), quality=quality)
            for seed in range(20)
            for quality in (50, 90)
        }
    )
    key = waiting(workspace)[0].group_key
    assert duplicate_groups.find(workspace, key[:12].upper()).group_key == key
    with pytest.raises(NotFound):
        duplicate_groups.find(workspace, "zz")
    firsts = [group.group_key[0] for group in waiting(workspace)]
    with pytest.raises(AmbiguousDigest):  # Twenty keys, sixteen digits.
        duplicate_groups.find(workspace, max(firsts, key=firsts.count))


def test_a_picture_is_found_by_its_bytes_and_by_its_hashes(workspace: Workspace, put: Put) -> None:
    found = put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(2))})
    assert [(twin.digest, twin.kind) for twin in image_search.search(workspace, encoded(photo(1)))] == [
        (found["sea/1.jpg"], "copy")
    ]
    turned = encoded(photo(2).transpose(Image.Transpose.ROTATE_90).resize((120, 160)))
    assert [(twin.path, twin.kind) for twin in image_search.search(workspace, turned)] == [
        ("sea/2.jpg", "near")
    ]
    assert image_search.search(workspace, encoded(photo(3))) == []


def test_images_are_found_by_hashes_of_the_imagehash_package(workspace: Workspace, put: Put) -> None:
    put({"sea/1.jpg": encoded(photo(1)), "sea/2.jpg": encoded(photo(2))})
    small = photo(2).resize((120, 90))
    found = image_search.search_hashes(
        workspace, phash=imagehash.phash(small), dhash=imagehash.dhash(small), max_bits=24
    )
    assert [each.path for each in found] == ["sea/2.jpg"]
    other = photo(3)
    hashes = {"phash": imagehash.phash(other), "dhash": imagehash.dhash(other)}
    assert image_search.search_hashes(workspace, **hashes) == []
    assert len(image_search.search_hashes(workspace, **hashes, max_bits=128)) == 2


def test_cached_groups_equal_those_built_from_scratch(workspace: Workspace, put: Put) -> None:
    digests = put(
        {
            f"{('a', 'b')[q % 2]}/{n}-{q}.jpg": encoded(photo(n), quality=q)
            for n in range(4)
            for q in (40, 65, 90)
        }
    )
    at = list(digests.values())
    acts: list[Callable[[], object]] = [
        lambda: resolve.keep(workspace, at[0], {at[1]: -1}, label="a", actor=ACTOR),
        lambda: resolve.not_duplicates(workspace, at[3:6], actor=ACTOR),
        lambda: decisions.decide(
            workspace,
            [
                Choice(at[6], "exclude", reason="blurred"),
                Choice(at[9], "label", "a"),
                Choice(at[10], "label", "a"),
            ],
            actor=ACTOR,
        ),
        lambda: decisions.undo(workspace, actor=ACTOR),
        lambda: resolve.keep_best(workspace, kinds=("near",), actor=ACTOR),
        lambda: decisions.undo(workspace, actor=ACTOR),
        lambda: put(
            {"c/new.jpg": encoded(photo(2), quality=50), "a/copy.jpg": encoded(photo(1), quality=40)}
        ),
    ]
    for act in acts:
        act()
        anew = Workspace(workspace.path)  # Without cached groups.
        assert duplicate_groups.list_groups(workspace) == duplicate_groups.list_groups(anew)
        assert duplicate_groups.n_waiting(workspace) == duplicate_groups.n_waiting(anew) == len(waiting(anew))
        anew.close()
