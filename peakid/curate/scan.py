"""Scan the workspace: image issues first, then duplicates."""

import time
from dataclasses import replace

from peakid.curate import image_issues, issue_scan
from peakid.curate.duplicates import find
from peakid.records import Report, ScanReport, no_report
from peakid.store.workspace import Workspace


def scan(workspace: Workspace, *, report: Report = no_report) -> ScanReport:
    """Score new images for image issues, compare them with all images, and count issues and duplicates.

    A killed scan continues where it stopped.

    Raises:
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    started = time.monotonic()
    issue_scan.scan(workspace, report=report)
    found = find.scan(workspace, report=report)
    return replace(found, issues=dict(image_issues.counts(workspace)), seconds=time.monotonic() - started)
