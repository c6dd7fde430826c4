"""Credits of a snapshot or an export as files: CREDITS.csv, and a page to show beside the photos."""

import csv
import html
import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from peakid import files
from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.licences import Licence
from peakid.records import Snapshot
from peakid.store import export_data
from peakid.store.collecting import credits
from peakid.store.collecting.credits import CreditLine
from peakid.store.workspace import Workspace

CSV_NAME, PAGE_NAME = "CREDITS.csv", "credits.html"
COLUMNS = ("digest", "label", "title", "author", "licence", "licence_url", "page_url", "url", "source")
UNKNOWN = "Unknown licence"
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2rem }
li { margin: .25rem 0; overflow-wrap: anywhere } .class { color: GrayText }
table { border-collapse: collapse } td, th { text-align: left; padding: .15rem 1rem .15rem 0 }
td.n { text-align: right }
"""


@dataclass(frozen=True)
class Credits:
    """The credits of a set of images.

    Attributes:
        lines: One for each image, in the order of digests.
        labels: The class of each image by digest.
        title: What the images belong to.
    """

    lines: Sequence[CreditLine]
    labels: Mapping[str, str]
    title: str

    @property
    def n_unknown(self) -> int:
        """Images whose licence is not known."""
        return sum(not line.licence.code for line in self.lines)

    def n_by_licence(self) -> dict[str, int]:
        """Return the number of images by licence, the most frequent first and '' = unknown last."""
        return credits.n_by_licence(self.lines)

    def writers(self) -> dict[str, Callable[[], bytes]]:
        """Return what makes CREDITS.csv and the page of credits, by file name: 26 MB for 100,000 images."""
        return {CSV_NAME: lambda: csv_bytes(self.lines, self.labels), PAGE_NAME: lambda: page(self)}

    def files(self) -> dict[str, bytes]:
        """Return CREDITS.csv and the page of credits by file name."""
        return {name: made() for name, made in self.writers().items()}


def of_snapshot(workspace: Workspace, frozen: Snapshot) -> Credits:
    """Return the credits of the images of a snapshot."""
    labels = {item.digest: item.label for item in snapshot.items(workspace, frozen.digest)}
    title = frozen.name or f"snapshot {frozen.digest[:12]}"
    return Credits(credits.of_snapshot(workspace, frozen.snapshot_id), labels, title)


def of_export(workspace: Workspace, export_id: int) -> Credits:
    """Return the credits of the images that the model of an export saw, in its training and earlier ones.

    Raises:
        NotFound: If there is no such export.
    """
    seen = export_data.images(workspace, export_id)
    labels = {each.digest: each.label for each in seen}
    return Credits(credits.of_digests(workspace, labels), labels, f"export {export_id}")


def write(found: Credits, folder: Path) -> list[Path]:
    """Write the files of credits into a folder, which is created where there is none; return their paths.

    Raises:
        BadInput: If one of them exists.
        DiskError: If the disk is full or cannot be written.
    """
    folder = files.expanded(folder)
    contents = {folder / name: content for name, content in found.files().items()}
    for path in contents:
        if path.exists():
            raise BadInput(f"{path} exists; credits never overwrite anything.", "Choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            files.write_bytes(path, content)
    except OSError as error:
        raise files.explained(error, folder) or error from error
    return list(contents)


def csv_bytes(lines: Sequence[CreditLine], labels: Mapping[str, str]) -> bytes:
    """Return a table with a row for each image. Cells that a spreadsheet would run are quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        cells = (line.digest, labels.get(line.digest, ""), line.title, line.author, line.licence.name)
        cells += (line.licence.url, line.page_url, line.url, line.source)
        writer.writerow([_cell(cell) for cell in cells])
    return out.getvalue().encode()


def page(found: Credits) -> bytes:
    """Return a page without scripts or anything from elsewhere: each licence with its images."""
    by_licence: dict[str, list[CreditLine]] = defaultdict(list)
    for line in found.lines:
        by_licence[line.licence.name].append(line)
    counts = found.n_by_licence()
    head = html.escape(f"Credits of {found.title}")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{head}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">",
        f"<style>{_STYLE}</style><h1>{head}</h1>",
        "<table><tr><th>Licence</th><th>Images</th></tr>",
        *(f'<tr><td>{_name(each)}</td><td class="n">{n:,}</td></tr>' for each, n in counts.items()),
        "</table>",
    ]
    for name in counts:
        licence = by_licence[name][0].licence if name else Licence()
        parts.append(f"<h2>{_link(name or UNKNOWN, licence.url)}</h2>")
        known = [line for line in by_licence[name] if line.is_known or line.url]
        if known:
            parts += ["<ul>", *(_item(line, found.labels.get(line.digest, "")) for line in known), "</ul>"]
        if n_bare := len(by_licence[name]) - len(known):
            parts.append(f"<p>{n_bare:,} without an author, a page or an address.</p>")
    return ("\n".join(parts) + "\n</html>\n").encode()


def _name(licence: str) -> str:
    return html.escape(licence or UNKNOWN)


def _item(line: CreditLine, label: str) -> str:
    title = _link(line.title or f"Image {line.digest[:12]}", line.page_url or line.url)
    author = f" by {html.escape(line.author)}" if line.author else ""
    return f'<li>{title}{author} <span class="class">{html.escape(label)}</span></li>'


def _link(text: str, url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return html.escape(text)
    return f'<a href="{html.escape(url)}" rel="noreferrer">{html.escape(text)}</a>'


def _cell(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
