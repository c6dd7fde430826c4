"""Code that uses an export, to copy: with Peakid, with an unpacked bundle alone, and over HTTP."""

import shlex
from collections.abc import Mapping
from typing import Literal

from peakid.records import Export

Way = Literal[
    "peakid",  # Python with Peakid installed.
    "bundle",  # Python in the folder of an unpacked bundle, without Peakid.
    "http",    # A server, asked with curl.
]  # fmt: skip

PORT = 8600  # The default of `peakid serve`.
TITLES: Mapping[Way, str] = {
    "peakid": "Python with Peakid",
    "bundle": "Python without Peakid",
    "http": "HTTP",
}
WHERE: Mapping[Way, str] = {
    "peakid": "Runs where Peakid is installed. It loads ONNX Runtime, not torch.",
    "bundle": "Runs in the folder of an unpacked bundle, after `pip install -r requirements.txt`.",
    "http": "The first line starts the server on this machine; the second asks it about a photo.",
}
LANGUAGES: Mapping[Way, str] = {"peakid": "python", "bundle": "python", "http": "bash"}


def of(way: Way, export: Export, *, photo: str = "photo.jpg") -> str:
    """Return the code, complete and ready to run.

    Args:
        photo: The path of a photo.
    """
    return {"peakid": _peakid, "bundle": _bundle, "http": _http}[way](export, photo)


def _peakid(export: Export, photo: str) -> str:
    return f"""\
from pathlib import Path

from peakid.serve.predictor import Predictor

predictor = Predictor(Path({export.path!r}))
[answer] = predictor.predict([Path({photo!r}).read_bytes()])
print(answer.label or "not sure")
for label, probability in answer.top:
    print(f"{{label}}: {{probability:.1%}}")
"""


def _bundle(export: Export, photo: str) -> str:
    return f"""\
from pathlib import Path

from model import Model

model = Model()
ranked = model.ranked(Path({photo!r}).read_bytes())
print(ranked[0][0] if ranked[0][1] >= model.threshold else "not sure")
for label, probability in ranked[:5]:
    print(f"{{label}}: {{probability:.1%}}")
"""


def _http(export: Export, photo: str) -> str:
    return f"""\
peakid serve {shlex.quote(export.path)} --port {PORT}
curl -F {shlex.quote(f"file=@{photo}")} http://127.0.0.1:{PORT}/predict
"""
