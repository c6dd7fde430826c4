// Make each choice on a page one step of Back, and nothing else.
//
// Streamlit adds an entry to the browser's history at every change of the address. An entry is kept where a person
// has clicked or pressed a key since the address changed last. What the page writes by itself, such as a default,
// replaces the entry of the page. So do the parameters in `typed`, which change with every word.
{
  const typed = []; // TYPED
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let hasActed = false; // Since the address changed last.
  let written = null; // What the page has written since a person acted last: the address before, and if in an entry.

  const isChoice = (now, next) =>
    [...new Set([...now.searchParams.keys(), ...next.searchParams.keys()])].some(
      (name) => !typed.includes(name) && now.searchParams.get(name) !== next.searchParams.get(name),
    );

  const changePage = (state, url, hasSameSearch) => {
    // A script that opens another page has written the parameters of that page to the address of this one.
    const isWritten = written !== null && hasSameSearch;
    if (isWritten && !written.isEntry) replace(state, "", written.before);
    if (isWritten && written.isEntry) replace(state, "", url);
    else push(state, "", url);
    hasActed = false;
    written = null;
  };

  history.pushState = (state, _unused, url) => {
    const [now, next] = [new URL(location.href), new URL(url ?? "", location.href)];
    if (next.pathname !== now.pathname) {
      changePage(state, url, next.search === now.search);
      return;
    }
    const isEntry = hasActed && isChoice(now, next);
    written ??= { before: now.href, isEntry: false };
    written.isEntry ||= isEntry;
    if (isEntry) hasActed = false; // Parameters that are written together are one entry.
    (isEntry ? push : replace)(state, "", url);
  };

  const note = (isAct) => {
    hasActed = isAct;
    written = null;
  };
  for (const kind of ["pointerdown", "click", "keydown"]) addEventListener(kind, () => note(true), true);
  addEventListener("popstate", () => note(false));
}
