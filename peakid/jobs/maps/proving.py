"""Runs the files of an export on the images of its proof, in the workers of an engine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.engines import locations, shard_files
from peakid.engines.mapping import Done
from peakid.engines.opening import Engine
from peakid.engines.records import Shard
from peakid.engines.shard_files import ShardFiles
from peakid.export_records import N_BATCH
from peakid.jobs.maps import packing, proof_units
from peakid.recipe import export_formats, weight_files
from peakid.recipe.export_formats import Format
from peakid.records import Report
from peakid.store import images
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from peakid.learn.export.checking import Answer
    from peakid.learn.network.model import Card

BLOCK = 512  # Images of a shard, whole batches of the check: a fresh process loads its libraries first.
PHASE = "Checking the export"

Part = tuple[str, int]
"""What a shard computes, a format or `EMBEDDINGS` of training images, and the row where it begins."""
REFERENCE = "reference"


@dataclass
class Prover:
    """Checks the files of an export in an engine, as `export.Check` says.

    Attributes:
        digests: Of the images that are compared.
        reference: Of the training images by which unfamiliar photos are told.
        block: Images of a shard, at most; a multiple of 32 gives the batches of a check in one process.
        finished: The shards to forget once the export is published or refused.
    """

    workspace: Workspace
    engine: Engine
    digests: Sequence[str]
    reference: Sequence[str]
    report: Report
    should_stop: Callable[[], bool]
    block: int = BLOCK
    finished: list[Done] = field(default_factory=list)

    def check(self, folder: Path, card: "Card", formats: Sequence[Format]) -> "Answer":
        """Run the files in the workers, then measure their times in one process of this machine.

        Raises:
            Stopped: If `should_stop` returns True.
            NotFound: If the bytes of an image are missing.
            JobError: If a worker does not see the files.
            ParityBroken, UnreadableImage: As `checking.check`.
        """
        if not self.digests:
            return self._timed(folder, card, formats)  # It refuses to compare nothing.
        parts = self._computed(folder, card, formats)
        timed = self._timed(folder, card, formats)

        def joined(what: str, name: str) -> np.ndarray | None:
            found = [parts[each][name] for each in sorted(parts) if each[0] == what and name in parts[each]]
            return np.concatenate(found) if found else None

        probabilities = {name: joined(name, "probabilities") for name in formats}
        return replace(
            timed,
            digests=self.digests,
            probabilities={name: found for name, found in probabilities.items() if found is not None},
            embeddings=joined("onnx", "embeddings"),
            reference=joined(REFERENCE, "embeddings"),
        )

    def forget(self) -> None:
        """Remove the results of the shards."""
        for each in self.finished:
            each.forget()

    def _computed(
        self, folder: Path, card: "Card", formats: Sequence[Format]
    ) -> dict[Part, dict[str, np.ndarray]]:
        found: dict[Part, dict[str, np.ndarray]] = {}
        part_of: dict[str, Part] = {}
        shards = list(self._shards(folder, card, formats, part_of))
        n_done, n = 0, sum(len(each.digests) for each in shards)
        kept = ShardFiles(shard_files.folder_of(self.workspace))
        for done in self.engine.map(shards, kept, should_stop=self.should_stop):
            _, found[part_of[done.shard.key]] = packing.unpacked(done.data)
            self.finished.append(replace(done, data=b""))
            n_done += len(done.shard.digests)
            counted = progress_text.counted(n_done, n, "predictions")
            self.report(PHASE, n_done, n, f"{counted}, {self.engine.mapper.tally.progress(len(shards))}")
        return found

    def _shards(
        self, folder: Path, card: "Card", formats: Sequence[Format], part_of: dict[str, Part]
    ) -> Iterator[Shard]:
        asked: list[tuple[str, Format, Sequence[str]]] = [(name, name, self.digests) for name in formats]
        if "onnx" in formats:
            asked.append((REFERENCE, "onnx", self.reference))
        for what, name, digests in asked:
            sha256 = {file: weight_files.digest(folder / file) for file in export_formats.files_of(name)}
            arguments = {
                "files": sha256,
                "formats": [] if what == REFERENCE else [name],
                "embeds": name == "onnx",
                "card": asdict(card),
            }
            for begin in range(0, len(digests), self.block):
                some = digests[begin : begin + self.block]
                shard = Shard(
                    unit=proof_units.CHECK,
                    version=proof_units.VERSION,
                    digests=tuple(some),
                    arguments=arguments,
                    locations=tuple(self._places(some)),
                    files={"export": str(folder.absolute())},
                    title=f"the check of {name} on {len(some)} images",
                )
                part_of[shard.key] = what, begin
                yield shard

    def _places(self, digests: Sequence[str]) -> list[str]:
        places = locations.of(self.workspace, digests)
        for digest, place in zip(digests, places, strict=True):
            if not place:
                images.read_bytes(self.workspace, digest)  # It raises NotFound with the reason.
        return places

    def _timed(self, folder: Path, card: "Card", formats: Sequence[Format]) -> "Answer":
        """Measure on this machine, with all cores and when no worker computes: users will have both."""
        from peakid.learn.export import checking

        some = self.digests[:N_BATCH]
        return checking.check(
            folder,
            card,
            formats,
            images=images.read_many(self.workspace, some),
            n_images=len(some),
            embeds=False,
            report=self.report,
        )
