"""The scripts that a page will need are those of the Streamlit that is installed."""

import json
from pathlib import Path

import pytest
import streamlit as st

from peakid.web import navigation
from peakid.web.gallery import scripts
from peakid.web.server import element_scripts, page_script

STATIC = Path(st.__file__).parent / "static"
KINDS = sorted(
    {
        *element_scripts.EVERYWHERE,
        *element_scripts.LATER,
        *element_scripts.OF_PAGE["evaluate"],
        *(kind for kinds in element_scripts.OF_TAB.values() for kind in kinds),
    }
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_of_a_kind_is_found_with_its_imports(kind: str) -> None:
    found = element_scripts.of_kinds([kind])
    assert found[0].startswith(f"./static/js/{kind}.")
    assert len(found) > 1
    assert all((STATIC / each).is_file() for each in found)


def test_an_unknown_kind_has_no_script() -> None:
    assert element_scripts.of_kinds(["NoSuchElement"]) == []


def test_the_evaluate_page_loads_its_matrix_and_others_do_not() -> None:
    matrix = scripts.address("matrix_draw.js")  # Which matrix.js imports.
    for query in ("", "run=2&tab=errors"):
        assert matrix in element_scripts.of_page("/evaluate", query)
    for path, query in (("/evaluate", "tab=trust"), ("/evaluate", "tab=unknown"), ("/train", "")):
        assert matrix not in element_scripts.of_page(path, query)
    assert matrix in element_scripts.later()
    named = {each.name for each in navigation.PAGES}
    assert {*element_scripts.OF_PAGE, *element_scripts.COMPONENTS} <= {"", *named}


def test_a_tab_loads_the_figures_that_it_draws() -> None:
    figure = scripts.address("figure.js")
    assert figure in element_scripts.of_page("/evaluate", "tab=trust")
    assert figure not in element_scripts.of_page("/evaluate", "tab=errors")
    assert figure in element_scripts.of_page("/")


@pytest.mark.parametrize("tab", ["errors", *element_scripts.COMPONENTS_OF_TAB])
def test_the_script_of_tables_is_loaded_only_after_the_first_page_is_drawn(tab: str) -> None:
    assert not any("DataFrame." in each for each in element_scripts.of_page("/evaluate", f"tab={tab}"))
    assert any("DataFrame." in each for each in element_scripts.later())
    assert not any("PlotlyChart." in each for each in element_scripts.later())


def test_the_script_of_the_page_has_what_other_pages_need() -> None:
    found = element_scripts.as_script("const files = []; // LATER_SCRIPTS")
    assert found == f"const files = {json.dumps(element_scripts.later())};"
    assert json.dumps(element_scripts.later()) in page_script.script([])
