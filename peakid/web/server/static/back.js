// Let one press of Back leave a page, whatever was chosen on it.
//
// Streamlit adds an entry to the browser's history at every change of the address, also where only a choice
// on the page changed or the page itself wrote its default. Such a change replaces the entry of the page. Only a
// search for similar images is an entry of its own, so that Back leads from it to the queue before.
{
  const push = history.pushState.bind(history);
  const searchIn = ({ searchParams }) => {
    const queue = searchParams.get("queue") ?? "";
    return queue.startsWith("similar:") ? queue : "";
  };
  history.pushState = (state, unused, url) => {
    const [now, next] = [new URL(location.href), new URL(url ?? "", location.href)];
    const isNewSearch = searchIn(next) && searchIn(next) !== searchIn(now);
    if (next.pathname === now.pathname && !isNewSearch) history.replaceState(state, unused, url);
    else push(state, unused, url);
  };
}
