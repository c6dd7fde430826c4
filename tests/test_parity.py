"""What a page can do, a command can do: the command line calls every function that changes something."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WINGS = ("acquire", "curate", "dataset", "evaluate", "jobs", "serve")

# Verbs that only look, each drawn by a page in a way that a terminal has another command for.
READS = {
    "curate.queues.bulk.behind",  # queue
    "curate.queues.review_queue.count",  # status
    "curate.queues.review_queue.counted",  # queues
    "curate.queues.review_queue.counts",  # status
    "curate.queues.review_queue.items",  # queue
    "curate.queues.review_queue.waiting",  # queue
    "curate.queues.review_queue.by_class",  # classes list
    "curate.queues.filters.sources",  # queue --source
    "curate.remarks.names",  # queue --tag
    "curate.queues.review_queue.issue_queue",  # queue issue:...
    "curate.queues.review_queue.confusion_queue",  # queue confusion:...
    "curate.classes.names",  # classes list
    "curate.decisions.steps",  # log --steps
    "curate.history.actors",  # log
    "curate.history.utc",  # no verb: writes a time
    "curate.classes.colours",  # classes list
    "curate.duplicates.duplicate_groups.n_waiting",  # duplicates list
}


def calls_of(folder: Path) -> set[str]:
    """Answer `wing.module.verb` for every call into a wing, whatever name it was imported under."""
    found = set()
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("peakid")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in modules
            ):
                found.add(f"{modules[node.value.id]}.{node.attr}".removeprefix("peakid."))
    return {call for call in found if call.split(".")[0] in WINGS}


def test_every_verb_of_a_page_is_a_command_too():
    seen = calls_of(ROOT / "pages") | calls_of(ROOT / "peakid" / "web")
    said = calls_of(ROOT / "peakid" / "cli")
    verbs = {
        call
        for call in seen
        if call.split(".")[-1].islower()
        and not call.startswith(("evaluate.charts.", "evaluate.training_charts."))
    }  # A terminal draws none.
    assert sorted(verbs - said - READS) == []
    assert "curate.decisions.decide" in seen & said  # The test would notice if it read nothing.
