// Let one press of Back leave a page, whatever was chosen on it.
//
// Streamlit adds an entry to the browser's history at every change of the address, also where only a choice
// on the page changed or the page itself wrote its default. Such a change replaces the entry of the page.
{
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const isSamePage = new URL(url ?? "", location.href).pathname === location.pathname;
    if (isSamePage) history.replaceState(state, unused, url);
    else push(state, unused, url);
  };
}
