"""Which architectures can start from pretrained weights on this machine, and what is missing for the others. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peakid.learn import architectures, weight_files
from peakid.learn.architectures import Architecture

SIZE_TOLERANCE_MB = 0.06  # The table of architectures is rounded to a tenth.

Check = Literal[
    "hash agrees",   # The whole file was read: its SHA-256 begins as its name says.
    "hash differs",  # It does not: the file is damaged, or another one.
    "size agrees",   # As long as the published file; it was not read.
    "size differs",  # Of another length than the published file of that name: cut short, or another one.
    "no promise",    # Its name promises neither.
    "",              # There is no file.
]  # fmt: skip


@dataclass(frozen=True)
class WeightsRow:
    """What this machine has for one architecture.

    Attributes:
        file: The file that a training would start from; None where there is none.
        n_bytes: Of that file.
        file_name: The published file to fetch; '' where nobody published any.
        download_mb: Its size in MB (10^6 bytes).
        put_in: The folder to put it in.
    """

    arch: str
    file: Path | None
    n_bytes: int
    check: Check
    file_name: str
    download_mb: float
    put_in: Path


def listed(weights_dir: Path | None, hub_dir: Path, *, reads_files: bool = False) -> list[WeightsRow]:
    """List every architecture, those with weights on this machine first.

    Args:
        weights_dir: Folder of weight files a person keeps.
        hub_dir: torch's checkpoint folder.
        reads_files: Compare each file's SHA-256 with what its name promises; a second or two for each gigabyte. Otherwise
            only its length is compared.
    """
    rows = [_row(architecture, weights_dir, hub_dir, reads_files) for architecture in architectures.TABLE.values()]
    return sorted(rows, key=lambda row: row.file is None)


def _row(architecture: Architecture, weights_dir: Path | None, hub_dir: Path, reads_files: bool) -> WeightsRow:
    file = weight_files.find(architecture, weights_dir, hub_dir)
    return WeightsRow(
        arch=architecture.name,
        file=file,
        n_bytes=file.stat().st_size if file else 0,
        check=_check(file, architecture, reads_files) if file else "",
        file_name=next(iter(architecture.weight_files), ""),
        download_mb=architecture.download_mb,
        put_in=weights_dir or hub_dir,
    )


def _check(file: Path, architecture: Architecture, reads_files: bool) -> Check:
    promised = weight_files.promised(file.name)
    if promised and reads_files:
        return "hash agrees" if weight_files.digest(file).startswith(promised) else "hash differs"
    if file.name != next(iter(architecture.weight_files), ""):  # The table knows the size of the first published file alone.
        return "no promise"
    is_as_long = abs(file.stat().st_size / 1e6 - architecture.download_mb) <= SIZE_TOLERANCE_MB
    return "size agrees" if is_as_long else "size differs"
