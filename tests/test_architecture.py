"""The dependency rules of docs/architecture.md, read from the code itself."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("peakid/**/*.py"), *ROOT.glob("pages/*.py"), *ROOT.glob("streamlit_app.py")])

# Highest first. A module may import from lower layers and from its own package, never from a sibling package.
LAYERS: list[set[str]] = [
    {"pages", "streamlit_app", "peakid.cli", "peakid.web", "peakid.__main__"},
    {"peakid.jobs.child"},
    {"peakid.jobs.tasks"},
    {"peakid.jobs"},
    {"peakid.evaluate", "peakid.learn", "peakid.serve", "peakid.dataset"},
    {"peakid.curate", "peakid.acquire", "peakid.keep"},
    {"peakid.decoder"},
    {"peakid.images", "peakid.decision_log", "peakid.runs", "peakid.exports", "peakid.status", "peakid.tombstones"},
    {"peakid.workspace", "peakid.pixels", "peakid.hashes", "peakid.demo"},
    {"peakid.settings", "peakid.decoder_child", "peakid.scenery", "peakid.camera", "peakid.measures"},
    {"peakid.records", "peakid.image_records", "peakid.errors"},
    {"peakid"},
]
SAME_LAYER_ALLOWED = {
    ("peakid.errors", "peakid.records"),  # Errors carry the vocabulary of reasons.
    ("peakid.image_records", "peakid.records"),
    ("peakid.pixels", "peakid.workspace"),
    ("pages", "peakid.web"),
    ("streamlit_app", "peakid.web"),
    ("peakid.__main__", "peakid.cli"),
}
TORCH = {"torch", "torchvision", "fastai", "timm"}


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> tuple[int, str]:
    """Answer the layer and the part that a module belongs to; the longest name wins."""
    for name in sorted({name for layer in LAYERS for name in layer}, key=len, reverse=True):
        if module == name or module.startswith(name + "."):
            return next(i for i, layer in enumerate(LAYERS) if name in layer), name
    raise AssertionError(f"{module} has no layer in docs/architecture.md")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> set[str]:
    """Answer every imported module, inside functions and TYPE_CHECKING blocks too."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            for alias in node.names:
                candidate = ROOT / Path(*f"{node.module}.{alias.name}".split("."))
                is_module = candidate.with_suffix(".py").exists() or candidate.is_dir()
                found.add(f"{node.module}.{alias.name}" if is_module else str(node.module))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_go_down_only(path):
    layer, part = part_of(module_name(path))
    for target in imports_of(path):
        if not target.startswith(("peakid", "pages")):
            continue
        target_layer, target_part = part_of(target)
        if target_part == part or (part, target_part) in SAME_LAYER_ALLOWED:
            continue
        assert target_layer > layer, f"{module_name(path)} imports {target}, which is not below it"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_heavy_and_facing_libraries_stay_in_their_wing(path):
    module, roots = module_name(path), {name.split(".")[0] for name in imports_of(path)}
    if not module.startswith("peakid.learn"):
        assert not roots & TORCH
    if not module.startswith(("pages", "peakid.web", "streamlit_app")):
        assert "streamlit" not in roots
    if module.startswith("peakid.learn"):
        assert "peakid.workspace" not in imports_of(path)
        assert "sqlite3" not in roots


def test_no_module_is_part_of_a_circle():
    graph = {module_name(path): imports_of(path) for path in SOURCES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module in done or module not in graph:
            return
        for target in graph[module]:
            visit(target, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if module_name(path).startswith(("pages", "peakid.web", "peakid.cli"))], ids=module_name
)
def test_faces_hold_no_sql(path):
    texts = [node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if re.search(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b", text)]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_only_settings_reads_the_environment(path):
    reads = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")]
    assert not reads or module_name(path) == "peakid.settings"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_stay_short(path):
    limit = 150 if module_name(path).startswith("pages") else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            body = node.body[1:] if has_docstring else node.body
            assert not body or (body[-1].end_lineno or 0) - body[0].lineno < 50, f"{node.name} is too long"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_module_opens_with_what_is_decided_there_and_swallows_nothing(path):
    if path.name != "__init__.py":
        assert ast.get_docstring(tree_of(path)), f"{path.name} has no opening sentence"
    broad = [
        n
        for n in ast.walk(tree_of(path))
        if isinstance(n, ast.ExceptHandler) and (n.type is None or getattr(n.type, "id", "") == "Exception")
    ]
    assert not broad or module_name(path) in ("peakid.jobs.worker", "peakid.jobs.child")
    assert path.stem not in ("utils", "helpers", "common", "misc", "manager", "base")
