"""Put the browser page of a bundle into one HTML file, which a double click opens, without a server."""

import base64
import json
import re
from collections.abc import Mapping

from peakid.errors import BadInput

MAX_BYTES = 300 * 2**20  # A browser reads the whole file before it draws anything.
ASSETS = ("card.json", "model.onnx", "web/runtime/ort-wasm-simd-threaded.wasm.gz")
REFERENCE = "familiar.safetensors"  # What the model learned looks like; not every export has it.
_IMPORT_MAP = re.compile(r'(?<=<script type="importmap">).*?(?=</script>)', re.DOTALL)
_STYLE = '<link rel="stylesheet" href="page.css">'
_SCRIPT = '<script type="module" src="page.js"></script>'


def html(contents: Mapping[str, bytes]) -> bytes:
    """Return the page with its scripts, the runtime, the model and the golden pictures inside.

    Args:
        contents: The content of each file of the bundle by name.

    Raises:
        BadInput: If the page would be too large for a browser.
    """
    names = [*ASSETS, *(name for name in contents if name == REFERENCE or name.startswith("golden/"))]
    size = sum(len(contents[name]) for name in names)
    if size > MAX_BYTES:
        raise BadInput(
            f"The model has {size / 2**20:,.0f} MB; one page holds at most {MAX_BYTES / 2**20:,.0f}.",
            "Use the page in the bundle, which is read from a folder.",
        )
    page = contents["web/index.html"].decode()
    style, script = (contents[f"web/{name}"].decode() for name in ("page.css", "page.js"))
    imports = json.loads(_found(page)).get("imports")
    inside = {name: _script_url(contents[f"web/{path.removeprefix('./')}"]) for name, path in imports.items()}
    assets = "".join(
        f'<script type="text/plain" data-name="{name}">{base64.b64encode(contents[name]).decode()}</script>\n'
        for name in names
    )
    for old, new in {
        _found(page): json.dumps({"imports": inside}),
        _STYLE: f"<style>\n{style}</style>",
        _SCRIPT: f'{assets}<script type="module">\n{script}</script>',
    }.items():
        before, after = page.split(old)
        page = before + new + after
    return page.encode()


def _found(page: str) -> str:
    return _IMPORT_MAP.findall(page)[0]


def _script_url(content: bytes) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(content).decode()}"
