"""The colour of each class: the one a person chose, else one of a colour-blind-safe set."""

from collections.abc import Mapping, Sequence

from peakid.evaluate import charts


def of(class_names: Sequence[str], chosen: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the colour of each class as `#rrggbb`.

    Args:
        chosen: Colours of all classes, oldest first, as `classes.colours` returns them. A built-in colour
            depends on the age of a class, so that reordering the keys keeps it. None = the order of
            `class_names`.
    """
    order = list(chosen) if chosen else list(class_names)
    built_in = {name: charts.class_colour(position) for position, name in enumerate(order)}
    return {
        name: (chosen or {}).get(name) or built_in.get(name) or charts.class_colour(n)
        for n, name in enumerate(class_names)
    }
