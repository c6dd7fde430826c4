"""Import thousands of damaged tables, label files and zips, and count tracebacks, hangs and lost files.

`python bench/fuzz_tables.py --tables 5000 --zips 1000`. Every case has a number and is the same each time;
`--tables 0 --first N --zips 1` repeats one zip.
"""

import argparse
import functools
import hashlib
import io
import json
import resource
import shutil
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import fuzz
import fuzz_watch

from peakid.acquire import archive, folder, table
from peakid.errors import PeakidError
from peakid.records import ImportReport
from peakid.store import images
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

LIMIT_BYTES = 1200 * 2**20
NAMES = ("a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg")
LABELS = ("sea", "Säntis", "sea", "otter, wet")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
TOKENS = (
    *(b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\r", b"\n", b"\r\n", b"\0", b"\\", b"\\ud800"),
    *(b"\\udc80", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"\xe2\x80\xae"),
    *(b"[", b"]", b"{", b"}", b":", b"null", b"NaN", b"1e999", b"-0", b"true", b"[" * 3000),
    *(b'{"a":' * 2000, b"9" * 5000, b"x" * 140_000, b"sep=;", b"#", b"../", b"/etc/passwd", b"C:\\"),
    *(b"\\\\server\\", b"file://", b"https://x/", b"~root/", b"label", b"path", b"split", b"is_valid"),
    *(b"\n\n\n", b",,,,,,", b' "', b'" ', b"=cmd()", b"PAR1", b"PK\x03\x04"),
)  # fmt: skip


def photos() -> dict[str, bytes]:
    """Draw the images that the tables list."""
    drawn = {}
    for seed, name in enumerate(NAMES):
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(coarse).resize((48, 36), Image.Resampling.BICUBIC).save(out, "JPEG")
        drawn[name] = out.getvalue()
    return drawn


def tables() -> dict[str, bytes]:
    """Return one valid table of every kind; each has a row for every image."""
    rows = list(zip(NAMES, LABELS, strict=True))
    frame = pandas.DataFrame({"file_name": NAMES, "label": LABELS, "n": range(4)})
    nested = pandas.DataFrame(
        {"image": [{"path": n, "bytes": b"x"} for n in NAMES], "label": [[each] for each in LABELS]}
    )
    parquet, deep = io.BytesIO(), io.BytesIO()
    frame.to_parquet(parquet)
    nested.to_parquet(deep)

    def text(separator: str) -> str:
        head, *lines = ["path,label,split\r\n", *(f'"{name}","{label}",train\r\n' for name, label in rows)]
        lines = [line.replace('",', f'"{separator}') for line in lines]
        return head.replace(",", separator) + "".join(lines)

    tasks = [
        {"data": {"image": n}, "annotations": [{"result": [{"value": {"choices": [c]}}]}]} for n, c in rows
    ]
    coco = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(NAMES)],
        "annotations": [{"image_id": n, "category_id": n % 2} for n in range(4)],
        "categories": [{"id": 0, "name": "sea"}, {"id": 1, "name": "otter"}],
    }
    return {
        "labels.csv": text(",").encode(),
        "excel.csv": b"sep=;\r\n" + text(";").encode("cp1252"),
        "unicode.csv": text("\t").encode("utf-16"),
        "mac.csv": text(",").replace("\r\n", "\r").encode("mac_roman"),
        "onehot.csv": b"filename, sea, otter\n" + b"".join(b"%s, 1, 0\n" % name.encode() for name in NAMES),
        "rows.jsonl": b"\n".join(
            json.dumps({"file_name": n, "label": c, "n": [1, {}]}).encode() for n, c in rows
        ),
        "rows.json": json.dumps([{"image": n, "choice": c} for n, c in rows], indent=1).encode(),
        "tasks.json": json.dumps(tasks).encode(),
        "fiftyone.json": json.dumps({"classes": ["sea"], "labels": dict.fromkeys(NAMES, 0)}).encode(),
        "coco.json": json.dumps(coco).encode(),
        "table.parquet": parquet.getvalue(),
        "nested.parquet": deep.getvalue(),
    }


def mutated(data: bytes, seed: int) -> bytes:
    """Damage a table: bytes as in an image, or words and signs that mean something to a reader of tables."""
    rng = np.random.default_rng([seed, 1])
    if rng.random() < 0.3:
        return fuzz.mutated(data, seed)
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, len(out) + 1))
        token = TOKENS[int(rng.integers(len(TOKENS)))]
        end = at + (int(rng.integers(1, 12)) if rng.random() < 0.5 else 0)
        out[at:end] = token if rng.random() < 0.8 else token.decode("latin-1").encode("utf-16-le")
    return bytes(out)


def packed(files: dict[str, bytes], seed: int) -> bytes:
    """Return a damaged zip: bytes anywhere, in its directory, or in the names before its files."""
    rng, out = np.random.default_rng([seed, 2]), io.BytesIO()
    with zipfile.ZipFile(out, "w", METHODS[seed % len(METHODS)]) as target:
        for name, data in files.items():
            if rng.random() < 0.3:
                token = TOKENS[int(rng.integers(len(TOKENS)))][:60].decode("latin-1").replace("\0", "")
                at = int(rng.integers(len(name) + 1))
                name = name[:at] + token + "é" + name[at:]
            info = zipfile.ZipInfo(name, date_time=(1980 + seed % 120, 1, 1, 0, 0, 0))
            info.compress_type = METHODS[seed % len(METHODS)]
            if rng.random() < 0.1:
                info.external_attr = int(rng.integers(2**32))
            target.writestr(info, data)
    data = out.getvalue()
    kind = int(rng.integers(3))
    if kind == 0:
        return fuzz.mutated(data, seed)
    return _changed_directory(data, rng) if kind == 1 else _changed_names(data, rng)


def _changed_names(data: bytes, rng: np.random.Generator) -> bytes:
    """Change bytes of the headers before the files, which are read only when a file is opened."""
    out = bytearray(data)
    starts = [n for n in range(len(data)) if data.startswith(b"PK\x03\x04", n)]
    for start in starts:
        if rng.random() < 0.6:
            out[start + int(rng.integers(4, 40))] = int(rng.integers(256))
    return bytes(out)


def _changed_directory(data: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes of the directory at the end, where names, sizes, flags and offsets stand."""
    out, start = bytearray(data), data.find(b"PK\x01\x02")
    for _ in range(int(rng.integers(1, 5))):
        out[int(rng.integers(start, len(out)))] = int(rng.integers(256))
    return bytes(out)


def one_case(kind: str, case: int, workspace: Workspace, here: Path) -> tuple[str, str]:
    """Import one damaged file; return what came of it, and a traceback or what was lost, '' for neither."""
    drawn, valid = photos(), tables()
    name = list(valid)[case % len(valid)]
    root = here / "photos"
    damaged = mutated(valid[name], case)
    file = here / name
    is_metadata = kind == "tables" and case // len(valid) % 3 == 0
    metadata = root / ("metadata.jsonl" if name.endswith("jsonl") else "metadata.csv")
    try:
        if kind == "zips":
            file = here / "photos.zip"
            file.write_bytes(packed({**drawn, "labels.csv": damaged}, case))
            report = archive.import_zip(workspace, file, actor="human:fuzz")
            with zipfile.ZipFile(file) as opened:
                n_files = sum(not member.is_dir() for member in opened.infolist())
            return "imported", _lost(report, n_files - 1, root, drawn)
        if is_metadata:
            metadata.write_bytes(damaged)
            report = folder.import_folder(workspace, root, actor="human:fuzz")
            return "imported", _lost(report, len(drawn), root, drawn)
        file.write_bytes(damaged)
        preview = table.read_header(file)
        json.dumps([preview.columns, preview.rows], ensure_ascii=False).encode()
        report = table.import_csv(workspace, file, root=root, actor="human:fuzz")
        return "imported", _lost(report, len(table.read_rows(file)), root, drawn)
    except PeakidError as error:
        is_printable = not any("\ud800" <= character <= "\udfff" for character in str(error))
        is_said = error.message and error.remedy and is_printable
        return type(error).__name__, "" if is_said else f"{error!r} has no remedy, or cannot be printed"
    except Exception:
        return "traceback", traceback.format_exc()
    finally:
        metadata.unlink(missing_ok=True)
        if file.parent == here:
            file.unlink(missing_ok=True)


def _lost(report: ImportReport, n_expected: int, root: Path, drawn: dict[str, bytes]) -> str:
    """Return '' if every file and row has an outcome, and the folder is unchanged."""
    n_told = report.n_added + report.n_known + report.n_rejected
    for name, data in drawn.items():
        if (root / name).read_bytes() != data:
            return f"{name} was changed"
    return "" if n_told >= n_expected else f"{n_told} outcomes for {n_expected} files and rows"


def work(kind: str, pipe: Connection, first: int, last: int) -> None:
    """Import the cases first..last-1 into one workspace; tell each before it begins and how it ended."""
    here = Path(tempfile.mkdtemp(prefix="peakid-fuzz-"))
    try:
        workspace = workspaces.create(here / "workspace")
        drawn = photos()
        for name, data in drawn.items():
            (here / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
            (here / "photos" / name).write_bytes(data)
        folder.import_folder(workspace, here / "photos", actor="human:fuzz")
        names = list(tables())
        for case in range(first, last):
            name = f"{kind} {names[case % len(names)]}"
            pipe.send(("begin", case, name, ""))
            result, lost = one_case(kind, case, workspace, here)
            for data in drawn.values():
                digest = hashlib.sha256(data).hexdigest()
                if images.read_bytes(workspace, digest) != data:
                    lost = f"the stored image {digest[:8]} is lost"
            what = "traceback" if result == "traceback" else "lost" if lost else "end"
            pipe.send((what, case, name, lost or result))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        pipe.send(("peak", last, "", str(peak)))
    finally:
        shutil.rmtree(here, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--zips", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    outcomes = [
        fuzz_watch.all_cases(functools.partial(work, kind), options.first, options.first + n_cases, kind)
        for kind, n_cases in (("tables", options.tables), ("zips", options.zips))
        if n_cases
    ]
    for outcome in outcomes:
        print(outcome.line())
    bad = [each for outcome in outcomes for each in outcome.bad]
    peak = max(outcome.peak_bytes for outcome in outcomes)
    slowest = max(outcome.slowest_s for outcome in outcomes)
    results = {outcome.kind: outcome.results for outcome in outcomes}
    kinds = Counter(what for what, *_ in bad)
    print(
        json.dumps(
            {
                "bench": "fuzz_tables",
                "results": results,
                "tracebacks": kinds["traceback"],
                "hangs": kinds["hang"],
                "crashes": kinds["crash"],
                "lost": kinds["lost"],
                "slowest_s": slowest,
                "peak_bytes": peak,
                "bad": bad[:50],
            }
        )
    )
    sys.exit(bool(bad) or slowest > fuzz_watch.LIMIT_S or peak > LIMIT_BYTES)


if __name__ == "__main__":
    main()
