// Follow a link of a toast in the same tab.
//
// Streamlit opens links of Markdown in a new tab, where a toast would leave the page it is about behind. The
// sidebar has the same link as one of Streamlit's own, which keeps the session; else the page is loaded anew.
document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.('[data-testid="stToast"] a[href]');
    const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!link || event.button !== 0 || hasModifier || link.origin !== location.origin) return;
    event.preventDefault();
    const inSidebar = [...document.querySelectorAll('[data-testid="stSidebar"] a[href]')];
    const same = inSidebar.find((each) => each.href === link.href);
    if (same) same.click();
    else location.assign(link.href);
  },
  true,
);
