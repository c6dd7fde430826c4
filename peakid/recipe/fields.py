"""How a field of a recipe is described, for forms, messages and documents: title, unit, range, a sentence."""

from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo


def described(default: Any, title: str, unit: str, description: str, **limits: Any) -> Any:
    """Describe one field of a recipe or a phase.

    Args:
        title: The field's usual name, as a form labels it.
        unit: Of a number, or the allowed words.
        description: One sentence for people.
        limits: `ge`, `gt`, `le`, `lt` and `max_length`, as pydantic takes them.
    """
    return Field(default, title=title, description=description, json_schema_extra={"unit": unit}, **limits)


def limits(field: FieldInfo) -> dict[str, float]:
    """Return the bounds of a number by pydantic's names: `ge`, `gt`, `le`, `lt`."""
    return {
        name: getattr(part, name)
        for part in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(part, name)
    }
