"""The plan of a sweep: the order of combinations, what is left out, what is refused, and the time limit."""

import pytest

from peakid.errors import BadInput, UnknownArchitecture
from peakid.recipe import grid
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.remedies import action


def order(plan):
    return [grid.settings_text(trial.settings) for trial in plan.trials]


def test_the_recipe_as_it_is_comes_first_then_single_changes_then_combinations():
    plan = grid.plan(
        Recipe(), ["base_lr=1e-3,3e-3,1e-2", "dropout=0.2,0.5"]
    )  # The recipe's own are 1e-3 and .5.
    assert order(plan) == [
        "the recipe as it is",
        "base_lr=0.003",
        "dropout=0.2",
        "base_lr=0.01",
        "base_lr=0.003 dropout=0.2",
        "base_lr=0.01 dropout=0.2",
    ]
    assert [trial.recipe for trial in plan.trials][4] == Recipe(base_lr=3e-3, dropout=0.2)


def test_the_last_value_of_one_setting_comes_before_the_first_combination():
    plan = grid.plan(Recipe(), ["base_lr=1e-3,3e-3,1e-2,3e-2", "dropout=0.2,0.5"])
    assert [len(trial.settings) for trial in plan.trials] == [0, 1, 1, 1, 1, 2, 2, 2]


def test_values_without_the_recipes_own_are_compared_with_it_too():
    assert order(grid.plan(Recipe(), ["base_lr=3e-3,1e-2"])) == [
        "the recipe as it is",
        "base_lr=0.003",
        "base_lr=0.01",
    ]


def test_three_settings_are_tried_one_by_one_before_any_two_together():
    plan = grid.plan(Recipe(), ["base_lr=1e-3,3e-3", "dropout=0.2,0.5", "resize=crop,pad"])
    assert [len(trial.settings) for trial in plan.trials] == [0, 1, 1, 1, 2, 2, 2, 3]


def test_settings_that_exclude_each_other_leave_out_that_combination_and_say_so():
    plan = grid.plan(Recipe(), ["arch=resnet18,vit_b_16", "image_size_px=160,224"])
    assert order(plan) == ["the recipe as it is", "image_size_px=224", "arch=vit_b_16 image_size_px=224"]
    assert plan.skipped == [({"arch": "vit_b_16"}, "vit_b_16 takes images of 224 px only, not 160 px.")]


def test_a_setting_that_would_change_nothing_in_a_combination_is_left_out_there():
    plan = grid.plan(Recipe(), ["method=fine-tune,linear-head", "base_lr=1e-3,3e-3"])
    assert order(plan) == ["the recipe as it is", "method=linear-head", "base_lr=0.003"]
    assert plan.skipped[0][0] == {"method": "linear-head", "base_lr": "3e-3"}


@pytest.mark.parametrize(
    ("preset", "tried", "message"),
    [
        ("standard", ["colour=1,2"], "A recipe has no setting 'colour'"),
        ("standard", ["base_lr=1e-3"], "base_lr=1e-3: a sweep needs 2 to 8 different values"),
        ("standard", ["base_lr"], "a sweep needs 2 to 8 different values"),
        ("standard", ["base_lr=1e-3,0.001"], "base_lr=1e-3,0.001: these are the same value"),
        ("standard", ["base_lr=1e-3,7"], "base_lr=7 does not fit"),
        ("standard", ["dropout=0.2,much"], "dropout=much does not fit"),
        ("standard", ["base_lr=1e-3,3e-3", "base_lr=1e-3,1e-2"], "base_lr is given twice"),
        (
            "standard",
            ["seed=1,2"],
            "seed cannot be tried: the best of several seeds is only the luckiest",
        ),
        (
            "standard",
            ["max_minutes=1,2"],
            "max_minutes cannot be tried: a sweep has its own time budget",
        ),
        ("standard", ["phases=none,all"], "phases cannot be tried"),
        ("standard", [], "No setting to try: a sweep takes 1 to 3"),
        (
            "standard",
            ["base_lr=1e-3,1e-2", "dropout=0,0.5", "l1=0,0.1", "augment=0,1"],
            "4 settings to try: a sweep takes 1 to 3",
        ),
        (
            "standard",
            ["mix_strength=0.2,0.4"],
            "mix_strength=0.2 would change nothing: no images are mixed",
        ),
        ("standard", ["arch=resnet18,vit_b_16"], "vit_b_16 takes images of 224 px only"),
        (
            "quick",
            ["base_lr=1e-3,3e-3"],
            "base_lr=3e-3 would change nothing: a linear head is not trained by gradient descent",
        ),
        (
            "thorough",
            ["base_lr=1e-3,3e-3"],
            "base_lr=3e-3 would change nothing: this recipe has 3 phases of its own",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_by_its_name_and_value(preset, tried, message):
    with pytest.raises(BadInput) as refused:
        grid.plan(recipes.named(preset), tried)
    assert message in refused.value.message
    assert refused.value.remedy


def test_an_unknown_architecture_is_refused_and_so_is_a_cross_validated_recipe():
    with pytest.raises(UnknownArchitecture):
        grid.plan(Recipe(), ["arch=resnet18,resnet19"])
    with pytest.raises(BadInput, match="folds=5: a sweep compares validation losses") as error:
        grid.plan(Recipe(folds=5), ["base_lr=1e-3,3e-3"])
    assert error.value.actions == (action("set_recipe", key="folds", value=0),)


def test_only_settings_that_change_something_are_offered():
    assert "base_lr" in grid.triable(Recipe())
    assert not {"seed", "device", "folds", "phases", "mix_strength"} & set(grid.triable(Recipe()))
    offered = grid.triable(recipes.named("quick"))
    assert {"arch", "image_size_px", "resize", "balance"} <= set(offered)
    assert not {"base_lr", "dropout", "augment"} & set(offered)


def test_another_training_begins_only_if_one_as_slow_as_the_slowest_would_end_in_time():
    assert grid.fits(elapsed_s=60, slowest_s=60, budget_s=120)
    assert not grid.fits(elapsed_s=61, slowest_s=60, budget_s=120)
