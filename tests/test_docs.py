"""What is generated is up to date, and every file that the documents name is there."""

import re
from pathlib import Path

import pytest

from peakid.cli import reference

ROOT = Path(__file__).resolve().parents[1]


def test_the_command_reference_is_what_the_commands_say():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference.reference(), "run: make docs"


@pytest.mark.parametrize("document", ["README.md", "docs/architecture.md", "CHANGELOG.md", "GLOSSARY.md"])
def test_links_inside_the_project_lead_somewhere(document):
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]
