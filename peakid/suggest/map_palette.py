"""The colours of the categories of the map: those of the classes, else a colour-blind-safe set."""

from collections.abc import Mapping

from peakid.evaluate import charts, class_colours
from peakid.suggest.map_colours import Category, ColourBy, Colouring

GREY = "#8A94A0"  # What has no value: in both themes it stands back.
DARKER = "#5C6672"  # What is left out on purpose.
# From suspicious to sound, in the order of the bands; orange and blue differ for every kind of colour vision.
BANDS = ("#D55E00", "#E69F00", "#F0E442", "#56B4E9", "#0072B2")
SPLITS = ("#0072B2", "#E69F00", "#CC79A7")


def of(colouring: Colouring, chosen: Mapping[str, str | None]) -> list[str]:
    """Return the colour of each category as `#rrggbb`.

    Args:
        chosen: The chosen colour of every class, as `classes.colours` returns them.
    """
    names = [each.name for each in colouring.categories if each.kind == "class"]
    of_classes = class_colours.of(names, chosen)
    return [
        _of_category(each, position, colouring.colour_by, of_classes)
        for position, each in enumerate(colouring.categories)
    ]


def _of_category(
    category: Category, position: int, colour_by: ColourBy, of_classes: Mapping[str, str]
) -> str:
    if category.kind == "class":
        return of_classes[category.name]
    if category.kind == "other":
        return DARKER if category.name == "excluded" else GREY
    fixed = {"suspicion": BANDS, "split": SPLITS}.get(colour_by)
    return fixed[position] if fixed else charts.class_colour(position)
