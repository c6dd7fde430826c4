"""One look at everything that arrived: image issues first, then duplicates."""

import time
from dataclasses import replace

from peakid.curate import image_issues, issue_scan
from peakid.curate.duplicates import find
from peakid.records import Report, ScanReport, no_report
from peakid.store.workspace import Workspace


def scan(workspace: Workspace, *, report: Report = no_report) -> ScanReport:
    """Score what is new for image issues, compare it with all other images, and count what there is now.

    A killed scan goes on where it stopped.

    Raises:
        WorkspaceNotWritable: If the workspace does not take what was found.
    """
    started = time.monotonic()
    issue_scan.scan(workspace, report=report)
    found = find.scan(workspace, report=report)
    return replace(found, issues=dict(image_issues.counts(workspace)), seconds=time.monotonic() - started)
