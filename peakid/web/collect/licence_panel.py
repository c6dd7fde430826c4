"""Under which licences the images of a collection are, those without a known one as a line of their own."""

from collections.abc import Sequence

import streamlit as st

from peakid import licences
from peakid.store.collecting.class_progress import LicenceCount
from peakid.web import tables, words

UNKNOWN = "Unknown, or all rights reserved"


def show(found: Sequence[LicenceCount]) -> None:
    """Draw the licences with their numbers and what they ask for."""
    n_images = sum(each.n_images for each in found)
    if not n_images:
        return
    n_unknown = sum(each.n_images for each in found if not each.code)
    title = f"Licences of {words.n_of(n_images, 'image')}"
    with st.expander(f"{title}, {n_unknown:,} unknown" if n_unknown else title, icon=":material/copyright:"):
        tables.show([_row(each) for each in found])
        if n_unknown:
            st.caption("An image of unknown licence may be used only as the law of your country allows.")


def _row(each: LicenceCount) -> dict[str, object]:
    licence = licences.Licence(each.code)
    return {
        "Licence": each.name or UNKNOWN,
        "Images": each.n_images,
        "Commercial use": _yes(licence, "commercial"),
        "Changed copies": _yes(licence, "changes"),
        "Names the author": "" if not each.code else "no" if each.code in ("cc0", "pd") else "yes",
    }


def _yes(licence: licences.Licence, group: licences.LicenceGroup) -> str:
    return "" if not licence.code else "yes" if licence.is_in(group) else "no"
