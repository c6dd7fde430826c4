"""Kill every command that writes at random moments and check what is left: `python bench/killed_commands.py`.

Each command is run once to its end. Then it is killed with SIGKILL at a random moment of that time, its
workspace is checked, and it is run again to the end: the result must be that of the run that was left alone.
What a command had acknowledged before it was killed must be there, once. `bench/killed.py` kills trainings.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.keep import restore
from peakid.store import images
from peakid.store import workspace as workspaces

N_IMAGES = 60
OLD_ROWS = 20_000  # Images without bytes in the workspace that is migrated.
OLD_SCHEMA = "0003_duplicates"  # The last migration it has.
# Prints the number of each decision after it was written, until it is killed.
DECIDER = """
import sys
from pathlib import Path
from peakid.curate import decisions
from peakid.records import Choice
from peakid.store import workspace as workspaces
workspace = workspaces.open_existing(Path(sys.argv[1]))
digests = [row["digest"] for row in workspace.query("SELECT digest FROM image")]
names = [row["name"] for row in workspace.query("SELECT name FROM class")]
for i in range(int(sys.argv[2])):
    choice = Choice(digests[i % len(digests)], "label", names[i % len(names)], event_id=f"{sys.argv[3]}-{i}")
    decisions.decide(workspace, [choice], actor="human:bench")
    print(f"{sys.argv[3]}-{i}", flush=True)
"""


@dataclass(frozen=True)
class Act:
    """A command that is killed.

    Attributes:
        prepare: Draws the folder it starts from.
        command: The command on a copy of that folder; the number makes event ids and file names unique.
        result: What a run to the end leaves, comparable between runs.
        check: Problems of its own that a killed run left in the copy, given its output.
    """

    name: str
    prepare: Callable[[Path], None]
    command: Callable[[Path, int], list[str]]
    result: Callable[[Path], object]
    check: Callable[[Path, str], list[str]] = field(default=lambda _folder, _output: [])


def peakid(folder: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "peakid", "--workspace", str(folder / "workspace"), *map(str, arguments)]


def run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "workspace" / "peakid.db")) as connection:
        return [tuple(row) for row in connection.execute(sql)]


def unsound(folder: Path) -> list[str]:
    """Return what is wrong with a workspace that may have been written by a killed command."""
    workspace = workspaces.open_existing(folder / "workspace")
    with closing(workspace):
        found = [
            f"integrity: {row[0]}" for row in workspace.query("PRAGMA integrity_check") if row[0] != "ok"
        ]
        found += [f"foreign key: {tuple(row)}" for row in workspace.query("PRAGMA foreign_key_check")]
        newest = "SELECT image_id, MAX(id) FROM decision GROUP BY image_id"
        state = "SELECT image_id, decision_id FROM image_state WHERE decision_id IS NOT NULL"
        if {tuple(row) for row in workspace.query(newest)} != {tuple(row) for row in workspace.query(state)}:
            found.append("the state differs from the log")
        for row in workspace.query("SELECT digest FROM image WHERE n_bytes > 1"):
            path = images.image_path(workspace, row["digest"])
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != row["digest"]:
                found.append(f"the bytes of image {row['digest'][:12]} are missing or damaged")
    return found


def leftovers(folder: Path) -> list[str]:
    """Return temporary files that lie about after a command has run to its end."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    return [name for name in names if name.endswith(".part") or "restoring-" in name or "/.peakid-" in name]


def demo(folder: Path) -> None:
    run(peakid(folder, "demo", "--images", N_IMAGES))


def photos(folder: Path) -> None:
    demo(folder)
    (folder / "workspace" / "demo").rename(folder / "photos")
    shutil.rmtree(folder / "workspace")
    run(peakid(folder, "init"))


def with_backup(folder: Path) -> None:
    demo(folder)
    run(peakid(folder, "snapshot", "create"))
    run(peakid(folder, "backup", folder / "kept.zip"))
    run(peakid(folder, "init"))


def old_workspace(folder: Path) -> None:
    """Create a workspace as an earlier version wrote it, with many rows to migrate."""
    from sqlite_utils import Database

    steps = workspaces.migrations()
    names = [step.name for step in steps._migrations]
    after = names[names.index(OLD_SCHEMA) + 1]
    (folder / "workspace").mkdir()
    with closing(sqlite3.connect(folder / "workspace" / "peakid.db")) as connection:
        steps.apply(Database(connection), stop_before=after)
        connection.execute("INSERT INTO class (name, position, created_at) VALUES ('dom', 1, '2026')")
        connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'x', '2026')"
        )
        connection.executemany(
            "INSERT INTO image (digest, format, width_px, height_px, n_bytes, phash, dhash, added_at)"
            " VALUES (?, 'JPEG', 1, 1, 1, '0123456789abcdef', '0123456789abcdef', '2026')",
            ((f"{i:064x}",) for i in range(OLD_ROWS)),
        )
        connection.commit()


def migrated(folder: Path) -> object:
    with closing(workspaces.open_existing(folder / "workspace")) as workspace:
        return workspaces.schema_sql(workspace), rows(folder, "SELECT COUNT(*) FROM image_state")


def is_backed_up(folder: Path, _output: str) -> list[str]:
    """Return what is wrong with the copies that lie beside a migrated database."""
    found = []
    for copy in (folder / "workspace").glob("backups/*.db"):
        with closing(sqlite3.connect(copy)) as connection:
            if connection.execute("SELECT COUNT(*) FROM image").fetchone()[0] != OLD_ROWS:
                found.append(f"{copy.name} is incomplete")
    return found


def decided(folder: Path, output: str) -> list[str]:
    """Return acknowledged decisions that are not in the log exactly once."""
    n_rows = Counter(row[0] for row in rows(folder, "SELECT event_id FROM decision"))
    acknowledged = [line for line in output.splitlines() if "-" in line][: output.count("\n")]
    return [f"{event} is there {n_rows[event]} times" for event in acknowledged if n_rows[event] != 1]


def complete_backups(folder: Path, _output: str) -> list[str]:
    """Return files that look like a backup and are none."""
    found = []
    for number, file in enumerate(sorted(folder.glob("*.zip"))):
        place = folder / f"restored-{number}"
        try:
            restore.restore(file, place)
        except Exception as error:
            found.append(f"{file.name}: {error}")
        shutil.rmtree(place, ignore_errors=True)
    return found


def content(folder: Path) -> object:
    return sorted(rows(folder, "SELECT digest FROM image")), rows(folder, "SELECT digest FROM snapshot")


ACTS = (
    Act(
        "import",
        photos,
        lambda folder, _n: peakid(folder, "import", "folder", folder / "photos"),
        lambda folder: sorted(
            rows(folder, "SELECT i.digest, o.path FROM image i JOIN origin o ON o.image_id = i.id")
        ),
    ),
    Act(
        "scan",
        demo,
        lambda folder, _n: peakid(folder, "scan"),
        lambda folder: (
            sorted(rows(folder, "SELECT image_a_id, image_b_id, kind, distance FROM duplicate_pair")),
            sorted(rows(folder, "SELECT image_id, kind, score FROM image_issue_score")),
        ),
    ),
    Act(
        "decide",
        demo,
        lambda folder, n: [sys.executable, "-c", DECIDER, str(folder / "workspace"), "400", str(n)],
        lambda folder: len(rows(folder, "SELECT DISTINCT image_id FROM image_state")),
        decided,
    ),
    Act(
        "snapshot",
        demo,
        lambda folder, _n: peakid(folder, "snapshot", "create"),
        lambda folder: rows(folder, "SELECT digest, n_images FROM snapshot"),
    ),
    Act(
        "backup",
        demo,
        lambda folder, n: peakid(folder, "backup", folder / f"backup-{n}.zip"),
        lambda folder: len(rows(folder, "SELECT id FROM image")),
        complete_backups,
    ),
    Act(
        "restore",
        with_backup,
        lambda folder, _n: peakid(folder, "restore", folder / "kept.zip", "--replace"),
        content,
    ),
    Act("migrate", old_workspace, lambda folder, _n: peakid(folder, "init"), migrated, is_backed_up),
)


@dataclass
class Outcome:
    """What happened to one act: the seconds of a run left alone, the moments of the kills, the problems."""

    seconds: float = 0.0
    killed_at_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def killed_run(command: list[str], after_s: float) -> tuple[str, bool]:
    """Run a command and kill it with its children after some time. Return its output and if it was killed."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    time.sleep(after_s)
    is_killed = process.poll() is None
    if is_killed:
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0], is_killed


def tried(act: Act, n_kills: int, rng: random.Random, folder: Path) -> Outcome:
    """Kill an act again and again, each time in a fresh copy of its folder."""
    start = folder / "start"
    start.mkdir(parents=True)
    act.prepare(start)
    outcome = Outcome()
    alone = folder / "alone"
    shutil.copytree(start, alone)
    began = time.perf_counter()
    run(act.command(alone, 0))
    outcome.seconds = time.perf_counter() - began
    expected = act.result(alone)
    number = 0
    while len(outcome.killed_at_s) < n_kills:
        number += 1
        copy = folder / f"copy-{number}"
        # Some commands write absolute paths into the database: the copy takes the place of the original.
        start.rename(folder / "original")
        shutil.copytree(folder / "original", start)
        after_s = rng.uniform(0.3, 1.0) * outcome.seconds
        output, is_killed = killed_run(act.command(start, number), after_s)
        if is_killed:
            outcome.killed_at_s.append(after_s)
            for part in start.rglob(".*.part"):
                os.utime(part, (1, 1))  # The next command clears what is older than a minute.
            try:
                problems = unsound(start) + act.check(start, output)
                run(act.command(start, number + 10_000))
                problems += unsound(start)
                if act.result(start) != expected:
                    problems.append("the result differs from that of a run left alone")
                problems += [f"left behind: {name}" for name in leftovers(start)]
            except (Exception, SystemExit) as error:
                problems = [f"{type(error).__name__}: {error}"]
            outcome.problems += [f"{act.name} killed after {after_s:.2f} s: {each}" for each in problems]
        start.rename(copy)
        shutil.rmtree(copy)
        (folder / "original").rename(start)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30, help="of each command")
    parser.add_argument("--only", default="", help="the name of one command")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    print(f"{'command':10} {'alone':>8} {'kills':>6} {'median kill':>12} {'problems':>9}")
    for act in (act for act in ACTS if given.only in act.name):
        with tempfile.TemporaryDirectory() as folder:
            outcome = tried(act, given.kills, random.Random(given.seed), Path(folder))
        outcomes[act.name] = outcome
        median = statistics.median(outcome.killed_at_s)
        counts = f"{len(outcome.killed_at_s):6} {median:10.2f} s {len(outcome.problems):9}"
        print(f"{act.name:10} {outcome.seconds:6.2f} s {counts}", flush=True)
    for problem in (each for outcome in outcomes.values() for each in outcome.problems):
        print(problem)
    facts = {
        name: {"seconds": each.seconds, "n_kills": len(each.killed_at_s), "problems": each.problems}
        for name, each in outcomes.items()
    }
    n_problems = sum(len(each.problems) for each in outcomes.values())
    print(json.dumps({"bench": "killed_commands", "n_problems": n_problems, "acts": facts}))
    sys.exit(bool(n_problems))


if __name__ == "__main__":
    main()
