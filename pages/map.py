"""All images as points, those that look alike beside each other; a lasso becomes a queue of Review."""

import streamlit as st

from peakid.curate.queues import selections
from peakid.embed import layouts, stored
from peakid.embed.layouts import Layout
from peakid.errors import NoEmbeddings
from peakid.store import images, status
from peakid.suggest import map_colours
from peakid.suggest.map_colours import ColourBy
from peakid.web import address, navigation, session
from peakid.web.atlas import layout_panel, map_view
from peakid.web.atlas.map_view import Chosen

COLOURS: dict[str, str] = {
    "label": "Label",
    "prediction": "Prediction",
    "suggestion": "Suggestion",
    "split": "Split",
    "issue": "Issue",
    "source": "Source",
    "suspicion": "Suspicion",
}
LAYOUTS = {"pca": "PCA", "umap": "UMAP"}
MOST_FOCUSED = 50


def show_map() -> None:
    """Draw the choices and the map, and open in Review what was chosen in it."""
    embedded = stored.find(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.markdown("Colour by", width="content")
            wanted = address.segments(
                "Colour by", "colour", map_colours.available(workspace), format_func=COLOURS.__getitem__
            )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.markdown("Layout", width="content")
            laid_out = address.segments("Layout", "layout", layouts.METHODS, format_func=LAYOUTS.__getitem__)
    colour_by = next(each for each in map_colours.COLOURS_BY if each == wanted)
    method = next(each for each in layouts.METHODS if each == laid_out)
    layout = layout_panel.show(workspace, embedded, method)
    if layout is not None:
        act(draw(layout, colour_by), colour_by)


def draw(layout: Layout, colour_by: ColourBy) -> Chosen:
    """Draw the points, with the images of the address highlighted."""
    focus = images.ids_of(workspace, address.texts("image")[:MOST_FOCUSED])
    version = map_colours.version(workspace, colour_by)
    return map_view.show(layout, colour_by, focus=focus, version=version)


def act(chosen: Chosen, colour_by: ColourBy) -> None:
    """Open the selection or the clicked image in Review."""
    if chosen.image_ids:
        run_id = map_colours.run_in_view(workspace, colour_by)
        queue = selections.create(workspace, chosen.image_ids, actor=session.actor(), run_id=run_id)
        navigation.go("review", queue=queue)
    elif chosen.opened is not None:
        navigation.go("review", queue=selections.image_queue(chosen.opened))


workspace = session.workspace()
if not status.read(workspace).n_images:
    navigation.show_empty(workspace, "")
else:
    try:
        show_map()
    except NoEmbeddings:
        st.title("Map")
        layout_panel.show_no_embeddings(workspace)
