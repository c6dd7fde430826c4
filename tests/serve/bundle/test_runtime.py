"""The runtime of the browser page is the published one, unchanged, with its licence."""

import gzip
import hashlib
import re
from importlib import resources

RUNTIME = resources.files("peakid.serve.bundle") / "files" / "web" / "runtime"


def test_the_files_are_those_of_the_npm_package():
    described = (RUNTIME / "SOURCE.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"\| `dist/(\S+)` \| `([0-9a-f]{64})` \|", described))
    script = (RUNTIME / "ort.wasm.bundle.min.mjs").read_bytes()
    module = gzip.decompress((RUNTIME / "ort-wasm-simd-threaded.wasm.gz").read_bytes())
    assert listed == {
        "ort.wasm.bundle.min.mjs": hashlib.sha256(script).hexdigest(),
        "ort-wasm-simd-threaded.wasm": hashlib.sha256(module).hexdigest(),
    }
    (version,) = set(re.findall(r"1\.\d+\.\d+", described.splitlines()[0]))
    assert f"ONNX Runtime Web v{version}".encode() in script[:300]
    assert "MIT License" in (RUNTIME / "LICENSE").read_text(encoding="utf-8")
