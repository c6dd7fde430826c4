"""Draw the albums of a preview with some of their photos, and the photos of one album to select from."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from peakid.evaluate import score_text
from peakid.serve.albums.plan import AlbumPlan, Placement
from peakid.serve.albums.preview_file import Preview
from peakid.web import words
from peakid.web.gallery import scripts

N_OF_ALBUM = 8  # Photos shown of each album.
N_PER_PAGE = 240  # Photos of an opened album.


@dataclass(frozen=True)
class OpenedAlbum:
    """One page of an album: the photos of which the model is least certain first.

    Attributes:
        numbers: Positions of the photos in the preview.
        n_photos: In the album; the others are on other pages.
    """

    name: str
    numbers: tuple[int, ...]
    n_photos: int

    @property
    def n_pages(self) -> int:
        return max(1, -(-self.n_photos // N_PER_PAGE))


@dataclass(frozen=True)
class AlbumCard:
    """One album; `numbers` are the positions of the photos that are shown of it."""

    name: str
    n_photos: int
    numbers: tuple[int, ...]


def opened(plan: AlbumPlan, name: str, page: int = 1) -> OpenedAlbum:
    """Return a page of an album, counted from 1."""
    members = [n for n, each in enumerate(plan.placements) if each.album == name]
    members.sort(key=lambda n: (plan.placements[n].confidence, n))
    start = (page - 1) * N_PER_PAGE
    return OpenedAlbum(name, tuple(members[start : start + N_PER_PAGE]), len(members))


def show_all(preview: Preview, plan: AlbumPlan, *, key: str, on_open: Callable[[str], None]) -> None:
    """Draw a card for each album. A click calls `on_open` with its name before the next run of the page."""

    def clicked() -> None:
        name = st.session_state[key].get("opened")
        if name in plan.counts():
            on_open(name)

    drawn = [
        {"id": each.name, "name": words.shown(each.name), "n": each.n_photos, "numbers": each.numbers}
        for each in cards(plan)
    ]
    data = {**_document(preview, key), "album": None, "photos": [], "albums": drawn}
    _component()(key=key, data=data, on_opened_change=clicked)


def show_album(preview: Preview, plan: AlbumPlan, album: OpenedAlbum, *, key: str) -> list[int]:
    """Draw the photos of an album; return the numbers of those that are selected."""
    photos = [
        {"number": n, "name": words.shown(plan.placements[n].path), "facts": facts(plan.placements[n])}
        for n in album.numbers
    ]
    data = {**_document(preview, key), "album": words.shown(album.name), "photos": photos, "albums": []}
    answer = _component()(key=key, data=data, on_selected_change=lambda: None)
    return selected(answer.get("selected"), data["album"], album.numbers)


def selected(sent: object, album: str, numbers: Sequence[int]) -> list[int]:
    """Return which photos the browser says are selected; anybody can send anything."""
    if not isinstance(sent, dict) or sent.get("album") != album or not isinstance(sent.get("numbers"), list):
        return []
    chosen = {each for each in sent["numbers"] if type(each) is int}
    return [number for number in numbers if number in chosen]


def cards(plan: AlbumPlan) -> list[AlbumCard]:
    """Return the albums, the largest first, each with its most certain photos."""
    members: dict[str, list[int]] = {}
    for n, each in enumerate(plan.placements):
        members.setdefault(each.album, []).append(n)
    return [
        AlbumCard(
            name,
            n_photos,
            tuple(sorted(members[name], key=lambda n: (-plan.placements[n].confidence, n))[:N_OF_ALBUM]),
        )
        for name, n_photos in plan.counts().items()
    ]


def facts(placement: Placement) -> list[str]:
    """Return what stands below a photo: what the model says, or who decided, and its name."""
    said = f"{words.shown(placement.label)} {score_text.percent(placement.confidence)}"
    name = words.shown(placement.path.rpartition("/")[2])
    return [f"moved by hand; {said}" if placement.placed else said, name]


def _document(preview: Preview, key: str) -> dict[str, str]:
    version = hashlib.sha256(preview.made_at.encode()).hexdigest()[:12]
    return {"key": key, "preview": preview.key, "version": version}


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("albums.js"), scripts.styles("albums.css")
    return st.components.v2.component("peakid_albums", js=script, css=style)
