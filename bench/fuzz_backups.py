"""Restore hundreds of damaged and mutated backups, and count what goes wrong: `python bench/fuzz_backups.py`

Every case has a number and is the same each time; `--first N --cases 1` repeats one. A case may be refused in
one line or be restored; a restored workspace is then used as pages and commands do.
"""

import argparse
import hashlib
import io
import json
import multiprocessing
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.acquire import folder as importing
from peakid.acquire import roots, verification
from peakid.curate import decisions, history
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.arguments import VerifyArguments
from peakid.keep import backup, restore
from peakid.records import Choice
from peakid.store import exports, images, run_predictions, runs, status
from peakid.store import workspace as workspaces

LIMIT_S = 30.0
MANIFEST, DATABASE = "peakid-backup.json", "peakid.db"
HOSTILE = (
    "'/etc/passwd'",
    "'../../../marker'",
    "'..'",
    "''",
    "'/'",
    "'[]'",
    "'{}'",
    "'[' || hex(zeroblob(400)) || ']'",
    "char(0) || 'x'",
    "CAST(x'ff' AS TEXT)",
    "9223372036854775807",
    "-1",
    "NULL",
    "1e999",
    "zeroblob(9)",
)

Members = dict[str, bytes]


@dataclass(frozen=True)
class Outcome:
    """What became of one case: refused, restored, or the name of an unexpected error."""

    kind: str
    detail: str = ""


def good_backup(folder: Path) -> bytes:
    """Return a backup with images, decisions, a snapshot, a run, an export and a job."""
    workspace = workspaces.create(folder / "good")
    for n in range(6):
        path = folder / "photos" / f"class{n % 2}" / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(n).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((48, 36)).save(path)
    importing.import_folder(workspace, folder / "photos", in_place=False, actor="import:folder")
    digests = [row["digest"] for row in workspace.query("SELECT digest FROM image")]
    decisions.decide(workspace, [Choice(digests[0], "label", "class1")], actor="human:x")
    frozen = snapshots.create(workspace, name="first", actor="human:x")
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe={"arch": "resnet18"},
        class_names=["class0", "class1"],
        seed=0,
        code_version="",
        libraries={},
    )
    run_predictions.add(
        workspace,
        run_id,
        "valid",
        digests[:2],
        np.full((2, 2), 0.5, np.float32),
        ["class0", "class1"],
        is_out_of_sample=True,
    )
    exports.add(workspace, run_id=run_id, path=workspace.exports_dir / "run-1", files=[], parity={})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO job (request_id, kind, lane, state, arguments, actor, created_at)"
            " VALUES ('x', ?, 'cpu', 'done', '{}', 'x', ?)",
            (VerifyArguments.kind, workspaces.now()),
        )
    backup.backup(workspace, folder / "good.zip")
    workspace.close()
    return (folder / "good.zip").read_bytes()


def mutated(good: bytes, seed: int, scratch: Path) -> bytes:
    """Return a changed backup: its archive, the bytes of its database, one of its rows, or its manifest."""
    rng = np.random.default_rng(seed)
    kind = int(rng.integers(4))
    if kind == 0:
        return _damaged(good, rng)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if kind == 1:
        members[DATABASE] = _damaged(members[DATABASE], rng)
    elif kind == 2:
        members[DATABASE] = _with_hostile_values(members[DATABASE], rng, scratch)
    else:
        name = str(rng.choice(sorted(members)))
        members[name] = _damaged(members[name] or b" ", rng)
    return _packed(members, is_checksum_right=kind != 3 or rng.random() < 0.5)


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        at, n = int(rng.integers(len(out))), int(rng.integers(1, 65))
        kind = int(rng.integers(5))
        if kind == 0:
            out[at : at + n] = rng.bytes(min(n, len(out) - at))
        elif kind == 1 and len(out) > n + 1:
            del out[at : at + n]
        elif kind == 2:
            out[at] ^= 1 << int(rng.integers(8))
        elif kind == 3:
            out[at : at + n] = bytes([int(rng.choice([0, 0x7F, 0xFF]))]) * min(n, len(out) - at)
        elif rng.random() < 0.2:
            del out[max(at, 20) :]
    return bytes(out)


def _with_hostile_values(database: bytes, rng: np.random.Generator, scratch: Path) -> bytes:
    """Put hostile values into some rows, without any check of the database."""
    scratch.write_bytes(database)
    connection = sqlite3.connect(scratch, isolation_level=None)
    for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON", "recursive_triggers = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    triggers = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    tables = [
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if connection.execute(f'SELECT COUNT(*) FROM "{row[0]}"').fetchone()[0]
    ]
    for _ in range(int(rng.integers(1, 4))):
        table = str(rng.choice(tables))
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        column, value = str(rng.choice(columns)), HOSTILE[int(rng.integers(len(HOSTILE)))]
        try:
            connection.execute(f'UPDATE "{table}" SET "{column}" = {value}')
        except sqlite3.Error:
            continue  # A type or a key that even this does not allow.
    for sql in triggers:
        connection.execute(sql)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return scratch.read_bytes()


def _packed(members: Members, *, is_checksum_right: bool) -> bytes:
    if is_checksum_right:
        digest = hashlib.sha256(members[DATABASE]).hexdigest()
        try:
            manifest = json.loads(members[MANIFEST]) | {"database_sha256": digest}
            members[MANIFEST] = json.dumps(manifest).encode()
        except (ValueError, TypeError):
            pass
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tried(data: bytes, folder: Path) -> Outcome:
    """Restore a backup in a folder and use the workspace; say what came of it."""
    (folder / "case.zip").write_bytes(data)
    try:
        restore.restore(folder / "case.zip", folder / "restored")
    except PeakidError as error:
        return Outcome("refused" if len(str(error).splitlines()) == 1 else "several lines", str(error))
    except Exception:
        return Outcome("traceback", traceback.format_exc())
    try:
        use(folder / "restored")
    except Exception:
        return Outcome("traceback in use", traceback.format_exc())
    return Outcome("restored")


def use(folder: Path) -> None:
    """Read a workspace as pages and commands do. An error that is explained is no fault."""
    workspace = workspaces.open_existing(folder)
    digests = [item.digest for item in review_queue.page(workspace, "all")]
    for read in (
        status.read,
        runs.list_runs,
        exports.list_exports,
        roots.list_roots,
        queue.list_jobs,
        decisions.log,
        history.page,
        snapshots.list_snapshots,
        lambda w: verification.verify(w, actor="human:x"),
        *(lambda w, digest=digest: images.read_bytes(w, digest) for digest in digests),
    ):
        try:
            read(workspace)
        except PeakidError:
            continue
    workspace.close()


def case(good: bytes, seed: int, parent: Path) -> tuple[Outcome, bool]:
    """Try one case in a folder of its own; return also whether a file outside changed."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name) / "case"
        folder.mkdir()
        (Path(name) / "marker").write_bytes(b"mine")
        outcome = tried(mutated(good, seed, Path(name) / "scratch.db"), folder)
        left = {path.name for path in folder.iterdir()} - {"case.zip", "restored"}
        is_kept = (Path(name) / "marker").read_bytes() == b"mine" and not left
    return outcome, is_kept


def _work(connection: Connection, good: bytes, parent: Path) -> None:
    while (seed := connection.recv()) is not None:
        connection.send(case(good, seed, parent))
    connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def run(n_cases: int, first: int = 0) -> dict[str, object]:
    """Run the cases in a process of their own, which is replaced when one takes too long."""
    parent = Path(tempfile.mkdtemp(prefix="peakid-fuzz-"))
    good = good_backup(parent)
    counted, n_lost, n_hangs, worst_s, faults = Counter(), 0, 0, 0.0, []
    process, pipe = _started(good, parent)
    for seed in range(first, first + n_cases):
        began = time.monotonic()
        pipe.send(seed)
        if not pipe.poll(LIMIT_S):
            n_hangs += 1
            faults.append((seed, "no answer"))
            process.kill()
            process, pipe = _started(good, parent)
            continue
        outcome, is_kept = pipe.recv()
        worst_s = max(worst_s, time.monotonic() - began)
        counted[outcome.kind] += 1
        n_lost += not is_kept
        if outcome.kind not in ("refused", "restored") or not is_kept:
            faults.append((seed, outcome.detail))
    pipe.send(None)
    memory_mb = pipe.recv()
    process.join()
    shutil.rmtree(parent)
    return {
        "cases": n_cases,
        "refused": counted["refused"],
        "restored": counted["restored"],
        "tracebacks": sum(n for kind, n in counted.items() if kind not in ("refused", "restored")),
        "lost_files": n_lost,
        "hangs": n_hangs,
        "slowest_s": round(worst_s, 2),
        "memory_mb": round(memory_mb),
        "faults": faults,
    }


def _started(good: bytes, parent: Path) -> tuple[multiprocessing.Process, Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_work, args=(theirs, good, parent))
    process.start()
    return process, ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    found = run(arguments.cases, arguments.first)
    for seed, detail in found.pop("faults"):
        print(f"--- case {seed}\n{detail}")
    print("\n".join(f"{key:<12}{value:>8}" for key, value in found.items()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
