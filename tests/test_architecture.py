"""The rules of docs/architecture.md as data. Each is checked on the code and fails on a planted breach."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from tests.parsed import modules

ROOT = Path(__file__).resolve().parents[1]
STANDALONE = "peakid/serve/bundle/files/"  # Files of a bundle, which run without Peakid.

# Highest first. A module may import from lower layers and from its own part, never from a sibling part.
LAYERS: list[set[str]] = [
    {"pages", "streamlit_app", "peakid.cli", "peakid.web", "peakid.__main__"},
    {"peakid.jobs.child"},
    {"peakid.jobs.tasks"},
    {"peakid.jobs"},
    {"peakid.engines"},
    {"peakid.suggest"},
    {"peakid.dataset", "peakid.evaluate", "peakid.learn", "peakid.serve"},
    {"peakid.curate.feedback", "peakid.curate.listed"},
    {"peakid.acquire", "peakid.curate", "peakid.keep"},
    {"peakid.embed"},
    {"peakid.store"},
    {"peakid.recipe", "peakid.imaging", "peakid.demo"},
    {"peakid.settings", "peakid.resources", "peakid.clean_text"},
    {"peakid.settings_file"},
    {"peakid.documents", "peakid.public_fetch", "peakid.store_urls"},
    {
        "peakid.checked_network",
        "peakid.files",
        "peakid.hosts",
        "peakid.licences",
        "peakid.near_names",
        "peakid.paths",
        "peakid.printable",
        "peakid.progress_text",
    },
    {"peakid.errors"},
    {"peakid.records"},
    {"peakid.export_records", "peakid.import_records"},
    {"peakid.remedies", "peakid.run_records", "peakid.job_settings"},
    {"peakid"},
]
SAME_LAYER_ALLOWED = {
    ("pages", "peakid.web"),
    ("streamlit_app", "peakid.web"),
    ("peakid.__main__", "peakid.cli"),
}
TORCH = {"torch", "torchvision", "fastai", "timm"}
STORED_FIELDS = ("digest", "path", "folder", "file")
# Streamlit draws these with Markdown; the label of a menu too, but not its options.
MARKDOWN = (
    *("markdown", "caption", "info", "warning", "error", "success", "toast", "write", "badge"),
    *("title", "header", "subheader", "button", "download_button", "link_button", "form_submit_button"),
    *("metric", "expander", "popover", "tabs", "checkbox", "toggle", "progress", "status", "spinner"),
)
MARKDOWN_ARGUMENTS = ("help", "text", "label", "body", "caption")
FIGURE_ARGUMENTS = ("title", "text", "hovertext", "hovertemplate", "customdata", "ticktext")
NAMES_OF_OTHERS = (
    *(
        "name",
        "class_name",
        "label",
        "given",
        "predicted",
        "given_label",
        "predicted_label",
        "path",
        "folder",
    ),
    *("actor", "note", "tag", "message", "remedy", "error_text", "text", "device", "started_from"),
)
FACES = ("pages", "streamlit_app", "peakid.web", "peakid.cli", "peakid.__main__")
MAX_LINES, MAX_PAGE_LINES, MAX_BODY_LINES, MAX_FILES = 400, 150, 50, 24
# Where JSON, TOML, a form or torch's state is read or written, beside functions named document and to_json.
JSON_EDGE = (
    "peakid.cli",
    "peakid.serve.http.openapi",
    *("peakid.jobs.job", "peakid.jobs.tasks", "peakid.store.run_rows", "peakid.store.workspace"),
    *("peakid.recipe.loading", "peakid.recipe.grid", "peakid.recipe.cards", "peakid.settings_file"),
    *(
        "peakid.web.training.phase_editor",
        "peakid.web.training.recipe_draft",
        "peakid.web.training.recipe_form",
    ),
    *(
        "peakid.learn.fit",
        "peakid.learn.folds",
        "peakid.learn.train",
        "peakid.learn.network.checkpoint",
        "peakid.learn.batches.subsets",
    ),
)
SQL = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
DECISION_WRITE = re.compile(r"\b(INSERT( OR \w+)? INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+decision\b", re.I)


# Bytes are decoded in the guarded process only: by `imaging` and by the work of an import, which run there.
# The demo opens what it has just drawn.
DECODING = ("peakid.imaging", "peakid.acquire.decode_task", "peakid.demo")
DECODES = (
    *(
        "Image.open",
        "ImageFile",
        "pixels.decode",
        "pixels.decode_at_least",
        "pixels.digest",
        "pixels.as_jpeg",
    ),
    *("pixels.preprocess", "pixels.preprocess_many", "inspection.inspect", "cv2.imread", "imread"),
)


@dataclass(frozen=True)
class Source:
    """One module. `path` is relative to the project."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree; every rule looks at them."""
        return list(ast.walk(self.tree))

    @cached_property
    def module(self) -> str:
        parts = list(Path(self.path).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def imported(self) -> list[tuple[str, str]]:
        """Each import as the module and the name that is taken from it, or ''."""
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [(str(node.module), alias.name) for alias in node.names]
        return found

    def is_in(self, *packages: str) -> bool:
        return any(self.module == name or self.module.startswith(f"{name}.") for name in packages)


Sources = dict[str, Source]
"""By module name."""


def source(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text))


@cache
def read_sources() -> Sources:
    found = [
        Source(name, code, tree)
        for name, (code, tree) in modules().items()
        if not name.startswith(STANDALONE)
    ]
    return {each.module: each for each in found}


def imports(each: Source, sources: Sources) -> set[str]:
    """Every imported module, inside functions and TYPE_CHECKING blocks too."""
    return {
        name if not name_inside or f"{name}.{name_inside}" not in sources else f"{name}.{name_inside}"
        for name, name_inside in each.imported
    }


def libraries(each: Source) -> set[str]:
    return {name.split(".")[0] for name in imports(each, {})}


@cache
def part_of(module: str) -> tuple[int, str]:
    """The layer and the part that a module belongs to; the longest name wins."""
    for name in sorted({name for layer in LAYERS for name in layer}, key=len, reverse=True):
        if module == name or module.startswith(name + "."):
            return next(i for i, layer in enumerate(LAYERS) if name in layer), name
    raise AssertionError(f"{module} has no layer")


def functions(each: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in each.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def strings(each: Source) -> Iterator[str]:
    constants = (n for n in each.nodes if isinstance(n, ast.Constant))
    return (node.value for node in constants if isinstance(node.value, str))


def upward(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        layer, part = part_of(each.module)
        for target in imports(each, sources):
            if not target.startswith(("peakid", "pages")):
                continue
            target_layer, target_part = part_of(target)
            is_allowed = target_part == part or (part, target_part) in SAME_LAYER_ALLOWED
            if not is_allowed and target_layer <= layer:
                yield f"{each.module} imports {target}"


def circles(sources: Sources) -> Iterator[str]:
    graph = {module: imports(each, sources) & set(sources) for module, each in sources.items()}
    while leaves := [module for module, targets in graph.items() if not targets & set(graph)]:
        for module in leaves:
            del graph[module]
    yield from (f"{module} is part of a circle" for module in graph)


def relative(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        if any(isinstance(node, ast.ImportFrom) and node.level for node in each.nodes):
            yield f"{each.module} uses a relative import"


def importers(names: set[str], *, allowed: tuple[str, ...]) -> Callable[[Sources], Iterator[str]]:
    """Find modules outside `allowed` that import a library or a package of the project."""

    def check(sources: Sources) -> Iterator[str]:
        for each in sources.values():
            found = {t for t in imports(each, sources) if any(t == n or t.startswith(f"{n}.") for n in names)}
            if found and not each.is_in(*allowed):
                yield f"{each.module} imports {', '.join(sorted(found))}"

    return check


def eager_scipy(sources: Sources) -> Iterator[str]:
    """Find imports of parts of SciPy that take 0.1 to 0.6 s in every process, where a call may never come."""
    for each in sources.values():
        for name, name_inside in each.imported:
            parts = {name, f"{name}.{name_inside}"} & {"scipy.stats", "scipy.optimize", "scipy.signal"}
            if parts:
                yield f"{each.module} imports {parts.pop()}: `import scipy` loads it at its first use"


def importing(package: str, names: set[str]) -> Callable[[Sources], Iterator[str]]:
    """Find modules of a package that import what it must not know."""

    def check(sources: Sources) -> Iterator[str]:
        for each in sources.values():
            found = {t for t in imports(each, sources) if any(t == n or t.startswith(f"{n}.") for n in names)}
            if found and each.is_in(package):
                yield f"{each.module} imports {', '.join(sorted(found))}"

    return check


def sql_in_faces(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        if each.is_in(*FACES):
            yield from (f"{each.module}: {text[:60]}" for text in strings(each) if SQL.search(text))


def decision_writers(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        if each.module != "peakid.store.decision_log":
            yield from (
                f"{each.module}: {text[:60]}" for text in strings(each) if DECISION_WRITE.search(text)
            )


def environment_readers(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        attributes = {node.attr for node in each.nodes if isinstance(node, ast.Attribute)}
        if attributes & {"environ", "getenv"} and each.module != "peakid.settings":
            yield f"{each.module} reads the environment"


def decoders(sources: Sources) -> Iterator[str]:
    """Find calls of a function that decodes bytes; passing it to `gate.call` is no call of it."""
    for each in sources.values():
        if each.is_in(*DECODING):
            continue
        for node in each.nodes:
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name.endswith(DECODES):
                yield f"{each.module} calls {name}"


def stored_names(sources: Sources) -> Iterator[str]:
    """Find `folder / row["path"]` and its kind: only `peakid.paths` joins a stored name to a folder."""
    for each in sources.values():
        if not each.is_in("peakid.paths", "peakid.demo"):  # The demo names its files itself.
            for node in each.nodes:
                if any(_is_stored(part) for part in _joined_names(node)):
                    yield f"{each.module}: {ast.unparse(node)}"


def _joined_names(node: ast.AST) -> list[ast.expr]:
    """What a node joins to a path: the right side of `/`, or the arguments of `joinpath` and `Path(a, b)`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [node.right]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return node.args if name == "joinpath" else node.args[1:] if name == "Path" else []
    return []


def _is_stored(node: ast.AST) -> bool:
    """Return whether an expression holds a column of a row, or a field that is read from one."""
    if isinstance(node, ast.Subscript):
        is_constant = isinstance(node.value, ast.Name) and node.value.id.isupper()
        return not is_constant and isinstance(getattr(node.slice, "value", None), str)
    if isinstance(node, ast.Attribute) and node.attr in STORED_FIELDS:
        return ast.unparse(node) != "workspace.path"
    return any(_is_stored(part) for part in ast.iter_child_nodes(node))


def long_files(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        limit = MAX_PAGE_LINES if each.is_in("pages") else MAX_LINES
        if (n := len(each.text.splitlines())) > limit:
            yield f"{each.path} has {n} lines, over {limit}"


def long_functions(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        for node in functions(each):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body and (body[-1].end_lineno or 0) - body[0].lineno >= MAX_BODY_LINES:
                yield f"{each.module}.{node.name} is too long"


def full_folders(sources: Sources) -> Iterator[str]:
    counted = Counter(str(Path(each.path).parent) for each in sources.values())
    yield from (f"{folder} has {n} modules" for folder, n in counted.items() if n > MAX_FILES)


def undescribed(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        if not each.path.endswith("__init__.py") and not ast.get_docstring(each.tree):
            yield f"{each.path} has no opening sentence"


# The last resort of a job, a command and a page: they explain an exception, or raise it again.
CATCH_EVERYTHING = (
    *("peakid.jobs.worker", "peakid.jobs.child", "peakid.cli.main", "peakid.web.session"),
    *("peakid.serve.http.batching", "peakid.engines.runner"),
    "peakid.engines.ray_pool",
    *("peakid.jobs.ranks.rank", "peakid.learn.ranks.ranks", "peakid.engines.fit_ray"),  # Ranks, likewise.
)


def broad_excepts(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        handlers = [node for node in each.nodes if isinstance(node, ast.ExceptHandler)]
        is_broad = any(h.type is None or getattr(h.type, "id", "") == "Exception" for h in handlers)
        if is_broad and each.module not in CATCH_EVERYTHING:
            yield f"{each.module} catches every exception"


def untyped_signatures(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        if not each.is_in(*JSON_EDGE):
            for node in functions(each):
                arguments = [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]
                notes = [*(argument.annotation for argument in arguments), node.returns]
                is_untyped = any("dict[str, Any]" in ast.unparse(note) for note in notes if note is not None)
                if is_untyped and not node.name.endswith(("document", "to_json")):
                    yield f"{each.module}.{node.name} takes or returns a dict of unknown shape"


def query_readers(sources: Sources) -> Iterator[str]:
    for each in sources.values():
        names = {ast.unparse(node) for node in each.nodes if isinstance(node, ast.Attribute)}
        if each.module != "peakid.web.address" and names & {"st.query_params", "streamlit.query_params"}:
            yield f"{each.module} reads or writes query parameters itself"


def table_drawers(sources: Sources) -> Iterator[str]:
    """Find tables that `web.tables` does not draw: their cells would obey marks of the writing direction."""
    for each in sources.values():
        names = {ast.unparse(node) for node in each.nodes if isinstance(node, ast.Attribute)}
        if each.module != "peakid.web.tables" and names & {"st.dataframe", "st.table"}:
            yield f"{each.module} draws a table itself"


def markup_of_others(sources: Sources) -> Iterator[str]:
    """Find names that reach a text with Markdown, or a text of a figure, without being escaped."""
    for each in sources.values():
        for node in each.nodes:
            if isinstance(node, ast.Call) and each.is_in("pages", "peakid.web", "peakid.evaluate"):
                is_markdown = getattr(node.func, "attr", "") in MARKDOWN
                texts = [*node.args] if is_markdown else []
                shown = MARKDOWN_ARGUMENTS if is_markdown else FIGURE_ARGUMENTS
                texts += [argument.value for argument in node.keywords if argument.arg in shown]
                yield from (f"{each.module}: {ast.unparse(text)}" for text in texts if _has_raw_name(text))


def _has_raw_name(node: ast.AST) -> bool:
    """Return whether an expression shows a name as it is, not what a function makes of it."""
    if isinstance(node, ast.Attribute):
        return node.attr in NAMES_OF_OTHERS
    if isinstance(node, ast.Call | ast.Compare):
        return False
    return any(_has_raw_name(part) for part in ast.iter_child_nodes(node))


def vague_names(sources: Sources) -> Iterator[str]:
    vague = {"utils", "helpers", "common", "misc", "manager", "base"}
    yield from (each.path for each in sources.values() if Path(each.path).stem in vague)


@dataclass(frozen=True)
class Rule:
    """`breach` is a module that breaks the rule: its path and its text."""

    says: str
    check: Callable[[Sources], Iterator[str]]
    breach: tuple[str, str]


FACE_IMPORTS_LEARN = ("pages/planted.py", '"""x"""\nfrom peakid.learn import fit\n')
LONG_FUNCTION = '"""x"""\ndef f():\n' + "    x = 1\n" * (MAX_BODY_LINES + 1)

RULES = [
    Rule("imports go down only", upward, ("peakid/store/planted.py", "from peakid.curate import decisions")),
    Rule(
        "siblings do not import each other",
        upward,
        ("peakid/serve/planted.py", "import peakid.dataset.split"),
    ),
    Rule("no circle", circles, ("peakid/records.py", "from peakid import errors")),
    Rule("no relative import", relative, ("peakid/serve/planted.py", "from . import predictor")),
    Rule(
        "only jobs import learn",
        importers({"peakid.learn"}, allowed=("peakid.jobs", "peakid.learn")),
        FACE_IMPORTS_LEARN,
    ),
    Rule(
        "torch only in learn",
        importers(TORCH, allowed=("peakid.learn",)),
        ("peakid/recipe/planted.py", "import torch.nn"),
    ),
    Rule(
        "slow parts of SciPy are loaded where they are used",
        eager_scipy,
        ("peakid/evaluate/planted.py", "from scipy import stats"),
    ),
    Rule(
        "streamlit only in pages and web",
        importers({"streamlit"}, allowed=("pages", "peakid.web", "streamlit_app")),
        ("peakid/curate/planted.py", "def f():\n    import streamlit"),
    ),
    Rule(
        "learn knows no workspace",
        importing("peakid.learn", {"peakid.store", "sqlite3"}),
        ("peakid/learn/planted.py", "from peakid.store import runs"),
    ),
    Rule(
        "recipe knows neither torch nor a workspace",
        importing("peakid.recipe", {*TORCH, "peakid.store", "sqlite3"}),
        ("peakid/recipe/planted.py", "import sqlite3"),
    ),
    Rule(
        "imaging knows neither torch nor a workspace",
        importing("peakid.imaging", {*TORCH, "peakid.store", "sqlite3"}),
        ("peakid/imaging/planted.py", "from peakid.store.workspace import Workspace"),
    ),
    Rule(
        "pages, web and commands hold no SQL",
        sql_in_faces,
        ("pages/planted.py", 'x = "SELECT id FROM image"'),
    ),
    Rule(
        "only store.decision_log writes decisions",
        decision_writers,
        ("peakid/curate/planted.py", 'x = "INSERT INTO decision (image_id) VALUES (1)"'),
    ),
    Rule(
        "only settings reads the environment",
        environment_readers,
        ("peakid/jobs/planted.py", "import os\nos.environ"),
    ),
    Rule(
        "a job reads no settings of its own",
        importers(
            {"peakid.settings"},
            allowed=(
                *("pages", "streamlit_app", "peakid.web", "peakid.cli"),
                *(
                    "peakid.jobs.submit",
                    "peakid.jobs.added_weights",
                    "peakid.jobs.embedding",
                    "peakid.jobs.presence",
                    "peakid.jobs.run_predictor.requests",
                ),  # In the process that submits.
                *("peakid.jobs.queueing", "peakid.jobs.search", "peakid.jobs.evaluation"),  # Likewise.
                "peakid.store.folders.recent_workspaces",  # For pages and commands.
                # In a job they are those of the job.
                *("peakid.store.objects.cache", "peakid.store.objects.opening"),
                *("peakid.jobs.child", "peakid.jobs.process"),  # Sets them, and starts without them.
                *("peakid.engines.runner", "peakid.engines.local_pool"),  # The same for workers.
                "peakid.engines.ray_pool",  # What Ray reads when it is loaded.
                # The same for ranks.
                *("peakid.engines.fit_local", "peakid.engines.fit_process", "peakid.jobs.ranks.rank"),
                *(
                    "peakid.acquire",
                    "peakid.imaging",
                    "peakid.serve",
                ),  # `current()`: in a job, those of the job.
            ),
        ),
        ("peakid/learn/planted.py", "from peakid import settings"),
    ),
    Rule(
        "only web.address reads query parameters",
        query_readers,
        ("pages/planted.py", 'import streamlit as st\nx = st.query_params["queue"]'),
    ),
    Rule(
        "only web.tables draws a table",
        table_drawers,
        ("pages/planted.py", "import streamlit as st\nst.dataframe([])"),
    ),
    Rule(
        "a name in a text is escaped",
        markup_of_others,
        ("pages/planted.py", 'import streamlit as st\nst.caption(f"Class {row.class_name}")'),
    ),
    Rule(
        "bytes are decoded in the guarded process only",
        decoders,
        ("peakid/web/planted.py", "from PIL import Image\ndef f(x):\n    return Image.open(x)"),
    ),
    Rule(
        "only paths joins a stored name to a folder",
        stored_names,
        ("peakid/store/planted.py", "x = folder / f\"{row['path']}.jpg\""),
    ),
    Rule("files stay short", long_files, ("pages/planted.py", "x = 1\n" * (MAX_PAGE_LINES + 1))),
    Rule("functions stay short", long_functions, ("peakid/serve/planted.py", LONG_FUNCTION)),
    Rule("a module opens with a sentence", undescribed, ("peakid/serve/planted.py", "x = 1")),
    Rule(
        "nothing is swallowed",
        broad_excepts,
        ("peakid/serve/planted.py", "try:\n    x = 1\nexcept Exception:\n    pass"),
    ),
    Rule(
        "signatures are typed",
        untyped_signatures,
        ("peakid/curate/planted.py", "def f(*, basis: dict[str, Any] | None) -> None: ..."),
    ),
    Rule("a module's name says what it does", vague_names, ("peakid/serve/utils.py", '"""x"""')),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    assert list(rule.check(read_sources())) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_the_rule_finds_a_planted_breach(rule: Rule) -> None:
    planted = source(*rule.breach)
    others = {name: each for name, each in read_sources().items() if name != planted.module}
    found = rule.check(
        {planted.module: planted, **others}
    )  # The planted one comes first: the rest is not read.
    assert any(planted.module in line or planted.path in line for line in found)


def test_folders_stay_small_and_a_full_one_is_found() -> None:
    assert list(full_folders(read_sources())) == []
    planted = [source(f"peakid/serve/planted_{n}.py", "") for n in range(MAX_FILES + 1)]
    assert list(full_folders({each.module: each for each in planted})) == [
        f"peakid/serve has {MAX_FILES + 1} modules"
    ]
