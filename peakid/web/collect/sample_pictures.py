"""A few pictures of what each class finds, in the estimate: fetched by the server, not by the browser."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.jobs.collecting import samples
from peakid.jobs.collecting.plans import Estimate
from peakid.web import words

_KNOWN = "collect:samples"  # Session state: JPEGs by class and what was searched for.
_ROW = "display:flex;flex-wrap:wrap;gap:8px 20px;max-height:208px;overflow:auto"
_FIGURE = "margin:0;font-size:13px"
_PICTURE = "width:80px;height:60px;object-fit:cover;border-radius:4px;margin-right:4px"


def of_estimates(
    estimates: Sequence[Estimate], sources: Mapping[str, PhotoSource], options: ClientOptions
) -> dict[str, tuple[bytes, ...]]:
    """Return a few JPEGs by class; what this session has fetched is not fetched again."""
    known: dict[tuple[str, ...], tuple[bytes, ...]] = st.session_state.setdefault(_KNOWN, {})
    keys = {each.search.label: _key(each.search.label, estimates) for each in estimates}
    new = [each for each in estimates if keys[each.search.label] not in known]
    if any(photo.thumbnail_url for each in new for photo in each.samples):
        with st.spinner("Fetching a few thumbnails ..."):
            found = samples.thumbnails(new, sources, options=options)
        known |= {keys[label]: pictures for label, pictures in found.items()}
    return {label: known.get(key, ()) for label, key in keys.items()}


def show(pictures: Mapping[str, Sequence[bytes]]) -> None:
    """Draw the samples as data, those of a class beside each other."""
    groups = "".join(
        f'<figure style="{_FIGURE}"><div>{"".join(map(_image, found))}</div>'
        f"<figcaption>{escape(words.shown(label))}</figcaption></figure>"
        for label, found in pictures.items()
        if found
    )
    if groups:
        st.html(f'<div style="{_ROW}">{groups}</div>')


def _key(label: str, estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """Return the class with the first photos of all its searches."""
    return label, *(photo.url for each in estimates if each.search.label == label for photo in each.samples)


def _image(picture: bytes) -> str:
    data = base64.b64encode(picture).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="" style="{_PICTURE}">'
