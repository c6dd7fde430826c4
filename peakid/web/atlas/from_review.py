"""The way from a grid of images to the map, which highlights them."""

from typing import Any

import streamlit as st

from peakid import paths
from peakid.web import navigation

MOST_SHOWN = 50  # Images in an address.


def follow(sent: Any) -> None:
    """Open the map with the images that the browser sent, if it sent any."""
    digests = [each for each in sent if isinstance(each, str)] if isinstance(sent, list) else []
    known = [each for each in digests if paths.is_digest(each)][:MOST_SHOWN]
    if known:
        st.switch_page(navigation.page("map"), query_params={"image": known})
