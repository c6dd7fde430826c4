"""What a page can do, a command can do: the command line calls every function that changes something."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("acquire", "curate", "dataset", "embed", "evaluate", "jobs", "keep", "serve", "suggest")

# Modules that draw or format, which a terminal does in another way.
FORMATTING = (
    *(
        "evaluate.charts.",
        "evaluate.errors.confusion_chart.",
        "evaluate.errors.recall_rows.",
        "evaluate.overview_charts.",
    ),
    "evaluate.training_charts.",
    "evaluate.learning_curve.curve_chart.",
    "evaluate.comparing.chart.",
    *("evaluate.training_charts.", "evaluate.heat.share_chart.", "evaluate.heat.overlay."),
    "serve.snippets.",
    "evaluate.score_text.",
    *("evaluate.trust.trust_charts.", "evaluate.trust.trust_text."),
    *("evaluate.slices.slice_chart.", "evaluate.slices.slice_text."),
)

# Functions that only read; the comment names the command that shows the same.
READS = {
    "serve.opening.n_bytes",  # serve: how much memory a model of the app takes
    "serve.http.responses.of_error",  # serve: an error as JSON
    "curate.queues.search_plans.similar_queue",  # queue similar:...
    "embed.outlier_scores.is_outdated",  # outliers
    "embed.relevance.names",  # relevance: its refusal of a name
    "embed.similar.name",  # similar
    "embed.layouts.in_sight",  # map --box, --out
    "curate.step_events.step_of",  # log --steps
    "curate.step_events.is_undone",  # log --steps
    "curate.queues.suggested.fit_number",  # label-issues fits first
    "curate.queues.suggested.fit_that_orders",  # label-issues fits first
    "jobs.suggester.ensure",  # label-issues fits itself
    "curate.queues.review_queue.exists",  # queue: its refusal says the same
    "curate.queues.review_queue.count_up_to",  # queues
    "curate.queues.review_queue.items",  # queue
    "curate.queues.review_queue.waiting",  # queue
    "curate.queues.review_queue.by_class",  # classes list
    "curate.queues.filters.sources",  # queue --source
    "curate.remarks.names",  # queue --tag
    "curate.queues.review_queue.issue_queue",  # queue issue:...
    "curate.queues.audits.is_of_labels",  # queue audit:labels:...
    "curate.queues.audits.audited_step",  # queue audit:STEP
    "suggest.accept.newest",  # suggest audits
    "suggest.accept.of_queue",  # suggest audits
    "curate.decisions.steps",  # log --steps
    "curate.history.actors",  # log
    "curate.step_text.change_text",  # log --image
    "curate.classes.colours",  # classes list
    "curate.duplicates.proposed_groups.drawn_over",  # duplicates list --proposed: the matrix
    "curate.classes.current_names",  # classes list: merged_into
    "jobs.sweep.finding_text",  # sweep --wait: stored in the result
    "curate.queues.review_queue.class_queue",  # queue class:NAME
    "evaluate.figures.of_run",  # evaluate
    "evaluate.figures_state.read",  # evaluate
    "evaluate.figures.is_cheap",  # evaluate
    "suggest.linear_probe.stored_score",  # evaluate
    "curate.queues.run_errors.run_of",  # queue errors:RUN:SPLIT
    "evaluate.comparing.stored_comparisons.of_runs",  # compare, which computes the same
    "evaluate.trust.stored_trust.of_run",  # trust, which computes the same
    "evaluate.slices.stored_slices.of_run",  # slices, which computes the same
    "evaluate.slices.stored_slices.crossed",  # slices --cross
    "evaluate.run_scores.of_runs",  # evaluate
    "evaluate.score_warnings.of",  # report
    "evaluate.report_file.gather.gather",  # report
    "evaluate.report_file.writing.as_html",  # report --html
    "evaluate.report_file.writing.as_json",  # report --figures
    "serve.albums.previews.thumbnail",  # albums show: the photos are files of the person
    "dataset.snapshot.n_not_compared",  # snapshot create compares them
    "jobs.queue.newest",  # jobs list
    "jobs.bundling.made",  # jobs list
    "jobs.queue.list_ended",  # jobs list
    "acquire.demo_apart.is_demo",  # workspaces list
    "acquire.demo_apart.is_complete",  # import list
    "acquire.demo_apart.own_folder",  # demo: its refusal names the folder
    "acquire.folder_listing.read",  # ls; import folder --dry-run counts what an import would read
    "acquire.folder_listing.files",  # ls
    "suggest.map_palette.of",  # map --png
    "curate.queues.ranges.parse",  # queue --ranges
    "curate.queues.ranges.with_range",  # queue --ranges
    "curate.queues.selections.image_queue",  # queue image:ID
    "embed.layouts.show",  # map
    "embed.layouts.is_possible",  # map: its refusal says the same
    "suggest.map_colours.available",  # map --colour
    "suggest.map_colours.version",  # map: reads all of it
    "embed.stored.unread",  # embed --wait
    "jobs.embedding.coverage",  # embed list
    "evaluate.heat.heat_shares.shares_of",  # gradcam
    "jobs.evaluation.heat_maps.newest_job",  # jobs list
    "acquire.sources.browsing.programs.installed",  # collect browser: its refusal says the same
    "acquire.sources.browsing.adapter.of_text",  # collect browser FILE.toml
    "jobs.collecting.browsing.list_of",  # collect browser: names its list
    "acquire.sources.services.lacking",  # collect search: its refusal says the same
    "curate.queues.search_plans.outlier_queue",  # queue outliers
    "jobs.collecting.costs.n_expected",  # collect search --dry-run
    "jobs.collecting.costs.of_estimates",  # collect search --dry-run: the numbers it comes from
    "jobs.collecting.drafts.classes_of",  # collect search --classes
    "jobs.collecting.drafts.of_collection",  # collect list
    "jobs.collecting.drafts.plan_of",  # collect search
    "jobs.collecting.drafts.shared_out",  # collect search --max
    "jobs.collecting.drafts.text_of",  # collect list
    "jobs.collecting.lists.columns_of",  # collect urls --url-column: its refusal names them
    "jobs.collecting.plans.checked",  # collect search: plans.estimate and plans.save call it
    "jobs.collecting.plans.save",  # collect search: jobs.collecting.wanted.save calls it
    "jobs.collecting.retraining.state",  # collect run --due: retraining.ensure calls it
    "jobs.collecting.samples.thumbnails",  # collect search --dry-run --json: their addresses
    "jobs.random_start.find",  # train: its refusal says the same
    "jobs.refusals.refuse_empty_splits",  # train: its refusal says the same
    "curate.image_issues.title",  # issues: the kind as it is stored
}


def calls_of(folder: Path) -> set[str]:
    """Return `package.module.function` for every call into PACKAGES in a folder and its subfolders."""
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
    return {call for call in found if call.split(".")[0] in PACKAGES}


def test_everything_a_page_can_do_is_a_command_too() -> None:
    seen = calls_of(ROOT / "pages") | calls_of(ROOT / "peakid" / "web")
    commands = calls_of(ROOT / "peakid" / "cli")
    functions = {call for call in seen if call.split(".")[-1].islower() and not call.startswith(FORMATTING)}
    assert sorted(functions - commands - READS) == []
    assert sorted(READS - (functions - commands)) == []  # No stale exception.
    assert "curate.decisions.decide" in seen & commands  # The test fails if it finds no calls at all.
