"""Which combinations of settings a sweep tries, in which order, and whether the next one still fits. Imports no torch."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peakid.errors import BadInput, PeakidError
from peakid.recipe import recipe as recipes
from peakid.recipe.recipe import Recipe

MAX_SETTINGS = 3  # Four settings of three values each are 81 trainings, and their best is mostly luck.
MAX_VALUES = 8

NOT_TRIED = {
    "phases": "phases are written out in a recipe file",
    "seed": "the best of several seeds is only the luckiest",
    "folds": "a sweep is judged on valid, which cross-validation has not",
    "max_minutes": "a sweep has a time budget of its own, and --set max_minutes=2 limits each training",
    "allow_leaks": "it does not change the model",
    "device": "it does not change the model",
    "n_workers": "it does not change the model",
    "checkpoint_every_min": "it does not change the model",
}
_OF_DESCENT = frozenset(recipes.FINE_TUNE_KEYS) | {"batch_size", "precision"}


@dataclass(frozen=True)
class Trial:
    """One combination: `settings` holds what differs from the recipe that the sweep begins with, by name."""

    settings: dict[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class Plan:
    """All combinations in the order in which they are tried, and those left out because settings exclude each other, with the reason."""

    trials: list[Trial]
    skipped: list[tuple[dict[str, str], str]] = field(default_factory=list)


def plan(recipe: Recipe, tried: Sequence[str]) -> Plan:
    """Order the combinations so that a sweep that runs out of time has learned the most: the recipe as it is, which all others are
    measured by, then one change at a time, first values first, then two and three changes.

    Args:
        tried: Each `key=value,value`; the recipe's own value is always among them.

    Raises:
        BadInput: If a setting cannot be tried, or one of its values fits in no combination; the message names it.
        UnknownArchitecture: If an architecture is not in the tested list.
    """
    if recipe.folds:
        raise BadInput(
            f"folds={recipe.folds}: a sweep is judged on valid, which cross-validation has not.",
            "Use --set folds=0.",
        )
    values = _parsed(recipe, tried)
    trials, refused = [Trial({}, recipe)], []
    for texts in _combinations(values):
        try:
            trials.append(Trial(*_changed(recipe, texts)))
        except PeakidError as error:
            refused.append((texts, error))
    _refuse_useless(values, refused)
    return Plan(trials, [(texts, error.message) for texts, error in refused])


def triable(recipe: Recipe) -> list[str]:
    """Answer the settings that would change something about this recipe, in its order."""
    return [key for key in Recipe.model_fields if key not in NOT_TRIED and _idle(recipe, key) is None]


def fits(elapsed_s: float, slowest_s: float, budget_s: float) -> bool:
    """Tell whether another training begins: only if even one as slow as the slowest so far would end within the budget."""
    return elapsed_s + slowest_s <= budget_s


def best(trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Answer the trial with the lowest loss on valid; among equals the most accurate, then the first. None where none has a score.

    The loss decides as it does among the epochs of a run; accuracies of a small valid split are equal too often.
    """
    first = ranked(trials)[:1]
    return first[0] if first and first[0]["valid_loss"] is not None else None


def ranked(trials: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Order trials from the lowest loss on valid to the highest, those without one last."""
    return sorted(
        trials,
        key=lambda each: (each["valid_loss"] is None, each["valid_loss"] or 0.0, -(each["accuracy"] or 0.0)),
    )


def said(settings: Mapping[str, Any]) -> str:
    """Say a combination as `--set` takes it: `base_lr=0.003 dropout=0.2`."""
    words = [
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in settings.items()
    ]
    return " ".join(words) or "the recipe as it is"


def _parsed(recipe: Recipe, tried: Sequence[str]) -> dict[str, list[str]]:
    """Answer the texts to try by key, without the recipe's own value."""
    if not 1 <= len(tried) <= MAX_SETTINGS:
        named = f"{len(tried)} settings to try" if tried else "No setting to try"
        raise BadInput(
            f"{named}: a sweep takes 1 to {MAX_SETTINGS}.",
            "For example: --try base_lr=1e-3,3e-3 --try dropout=0.2,0.5",
        )
    values: dict[str, list[str]] = {}
    for text in tried:
        key, _, listed = text.partition("=")
        key = key.strip()
        if key in values:
            raise BadInput(f"{key} is to be tried twice.", f"Give all of its values at once: --try {key}=...")
        values[key] = _values(recipe, key, [part.strip() for part in listed.split(",") if part.strip()])
    return values


def _values(recipe: Recipe, key: str, texts: list[str]) -> list[str]:
    if key not in Recipe.model_fields:
        known = ", ".join(each for each in Recipe.model_fields if each not in NOT_TRIED)
        raise BadInput(f"A recipe has no setting '{key}'.", f"Known are: {known}.")
    if key in NOT_TRIED:
        raise BadInput(f"{key} cannot be tried out: {NOT_TRIED[key]}.", "Choose another setting.")
    if len(dict.fromkeys(texts)) < 2 or len(texts) > MAX_VALUES:
        given = f"{key}={','.join(texts)}"
        raise BadInput(
            f"{given}: a setting is tried with 2 to {MAX_VALUES} different values.",
            f"Allowed: {recipes.allowed(key)}.",
        )
    by_value: dict[Any, str] = {}
    for text in texts:
        value = _alone(key, text)
        if value in by_value:
            raise BadInput(
                f"{key}={by_value[value]},{text}: these are the same value.", "Give each value once."
            )
        by_value[value] = text
    return [text for value, text in by_value.items() if value != getattr(recipe, key)]


def _alone(key: str, text: str) -> Any:
    """Read a value as its field would, whatever the other settings are; left as it is where it only fits with others."""
    try:
        return getattr(recipes.of_values({key: text}), key)
    except BadInput as error:
        if error.message.startswith(f"{key}={text} does not fit"):  # The field itself refuses it.
            raise
        return text


def _combinations(values: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """List every combination but the recipe itself: few changes first, among them early values, among them early settings."""
    places = itertools.product(
        *(range(len(texts) + 1) for texts in values.values())
    )  # 0 = the recipe's own value.
    keys = list(values)
    changed = [each for each in places if any(each)]
    changed.sort(key=lambda each: (sum(map(bool, each)), sum(each), tuple(-place for place in each)))
    return [
        {key: values[key][place - 1] for key, place in zip(keys, each, strict=True) if place}
        for each in changed
    ]


def _changed(recipe: Recipe, texts: Mapping[str, str]) -> tuple[dict[str, Any], Recipe]:
    changed = recipes.with_settings(recipe, [f"{key}={text}" for key, text in texts.items()])
    for key in texts:
        if why := _idle(changed, key):
            raise BadInput(
                f"{key}={texts[key]} would change nothing: {why}.", "Leave it out, or change that."
            )
    return {key: getattr(changed, key) for key in texts}, changed


def _refuse_useless(
    values: Mapping[str, list[str]], refused: Sequence[tuple[dict[str, str], PeakidError]]
) -> None:
    """Refuse a value that fits in no combination: it is a mistake, not two settings that exclude each other."""
    every = _combinations(values)
    for key, text in ((key, text) for key, texts in values.items() for text in texts):
        errors = [error for texts, error in refused if texts.get(key) == text]
        if len(errors) == sum(texts.get(key) == text for texts in every):
            raise errors[0]


def _idle(recipe: Recipe, key: str) -> str | None:
    """Say why a setting would change nothing about a recipe; None where it does."""
    if recipe.method == "linear-head" and recipe.pretrained != "none" and key in _OF_DESCENT:
        return "a linear head is solved at once"
    if recipe.phases and key in recipes.SIMPLE_KEYS:
        return "the recipe has phases of its own"
    if recipe.mix == "none" and key == "mix_strength":
        return "no pictures are mixed (mix=none)"
    if recipe.pretrained == "none" and key in ("head_epochs", "body_epochs"):
        return "random weights are trained for scratch_epochs (pretrained=none)"
    if recipe.pretrained not in ("auto", "none") and key == "scratch_epochs":
        return "pretrained weights are trained for head_epochs and body_epochs"
    return None
