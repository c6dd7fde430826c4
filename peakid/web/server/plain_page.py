"""A page without Streamlit, scripts or other files: for the login, and for addresses that are no page."""

from html import escape

from starlette.responses import HTMLResponse

from peakid.resources import PACKAGE_DIR

ICON = (PACKAGE_DIR / "web" / "icon.svg").read_text(encoding="utf-8")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}

# Colours as in .streamlit/config.toml.
_STYLE = """
:root { color-scheme: light dark; --page: #FAFBFC; --box: #EEF2F5; --text: #1B2430; --border: #808C98;
  --accent: #2F6F9F; --link: #2F6F9F; --error: #B3443C; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12171D; --box: #1C232B; --text: #E6EBF0; --border: #6B7884;
    --accent: #3A7CAD; --link: #6FB1DC; --error: #E07A70; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 -apple-system, 'Segoe UI', Roboto,
     'Noto Sans', Ubuntu, 'Helvetica Neue', Arial, sans-serif; }
main { width: 100%; max-width: 24rem; padding: 2rem; background: var(--box); border-radius: 6px; }
svg { width: 2.5rem; height: 2.5rem; display: block; }
h1 { font-size: 1.4rem; font-weight: 650; margin: .75rem 0; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input, button { width: 100%; font: inherit; padding: .6rem .75rem; border-radius: 6px; }
input { border: 1px solid var(--border); background: var(--page); color: var(--text); }
button { margin-top: 1rem; border: 0; background: var(--accent); color: #FFF;
  font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.error { color: var(--error); margin: .5rem 0 0; }
"""


def respond(title: str, body: str, status: int = 200, *, head: str = "") -> HTMLResponse:
    """Return a page.

    Args:
        title: Plain text, also the heading.
        body, head: HTML; whatever is not written by Peakid must be escaped in it.
    """
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body><main><div aria-hidden="true">{ICON}</div><h1>{escape(title)}</h1>
{body}
</main></body>
</html>
"""
    return HTMLResponse(page, status, HEADERS)
