"""Generated documents are up to date, and links in the documents lead to files that exist."""

import re
from pathlib import Path

import pytest

from peakid.cli import reference

ROOT = Path(__file__).resolve().parents[1]


DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_command_reference_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference.reference(), "run: make docs"


def test_the_command_reference_shows_which_arguments_are_optional_or_repeated():
    text = reference.reference()
    assert "## `peakid tag DIGEST... NAME`" in text
    assert "## `peakid snapshot show [SNAPSHOT]`" in text
    assert "## `peakid duplicates resolve [GROUP]...`" in text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_inside_the_project_lead_to_a_file(document):
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_every_term_of_the_glossary_is_in_the_code_and_they_are_sorted():
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+ \| (.+) \|$", text, re.MULTILINE)
    terms = [term for term, _ in rows[1:]]
    assert len(terms) > 40
    assert terms == sorted(terms, key=str.lower)
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("peakid/**/*.py")))
    words = [word for _, cell in rows[1:] for word in re.findall(r"`(.+?)`", cell)]
    assert [word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code)] == []
