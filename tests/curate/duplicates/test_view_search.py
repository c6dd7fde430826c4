"""The search for copies by views: what it compares, what it stores, and where it continues."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.curate.duplicates import find, proposals, proposed_groups, view_search
from peakid.embed import stored
from peakid.imaging import views
from peakid.imaging.overlay import Overlay
from peakid.store.workspace import Workspace

ACTOR = "human:anna"
N_VALUES = 4


def photo(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (3 * n, 4 * n, 3), dtype=np.uint8)).resize(
                (256, 192), Image.Resampling.BICUBIC
            ),
            dtype=np.float32,
        )
        for n in (2, 4, 8, 16)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


@pytest.fixture
def put(workspace: Workspace, tmp_path: Path) -> Callable[..., None]:
    def placed(**pictures: Image.Image) -> None:
        for name, picture in pictures.items():
            out = io.BytesIO()
            picture.save(out, "PNG")
            (tmp_path / "photos").mkdir(exist_ok=True)
            (tmp_path / "photos" / f"{name}.png").write_bytes(out.getvalue())
        folder.import_folder(workspace, tmp_path / "photos", actor=ACTOR)

    return placed


def embed(workspace: Workspace, vectors: Sequence[Sequence[float]]) -> int:
    """Store the same vector for every view of the images that have none."""
    n_views = len(views.NAMES)
    known = stored.create(
        workspace, "views", size_px=8, weights_sha256="", n_dimensions=n_views * N_VALUES, n_views=n_views
    )
    left = [image_id for image_id, _ in stored.missing(workspace, known.set_id)]
    rows = np.tile(np.array(vectors, dtype=np.float32).reshape(-1, N_VALUES), n_views)
    stored.add(workspace, known.set_id, left, rows)
    return known.set_id


ALIKE, OTHER = (1, 0, 0, 0), (0, 1, 0, 0)


def test_a_turned_copy_is_proposed_and_a_stranger_with_the_same_vectors_is_not(
    workspace: Workspace, put: Callable[..., None]
) -> None:
    put(a=photo(1), b=photo(1).rotate(35, Image.Resampling.BICUBIC), c=photo(2))
    set_id = embed(workspace, [ALIKE, ALIKE, ALIKE])
    told: list[tuple[str, int, int]] = []
    found = view_search.search(
        workspace, set_id, report=lambda phase, step, total, _: told.append((phase, step, total))
    )
    assert (found.n_compared, found.n_pairs, found.n_strong, found.n_proposed) == (3, 3, 1, 0)
    (proposal,) = proposals.read(workspace)
    assert (proposal.pair, proposal.strength) == ((1, 2), "strong")
    assert proposal.similarity == pytest.approx(1)
    assert told == [("Comparing views", 3, 3)]


def test_the_next_search_looks_at_new_images_only(workspace: Workspace, put: Callable[..., None]) -> None:
    put(a=photo(1), b=photo(2))
    assert view_search.search(workspace, embed(workspace, [ALIKE, ALIKE])).n_compared == 2
    put(c=photo(2).rotate(30, Image.Resampling.BICUBIC))
    found = view_search.search(workspace, embed(workspace, [ALIKE]))
    assert (found.n_compared, found.n_pairs, found.n_strong) == (1, 2, 1)
    assert [group.images[0].image_id for group in proposed_groups.list_groups(workspace)] == [2]
    assert view_search.search(workspace, embed(workspace, [])).n_compared == 0


def test_images_with_other_vectors_and_those_that_hashes_found_are_not_compared(
    workspace: Workspace, put: Callable[..., None]
) -> None:
    put(a=photo(1), b=photo(1).resize((128, 96)), c=photo(1).rotate(35))
    find.scan(workspace)  # Finds that the first two are one picture.
    found = view_search.search(workspace, embed(workspace, [ALIKE, ALIKE, OTHER]))
    assert (found.n_compared, found.n_pairs) == (3, 0)


def test_a_search_that_is_stopped_keeps_what_it_has_and_continues(
    workspace: Workspace, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_search, "CHUNK", 1)
    put(a=photo(1), b=photo(1).rotate(35, Image.Resampling.BICUBIC), c=photo(2))
    set_id = embed(workspace, [ALIKE, ALIKE, ALIKE])
    asked = iter([False, True])
    first = view_search.search(workspace, set_id, should_stop=lambda: next(asked))
    assert (first.n_compared, len(proposals.read(workspace))) == (1, 1)
    second = view_search.search(workspace, set_id)
    assert (second.n_compared, len(proposals.read(workspace))) == (2, 1)


@pytest.mark.parametrize(
    ("n_matches", "agreement", "expected"),
    [
        (view_search.STRONG_MATCHES, view_search.STRONG_AGREEMENT, "strong"),
        (view_search.STRONG_MATCHES - 1, view_search.STRONG_AGREEMENT, "proposed"),
        (view_search.PROPOSED_MATCHES, view_search.PROPOSED_AGREEMENT, "proposed"),
        (view_search.PROPOSED_MATCHES - 1, 0.99, None),
        (200, view_search.PROPOSED_AGREEMENT - 0.01, None),  # A watermark: many points, another picture.
    ],
)
def test_a_proposal_needs_points_that_match_and_details_that_agree(
    n_matches: int, agreement: float, expected: str | None
) -> None:
    laid = Overlay(np.eye(2, 3), n_matches, False, agreement, 1.0)
    assert view_search.strength_of(laid) == expected
