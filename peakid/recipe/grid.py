"""The combinations of settings that a sweep tries, their order, and whether another fits into the time."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peakid import near_names
from peakid.errors import BadInput, PeakidError
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.remedies import action

MAX_SETTINGS = 3  # Four settings of three values each are 81 runs, and the best of them is mostly luck.
MAX_VALUES = 8

NOT_TRIED = {
    "phases": "phases are written in a recipe file",
    "seed": "the best of several seeds is only the luckiest",
    "folds": "a sweep compares validation losses, and cross-validation has no validation split",
    "max_minutes": "a sweep has its own time budget; set max_minutes in the recipe to limit each training",
    "allow_leaks": "it does not change the model",
    "device": "it does not change the model",
    "n_workers": "it does not change the model",
    "checkpoint_every_min": "it does not change the model",
}
# Settings of gradient descent, without effect on a linear head.
_OF_DESCENT = frozenset(recipes.FINE_TUNE_KEYS) | {"batch_size", "precision"}


@dataclass(frozen=True)
class Trial:
    """One combination. `settings` holds what differs from the recipe that the sweep starts with, by name."""

    settings: dict[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class SweepPlan:
    """All combinations in the order in which they are tried.

    Attributes:
        skipped: Combinations that are left out because their settings exclude each other, with the reason.
    """

    trials: list[Trial]
    skipped: list[tuple[dict[str, str], str]] = field(default_factory=list)


def plan(recipe: Recipe, tried: Sequence[str]) -> SweepPlan:
    """Order the combinations so that a sweep that runs out of time has learned the most.

    The unchanged recipe comes first, because all others are compared with it; then single changes, first
    values first; then two and three changes at once.

    Args:
        tried: Each `key=value,value`; the recipe's own value is always among them.

    Raises:
        BadInput: If a setting cannot be tried, or one of its values fits in no combination; the message names
        it.
        UnknownArchitecture: If an architecture is not in the tested list.
    """
    if recipe.folds:
        raise BadInput(
            f"folds={recipe.folds}: a sweep compares validation losses, and cross-validation has no "
            "validation split.",
            "Turn cross-validation off.",
            action("set_recipe", key="folds", value=0),
        )
    values = _parsed(recipe, tried)
    trials, refused = [Trial({}, recipe)], []
    for texts in _combinations(values):
        try:
            trials.append(Trial(*_changed(recipe, texts)))
        except PeakidError as error:
            refused.append((texts, error))
    _refuse_useless(values, refused)
    return SweepPlan(trials, [(texts, error.message) for texts, error in refused])


def triable(recipe: Recipe) -> list[str]:
    """Return the settings that would have an effect on this recipe, in its order."""
    return [key for key in Recipe.model_fields if key not in NOT_TRIED and _no_effect(recipe, key) is None]


def fits(elapsed_s: float, slowest_s: float, budget_s: float) -> bool:
    """Return whether a training as slow as the slowest so far would still end within the time budget."""
    return elapsed_s + slowest_s <= budget_s


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return a combination as `key=value` settings: `base_lr=0.003 dropout=0.2`."""
    words = [
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in settings.items()
    ]
    return " ".join(words) or "the recipe as it is"


def _parsed(recipe: Recipe, tried: Sequence[str]) -> dict[str, list[str]]:
    """Return the texts to try by key, without the recipe's own value."""
    if not 1 <= len(tried) <= MAX_SETTINGS:
        count = f"{len(tried)} settings to try" if tried else "No setting to try"
        raise BadInput(
            f"{count}: a sweep takes 1 to {MAX_SETTINGS}.",
            "For example: base_lr=1e-3,3e-3 and dropout=0.2,0.5",
        )
    values: dict[str, list[str]] = {}
    for text in tried:
        key, _, listed = text.partition("=")
        key = key.strip()
        if key in values:
            raise BadInput(f"{key} is given twice.", f"Give all of its values at once: {key}=value,value")
        values[key] = _values(recipe, key, [part.strip() for part in listed.split(",") if part.strip()])
    return values


def _values(recipe: Recipe, key: str, texts: list[str]) -> list[str]:
    if key not in Recipe.model_fields:
        known = ", ".join(each for each in Recipe.model_fields if each not in NOT_TRIED)
        remedy = near_names.remedy(key, Recipe.model_fields, f"Known are: {known}.")
        raise BadInput(f"A recipe has no setting '{key}'.", remedy)
    if key in NOT_TRIED:
        raise BadInput(f"{key} cannot be tried: {NOT_TRIED[key]}.", "Choose another setting.")
    if len(dict.fromkeys(texts)) < 2 or len(texts) > MAX_VALUES:
        raise BadInput(
            f"{key}={','.join(texts)}: a sweep needs 2 to {MAX_VALUES} different values of a setting.",
            f"Allowed: {recipes.allowed(key)}.",
        )
    by_value: dict[Any, str] = {}
    for text in texts:
        value = recipes.value_of(key, text)
        if value in by_value:
            raise BadInput(
                f"{key}={by_value[value]},{text}: these are the same value.", "Give each value once."
            )
        by_value[value] = text
    return [text for value, text in by_value.items() if value != getattr(recipe, key)]


def _combinations(values: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """List every combination except the unchanged recipe.

    Few changes come first; among equally many, early values; among those, early settings.
    """
    # For each setting the number of its value, 0 = the recipe's own.
    numbers = itertools.product(*(range(len(texts) + 1) for texts in values.values()))
    changed = [each for each in numbers if any(each)]
    changed.sort(key=lambda each: (sum(map(bool, each)), sum(each), tuple(-number for number in each)))
    keys = list(values)
    return [
        {key: values[key][number - 1] for key, number in zip(keys, each, strict=True) if number}
        for each in changed
    ]


def _changed(recipe: Recipe, texts: Mapping[str, str]) -> tuple[dict[str, Any], Recipe]:
    changed = recipes.with_settings(recipe, [f"{key}={text}" for key, text in texts.items()])
    for key in texts:
        if reason := _no_effect(changed, key):
            raise BadInput(f"{key}={texts[key]} would change nothing: {reason}.", "Leave it out.")
    return {key: getattr(changed, key) for key in texts}, changed


def _refuse_useless(
    values: Mapping[str, list[str]], refused: Sequence[tuple[dict[str, str], PeakidError]]
) -> None:
    """Refuse a value that fits in no combination: that is a mistake, not a conflict of two settings."""
    every = _combinations(values)
    for key, text in ((key, text) for key, texts in values.items() for text in texts):
        errors = [error for texts, error in refused if texts.get(key) == text]
        if len(errors) == sum(texts.get(key) == text for texts in every):
            raise errors[0]


def _no_effect(recipe: Recipe, key: str) -> str | None:
    """Return why a setting would change nothing about a recipe; None where it has an effect."""
    if recipe.method == "linear-head" and recipe.pretrained != "none" and key in _OF_DESCENT:
        return "a linear head is not trained by gradient descent"
    if recipe.method == "fine-tune" and key == "refit":
        return "only a linear head is refitted"
    if recipe.phases and key in recipes.SIMPLE_KEYS:
        return "this recipe has phases of its own"
    if recipe.mix == "none" and key == "mix_strength":
        return "no images are mixed (mix=none)"
    if recipe.pretrained == "none" and key in ("head_epochs", "body_epochs"):
        return "random weights are trained for scratch_epochs (pretrained=none)"
    if recipe.pretrained not in ("auto", "none") and key == "scratch_epochs":
        return "pretrained weights are trained for head_epochs and body_epochs"
    return None
