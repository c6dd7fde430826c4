"""Choose a folder or file of this machine by browsing: its sub-folders, up, home, and a way back."""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from peakid import files
from peakid.acquire import folder_listing
from peakid.acquire.folder_listing import Listing, SubFolder
from peakid.errors import BadInput
from peakid.web import reach, words

N_PARENTS = 4  # Named before the folder itself; those above them are left out.
MAX_NAME_CHARS = 48
LIST_PX = 300
_MIDDLE = " ... "


def button(field: str, *, label: str = "Browse", new_name: str = "", suffixes: tuple[str, ...] = ()) -> None:
    """Draw a button that opens the browser for a text field whose key is `field`; not inside a form.

    Args:
        new_name: Of a new folder to name in a chosen one that is not empty.
        suffixes: Choose a file with one of these instead of a folder, such as `.zip`.
    """
    if st.button(label, key=f"browse:{field}", icon=":material/folder_open:"):
        st.session_state[_place(field)] = start(st.session_state.get(field))
        if suffixes:
            _open_files(field, suffixes)
        else:
            _open_dialog(field, new_name)


@st.dialog("Choose a folder", width="medium")
def _open_dialog(field: str, new_name: str) -> None:
    show_choice(field, new_name=new_name)


@st.dialog("Choose a file", width="medium")
def _open_files(field: str, suffixes: tuple[str, ...]) -> None:
    show_files(field, suffixes)


def show_files(field: str, suffixes: tuple[str, ...]) -> None:
    """Draw the browser of a text field with the files that can be chosen; a click fills one in."""
    listing = show(field)
    if listing is None:
        return
    found = folder_listing.files(listing.path, suffixes, is_allowed=reach.is_allowed)
    if not found:
        st.caption(f"No file in this folder ends in {' or '.join(suffixes)}.")
    for n, each in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            clicked = st.button(
                words.plain(shortened(each.name)),
                key=f"{field}:file:{n}:{each.name}",
                icon=":material/draft:",
                help=words.plain(each.name) if len(each.name) > MAX_NAME_CHARS else None,
                on_click=_fill,
                args=(field, str(each.path)),
            )
            changed = words.ago(datetime.fromtimestamp(each.modified_s, UTC).isoformat())
            st.markdown(f":gray[{words.n_bytes(each.n_bytes)}, {changed}]", width="content")
        if clicked:
            st.rerun()


def show_choice(field: str, *, new_name: str = "") -> None:
    """Draw the browser of a text field, with the button that fills in the folder."""
    listing = show(field)
    if listing is None:
        return
    chosen = listing.path
    if new_name and not listing.is_empty:
        chosen = listing.path / new_name
        st.caption(f"A new folder {words.plain(new_name)} is made in it, because it is not empty.")
    elif listing.is_workspace:
        st.info("This folder is a workspace of Peakid. Its images are imported already.")
    clicked = st.button(
        "Choose this folder",
        type="primary",
        disabled=listing.is_workspace and chosen == listing.path,
        on_click=_fill,
        args=(field, str(chosen)),
    )
    if clicked:
        st.rerun()


def _fill(field: str, path: str) -> None:
    st.session_state[field] = path  # In a callback: before the field is drawn.


def start(typed: object = None) -> Path:
    """Return where to begin: what was typed or the folder around it, else home, else an allowed folder."""
    path = files.expanded(typed.strip()) if isinstance(typed, str) and typed.strip() else Path.home()
    around = [path.parent] if isinstance(typed, str) and path.is_absolute() else []
    places = [path, *around, Path.home(), *reach.folders()]
    return next((each for each in places if _is_folder(each) and reach.is_allowed(each)), Path("/"))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def show(name: str, *, beginning: Path | None = None) -> Listing | None:
    """Draw the browser. Return what is in the folder where it is now, None if that cannot be opened.

    Args:
        name: Of this browser, for its state.
        beginning: Where it starts; None = where `button` put it.
    """
    path: Path = st.session_state.setdefault(_place(name), beginning or start())
    _show_place(name, path)
    try:
        matching = st.session_state.get(f"{_place(name)}:text", "")
        listing = folder_listing.read(reach.checked(path), matching=matching, is_allowed=reach.is_allowed)
    except BadInput as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return None
    _show_folders(name, listing, matching)
    return listing


def _show_place(name: str, path: Path) -> None:
    """Draw the folders above as buttons, then the folder itself, with Up and Home."""
    above = list(path.parents)[::-1]
    shown = above[-N_PARENTS:]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.button(
            "Up",
            key=f"{name}:up",
            icon=":material/arrow_upward:",
            disabled=not above,
            on_click=_open,
            args=(name, path.parent),
        )
        st.button("Home", key=f"{name}:home", icon=":material/home:", on_click=_open, args=(name, start()))
        if len(above) > len(shown):
            st.markdown("... /", width="content")
        for each in shown:
            label = words.plain(shortened(each.name)) or "/"
            st.button(label, key=f"{name}:to:{each}", type="tertiary", on_click=_open, args=(name, each))
            st.markdown("/" if len(each.parts) > 1 else "", width="content")
        st.markdown(f"**{words.plain(shortened(path.name)) or '/'}**", width="content")


def _show_folders(name: str, listing: Listing, matching: str) -> None:
    n_listed = len(listing.folders) + listing.n_left_out
    if n_listed > 12 or matching:
        st.text_input("Find a folder", key=f"{_place(name)}:text", placeholder="part of its name")
    here = f"{words.n_of(listing.n_pictures, 'picture')} directly in this folder."
    more = ["It has too many files to list them all."] if listing.is_cut else []
    st.caption(" ".join([here, *more]))
    if not listing.folders:
        st.caption("No folder has this in its name." if matching else "There are no folders in it.")
        return
    with st.container(height=LIST_PX if len(listing.folders) > 5 else "content", gap="xsmall"):
        for n, each in enumerate(listing.folders):
            _show_folder(name, n, each)
        if listing.n_left_out:
            st.caption(f"{listing.n_left_out:,} more: type a part of the name.")


def _show_folder(name: str, n: int, folder: SubFolder) -> None:
    icon = ":material/landscape:" if folder.is_workspace else ":material/folder:"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button(
            words.plain(shortened(folder.name)),
            key=f"{name}:in:{n}:{folder.path}",
            icon=":material/link:" if folder.is_link else icon,
            type="tertiary",
            disabled=bool(folder.problem),
            help=words.plain(folder.name) if len(folder.name) > MAX_NAME_CHARS else None,
            on_click=_open,
            args=(name, folder.path),
        )
        st.markdown(f":gray[{words.plain(_described(folder))}]", width="content")


def _described(folder: SubFolder) -> str:
    to = f"link to {shortened(str(folder.path))}" if folder.is_link else ""
    if folder.problem:
        what = folder.problem
    elif folder.is_workspace:
        what = "a workspace"
    elif folder.n_pictures is None:
        what = "not counted"
    else:
        what = f"{'over ' if folder.is_more else ''}{words.n_of(folder.n_pictures, 'picture')}"
    return " · ".join(part for part in (to, what) if part)


def shortened(text: str, most: int = MAX_NAME_CHARS) -> str:
    """Return a text of at most `most` characters: the beginning and the end, which tell names apart."""
    if len(text) <= most:
        return text
    n_end = (most - len(_MIDDLE)) // 2
    return f"{text[: most - len(_MIDDLE) - n_end]}{_MIDDLE}{text[-n_end:]}"


def _open(name: str, path: Path) -> None:
    st.session_state[_place(name)] = path
    st.session_state[f"{_place(name)}:text"] = ""


def _place(name: str) -> str:
    return f"browser:{name}"
