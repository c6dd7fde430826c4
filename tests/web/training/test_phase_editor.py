"""The table of phases and the recipe convert into each other; values that do not fit are errors."""

import numpy as np
import pandas as pd
import pytest

from peakid.errors import BadInput
from peakid.recipe import loading as recipes
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.web.training import phase_editor


@pytest.mark.parametrize("name", [*recipes.reproduced(), "thorough"])
def test_every_recipe_with_phases_is_unchanged_by_the_table(name):
    recipe = recipes.named(name)
    phases = phase_editor.values(phase_editor.frame(recipe.model_dump()["phases"]))
    assert recipes.of_values(recipe.model_dump() | {"phases": phases}) == recipe


def test_an_empty_row_is_a_phase_of_defaults():
    table = phase_editor.frame([Phase(name="head", learns="head")])
    empty = pd.DataFrame([dict.fromkeys(table.columns)]).astype(table.dtypes)
    [_, added] = phase_editor.values(pd.concat([table, empty], ignore_index=True))
    assert (added, Phase(**added)) == ({}, Phase())


def test_an_emptied_cell_follows_the_recipe():
    table = phase_editor.frame([Phase(image_size_px=96, augment=0.5)])
    table.loc[0, ["image_size_px", "augment"]] = [pd.NA, np.nan]
    [phase] = phase_editor.values(table)
    assert "image_size_px" not in phase
    assert "augment" not in phase


def test_a_value_that_does_not_fit_stays_in_the_table_and_its_error_names_the_phase():
    raw = [{"name": "head", "base_lr": "fast"}, {"epochs": 0}]
    phases = phase_editor.values(phase_editor.frame(raw))
    assert phases[0]["base_lr"] == "fast"
    with pytest.raises(
        BadInput,
        match=r"Phase 1: base_lr=fast does not fit: a learning rate is over 0 and at most 1",
    ):
        recipes.of_values(Recipe().model_dump() | {"phases": phases[:1]})
    with pytest.raises(
        BadInput, match=r"Phase 2: epochs=0 does not fit: .* Allowed: 1\.\.1000 epochs, default 1\."
    ):
        recipes.of_values(Recipe().model_dump() | {"phases": [{}, phases[1]]})


def test_simple_epochs_as_phases_are_the_same_training():
    recipe = Recipe(head_epochs=2, body_epochs=4, image_size_px=96, base_lr=2e-3)
    written = recipes.of_values(recipe.model_dump() | {"phases": phase_editor.written_out(recipe)})
    assert written.planned(is_pretrained=True) == recipe.planned(is_pretrained=True)
    larger = written.model_copy(update={"image_size_px": 128})  # The phases have no size of their own.
    assert {phase.image_size_px for phase in larger.planned(is_pretrained=True)} == {128}
