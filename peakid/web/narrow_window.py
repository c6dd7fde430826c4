"""Fold the sidebar where a window is too narrow for it and a page, such as a tablet held upright.

Streamlit folds it up to 768 px by itself. Between that and MIN_WIDE_PX it would take a third of the window.
"""

from collections.abc import Callable

import streamlit as st

MIN_WIDE_PX = 1000

# Streamlit keeps in the browser whether a person folded or opened the sidebar: that choice is left alone.
_SCRIPT = """
const KEY = "stSidebarCollapsed-";
const narrow = matchMedia("(min-width: 769px) and (max-width: MAX_PXpx)");

function chosen() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(KEY));
  } catch {
    return []; // The browser denies storage.
  }
}

function fold(triesLeft) {
  if (!narrow.matches || chosen().length) return;
  const button = document.querySelector("[data-testid=stSidebarCollapseButton] button");
  if (button) {
    button.click();
    chosen().forEach((key) => localStorage.removeItem(key)); // This was not a person's choice.
  } else if (triesLeft > 0) {
    setTimeout(() => fold(triesLeft - 1), 100);
  }
}

export default function () {
  if (window.peakidFolds) return; // Once for each load: a page drawn again leaves an opened sidebar open.
  window.peakidFolds = true;
  fold(100);
  narrow.addEventListener("change", () => setTimeout(() => fold(0), 300)); // After Streamlit's own.
}
"""


def fold_sidebar() -> None:
    """Fold the sidebar once after the page was loaded, or the window has become narrow."""
    _folder()(key="narrow-window", height=0)


@st.cache_resource(show_spinner=False)
def _folder() -> Callable[..., object]:
    script = _SCRIPT.replace("MAX_PX", str(MIN_WIDE_PX - 1))
    return st.components.v2.component("peakid_narrow_window", js=script)
