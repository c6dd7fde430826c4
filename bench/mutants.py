"""Change the riskiest modules in one place at a time, and count the changes that no test notices.

`pip install cosmic-ray==8.7.0` in any environment, then `python bench/mutants.py --python .venv/bin/python`.
cosmic-ray changes the Python, and this script the SQL in it. Each mutant is tested in a copy of the checkout.
"""

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {  # Module -> the tests that should notice.
    "peakid/curate/decisions.py": ["tests/curate/test_decisions.py", "tests/curate/test_history.py"],
    "peakid/curate/undo_since.py": ["tests/curate/test_history.py"],
    "peakid/store/decision_log.py": ["tests/curate/test_decisions.py", "tests/curate/test_history.py"],
    "peakid/dataset/split.py": ["tests/dataset/test_split.py"],
    "peakid/dataset/snapshot.py": ["tests/dataset/test_snapshot.py", "tests/cli/test_dataset.py"],
    "peakid/keep/forget.py": ["tests/keep/test_forget.py"],
    "peakid/keep/backup.py": ["tests/keep/test_backup.py", "tests/keep/test_restore.py"],
    "peakid/keep/restore.py": ["tests/keep/test_restore.py", "tests/keep/test_backup.py"],
    "peakid/web/server/guard.py": ["tests/web/server/test_guard.py"],
    "peakid/learn/export/proof.py": ["tests/learn/network/test_export_proof.py"],
    "peakid/evaluate/intervals.py": ["tests/evaluate/test_figures.py", "tests/evaluate/test_report.py"],
    "peakid/evaluate/charts.py": ["tests/evaluate/test_charts.py"],
    "peakid/jobs/queue.py": ["tests/jobs/test_queue.py", "tests/jobs/test_copied_workspace.py"],
}
COPIED = ("peakid", "pages", "tests", "db", "recipes", "docs", "bench", "cases")
OPERATORS = re.compile(  # The others make many mutants that are equal to the code or fail at once.
    r"core/(ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Lt_Gt|Gt_Lt|Is_IsNot|IsNot_Is)"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|BitOr_BitAnd|BitAnd_BitOr)"
    r"|AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr|ReplaceOrWithAnd"
    r"|ReplaceBreakWithContinue|ReplaceContinueWithBreak|NumberReplacer|ZeroIterationForLoop)"
)
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|JOIN|ORDER BY|FROM)\b")
SQL_CHANGES = (
    (">=", ">"),
    ("<=", "<"),
    (r"(?<![<>])>(?!=)", ">="),
    (r"(?<!<)<(?![=>])", "<="),
    (r"(?<![<>])= \?", "<> ?"),
    (r"\bAND\b", "OR"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bDESC\b", "ASC"),
    (r"\bMAX\(", "MIN("),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
)


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    module: str
    code: str
    diff: str


def mutants(module: str) -> list[tuple[str, str]]:
    """Return every (description, changed code) of a module."""
    from cosmic_ray import plugins
    from cosmic_ray.mutating import mutate_code

    source = (ROOT / module).read_text()
    changed = list(_sql_mutants(source))
    for name in filter(OPERATORS.fullmatch, plugins.operator_names()):
        operator = plugins.get_operator(name)()
        occurrence = 0
        while (code := mutate_code(source, operator, occurrence)) is not None:
            occurrence += 1
            if code != source and _is_behaviour(source, code):
                changed.append((name, code))
    return changed


def _sql_mutants(source: str) -> Iterator[tuple[str, str]]:
    lines = source.splitlines(keepends=True)
    starts = [0, *(sum(len(line) for line in lines[: i + 1]) for i in range(len(lines)))]
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)):
            continue
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        for old, new in SQL_CHANGES:
            for match in re.finditer(old, source[begin:end]):
                at = begin + match.start()
                yield f"sql {old}", source[:at] + new + source[begin + match.end() :]


def _is_behaviour(source: str, code: str) -> bool:
    """Return whether a change is outside signatures, type hints, the texts of messages and safety nets."""
    changed = [line[2:] for line in difflib.ndiff(source.splitlines(), code.splitlines()) if line[:1] == "-"]
    beside = re.compile(r"\s*(from|import|def|class|@|\w+: ).*|.*(strict=True|f\"[^\"]*\[:)|\s*f?\"[A-Z].*")
    return not any(beside.fullmatch(line) or "strict=True" in line for line in changed)


def _diff(module: str, code: str) -> str:
    lines = difflib.unified_diff(
        (ROOT / module).read_text().splitlines(), code.splitlines(), module, module, n=0, lineterm=""
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def copy_checkout(to: Path) -> None:
    to.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith(".git"):
            shutil.copy(file, to / file.name)


def run_tests(python: str, copy: Path, tests: list[str], limit_s: float) -> str:
    """Return "killed", "timeout" or "survived"."""
    command = [python, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return "timeout"
    return "killed" if done.returncode == 1 else "survived" if done.returncode == 0 else "killed at import"


class Copies:
    """Copies of the checkout, in each of which one mutant is tested at a time."""

    def __init__(self, folder: Path, n_copies: int, python: str) -> None:
        self._python = python
        self._free: SimpleQueue[Path] = SimpleQueue()
        for i in range(n_copies):
            copy_checkout(folder / str(i))
            self._free.put(folder / str(i))

    def test(self, mutant: Mutant, limit_s: float = 300) -> str:
        """Return "killed", "timeout" or "survived"."""
        copy = self._free.get()
        (copy / mutant.module).write_text(mutant.code)
        try:
            return run_tests(self._python, copy, TARGETS[mutant.module], limit_s)
        finally:
            shutil.copy(ROOT / mutant.module, copy / mutant.module)
            self._free.put(copy)

    def check(self, module: str) -> None:
        """Raise SystemExit if the tests of a module fail without a change."""
        outcome = self.test(Mutant(module, (ROOT / module).read_text(), ""), limit_s=600)
        if outcome != "survived":
            raise SystemExit(f"The tests of {module} do not pass without a change: {outcome}.")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter with the project's tests")
    parser.add_argument("--each", type=int, default=10, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a module's path")
    parser.add_argument("--copies", type=int, default=2, help="mutants tested at the same time")
    return parser.parse_args()


def main() -> None:
    given = options()
    rng = random.Random(given.seed)
    python = os.path.abspath(given.python)  # noqa: PTH100 - resolving the link would leave the environment.
    chosen = []
    for module in (name for name in TARGETS if given.only in name):
        every = mutants(module)
        picked = rng.sample(every, min(given.each, len(every)))
        chosen += [Mutant(module, code, _diff(module, code)) for _, code in picked]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.copies) as pool:
        copies = Copies(Path(folder), given.copies, python)
        list(pool.map(copies.check, dict.fromkeys(mutant.module for mutant in chosen)))
        outcomes = list(pool.map(copies.test, chosen))
    report(chosen, outcomes, time.perf_counter() - started)


def report(chosen: list[Mutant], outcomes: list[str], seconds: float) -> None:
    print(f"{'module':36} {'mutants':>8} {'killed':>8} {'survived':>9}")
    for module in dict.fromkeys(mutant.module for mutant in chosen):
        own = [outcome for mutant, outcome in zip(chosen, outcomes, strict=True) if mutant.module == module]
        n_survived = own.count("survived")
        print(f"{module:36} {len(own):8} {len(own) - n_survived:8} {n_survived:9}")
    survivors = [mutant for mutant, outcome in zip(chosen, outcomes, strict=True) if outcome == "survived"]
    for mutant in survivors:
        print(f"\n{mutant.module} survived:\n{mutant.diff}")
    facts = {
        "n": len(chosen),
        "n_survived": len(survivors),
        "seconds": round(seconds),
        "date": str(date.today()),
    }
    print(json.dumps({"bench": "mutants", **facts, "survivors": [[m.module, m.diff] for m in survivors]}))


if __name__ == "__main__":
    main()
