"""Read and write the page's address, which keeps choices so that a link shows another person the same thing.

It is the only reader of query parameters. Anybody can write an address, so each value is read as a type with
a range. A value that does not fit is ignored, and a sentence on top of the page says so.
"""

import unicodedata
from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from peakid.clean_text import whole_number
from peakid.web import choices, words

MAX_CHARS = (
    1_000  # Of a value: the queue of a confusion cell holds two class names of 120 characters, quoted.
)
MAX_VALUES = 50  # Of one parameter.
# What is typed or dragged, where a queue begins, and what is shown once: no step of the browser's Back.
TYPED = frozenset({"text", "added", "taken", "range", "after", "recipe", "set", "log"})
_N_SHOWN = 40  # Characters of an ignored value.
_PLACE = "address:place"  # Session state: where the sentence is drawn in this run.
_IGNORED = "address:ignored"  # Session state: the sentences of this run by parameter.
_KNOWN = "address:known"  # Session state: the values that were choices earlier in this session.


def begin() -> None:
    """Reserve the place on top of the page for what is ignored in this run."""
    st.session_state[_PLACE], st.session_state[_IGNORED] = st.container(), {}


def has(name: str) -> bool:
    """Return whether the address has a usable value of the parameter `name`."""
    return bool(text(name))


def text(name: str) -> str | None:
    """Return one line of text, None where it is missing, empty or does not fit."""
    return next(iter(texts(name)), None)


def texts(name: str) -> list[str]:
    """Return all usable values of a parameter that may be given several times."""
    values = st.query_params.get_all(name)
    if len(values) > MAX_VALUES:
        ignore(name, f"{MAX_VALUES} values are the most")
        return []
    return [value for value in values if value and _is_line(name, value)]


def number(name: str, *, what: str) -> int | None:
    """Return a whole number that SQLite can store, None where it is missing or does not fit.

    Args:
        what: What the number should be, for the sentence, such as "the number of a step".
    """
    given = text(name)
    if given is None:
        return None
    found = whole_number(given)
    if found is None:
        ignore(name, f"it is not {what}")
    return found


def numbers(name: str, *, what: str) -> list[int]:
    """Return whole numbers separated by commas; an empty list where one of them does not fit."""
    given = text(name)
    if given is None:
        return []
    found = [whole_number(part) for part in given.split(",")]
    if None in found:
        ignore(name, f"it is not a list of {what}")
        return []
    return [each for each in found if each is not None]


def value(name: str, options: Sequence[str], default: str | None = None) -> str | None:
    """Return the query parameter `name`; the default, else the first option, where it names no option."""
    return option(name, options) or default or next(iter(options), None)


def option(name: str, options: Sequence[str]) -> str | None:
    """Return the query parameter `name`, None where it names no option."""
    given = text(name)
    known: set[tuple[str, str]] = st.session_state.setdefault(_KNOWN, set())
    if given is not None and given in options:
        known.add((name, given))
        return given
    if given is not None and (name, given) not in known:  # Else another choice has removed the option.
        ignore(name, "there is no such choice" if options else "there is nothing to choose yet")
    return None


def select(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """Draw a menu of `options`, which must not be empty, bound to the query parameter `name`."""
    key = _bind(name, options, default)

    def shown(option: str) -> str:
        return words.shown(format_func(option))

    choices.keep(key, options, shown)
    return st.selectbox(label, options, format_func=shown, key=key, on_change=_write_choice, args=(name,))


def segments(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """Draw a few short options in a row, bound to the query parameter `name`; `label` is not visible."""
    key = _bind(name, options, default)
    current = st.session_state[key]
    chosen = st.segmented_control(
        label,
        options,
        format_func=lambda each: words.chosen(format_func(each), each == current),
        required=True,
        label_visibility="collapsed",
        wrap=True,
        key=key,
        on_change=_write_choice,
        args=(name,),
    )
    return str(chosen)  # `required`: there is always one.


def write(**values: object) -> None:
    """Set query parameters; None removes one."""
    for name, each in values.items():
        if each is None:
            st.query_params.pop(name, None)
        elif st.query_params.get_all(name) != [str(each)]:
            st.query_params[name] = str(each)


def ignore(name: str, why: str) -> None:
    """Say on top of the page that the value of a parameter is ignored.

    Args:
        why: The end of the sentence, such as "there is no such queue".
    """
    given = "".join(char if char.isprintable() else "?" for char in st.query_params.get(name, ""))
    shown = given if len(given) <= _N_SHOWN else f"{given[:_N_SHOWN]} ..."
    sentences: dict[str, str] = st.session_state.setdefault(_IGNORED, {})
    sentences[name] = words.plain(f"{name}={shown} in the address is ignored: {why}.")
    _place().info("  \n".join(sentences.values()), icon=":material/link_off:")


def _place() -> DeltaGenerator:
    """Return the one element that is replaced when a second value is ignored."""
    if _PLACE not in st.session_state:
        begin()
    place: DeltaGenerator = st.session_state[_PLACE]
    if len(st.session_state[_IGNORED]) <= 1:
        place = st.session_state[_PLACE] = place.empty()
    return place


def _is_line(name: str, given: str) -> bool:
    if len(given) > MAX_CHARS:
        ignore(name, f"it has more than {MAX_CHARS:,} characters")
    elif any(unicodedata.category(char) in ("Cc", "Cs") for char in given):
        ignore(name, "it has control characters")
    else:
        return True
    return False


def _bind(name: str, options: Sequence[str], default: str | None) -> str:
    """Return the key of the widget for `name`, with its state set to what the address says.

    The address wins over the widget's state. It is read before the widget is drawn and written on a change.
    """
    key, current = _key(name), value(name, options, default)
    if st.session_state.get(key) != current:  # Setting it on every run would revert the choice just made.
        st.session_state[key] = current
    return key


def _write_choice(name: str) -> None:
    write(**{name: st.session_state[_key(name)]})


def _key(name: str) -> str:
    return f"address:{name}"
