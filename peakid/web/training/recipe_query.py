"""Links that fill the recipe's form: `?set=batch_size=0` sets one value, `?recipe=quick` a whole recipe."""

import streamlit as st

from peakid.errors import BadInput, PeakidError
from peakid.web import address, session
from peakid.web.training import recipe_draft, recipe_presets


def apply() -> None:
    """Fill the form from the address once, with a toast, or draw the error; then remove the parameters.

    They are removed so that a later rerun or reload does not overwrite what a person has changed since.
    """
    names, settings = address.texts("recipe"), address.texts("set")
    if not names and not settings:
        return
    address.write(recipe=None, set=None)
    with session.error_boundary():
        for name in names:
            recipe_draft.use_recipe(name)
            st.toast(f"The form has the recipe {recipe_presets.title(name)}.", icon=":material/check:")
    for setting in settings:
        _set(setting)


def _set(setting: str) -> None:
    key, equals, text = setting.partition("=")
    try:
        if not equals:
            raise BadInput(
                f"{setting!r} in the address is not of the form key=value.",
                "For example: batch_size=32. The form below is unchanged.",
            )
        recipe_draft.set_from_text(key.strip(), text.strip())
    except PeakidError as error:
        session.show_error(error)
    else:
        label = recipe_draft.field_label(key.strip())
        st.toast(f"{label} is now {session.plain(text.strip())}.", icon=":material/check:")
