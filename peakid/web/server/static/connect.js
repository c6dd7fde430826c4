// Open the connection at once, at the address that this server has.
//
// Streamlit first asks where its server is, beside the page and then above it, behind the scripts that are still
// loading, and waits a moment between the two. The answers are known here. It still asks, in the background.
{
  const pages = []; // PAGES
  const [, prefix, page] = location.pathname.match(/^(\/w\/[0-9a-f]{12})?\/([a-z]*)$/) ?? [];
  // Behind a proxy that adds to the path, or with a host's own settings, Streamlit finds out by itself.
  if (page !== undefined && (page === "" || pages.includes(page)) && !window.__streamlit)
    window.__streamlit = {
      BACKEND_BASE_URL: `${location.origin}${prefix ?? ""}/`,
      HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
    };
}
