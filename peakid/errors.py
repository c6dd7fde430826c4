"""All errors that Peakid raises, as a tree. A message says what happened, with the value, and what to do.

PeakidError
+- WorkspaceError
|  +- NoWorkspace            no peakid.db in that folder
|  +- WorkspaceTooNew        written by a newer Peakid
|  +- WorkspaceNotWritable   a read-only disk or folder
|  +- WorkspaceNotEmpty      a restore would overwrite what is there
|  +- BackupNotWritten       the file exists, or the disk does not take it
|  +- BadBackup              a file that is no backup, or a damaged one
|  +- ResourceMissing        the project's own files (migrations, recipes, pages) are missing
+- NotFound                  a digest, class, snapshot, run, job or export nobody knows
|  +- AmbiguousDigest        a prefix that fits several images
+- BadInput                  a value a person gave that cannot be used
|  +- BadFractions           split shares that are negative or do not add up to 1
|  +- UnknownColumns         a table without the columns an import needs
|  +- NothingToImport        a folder, archive or table in which no file was found
|  +- BadArchive             a zip that is corrupt
|  +- UnknownArchitecture    a model name outside the tested list
+- DecoderBroken             the process that decodes images does not start
+- UnreadableImage           bytes that do not become pixels; `reason` is the rejection's
+- NothingToUndo             no step of this actor is left to take back (or to do again)
+- DatasetError
|  +- EmptySnapshot          no image is labelled, kept and of a living class
|  +- ClassTooSmall          a class with too few images to be trained or scored
|  +- TooFewClasses          fewer than two classes: nothing to tell apart
|  +- SplitMissing           no image in a split that training needs
|  +- LeakingSnapshot        near-duplicates sit in different splits
|  +- DamagedSnapshot        what is stored no longer gives the snapshot's digest
+- TrainingError
|  +- WeightsMissing         pretrained weights were required and are not on this machine
|  +- WeightsUnfit           a weights file that does not fit the architecture or its hash
|  +- DeviceMissing          a device that this machine does not have
|  +- DeviceLost            a GPU that stops answering while it is used
|  +- TrainingDiverged       the loss is no longer a number
|  +- OutOfMemory            not even two images fit into the device's memory
|  +- ParityBroken           an export that does not answer as the trained model
+- JobError
|  +- JobNotWaiting          a job that cannot be cancelled or resumed from its state
+- ExtraMissing              an optional package is not installed; the message has the install line
"""

from typing import Any

from peakid.records import RejectionReason
from peakid.remedies import Action


class PeakidError(Exception):
    """Anything Peakid can explain. `str(error)` is one line for people.

    Attributes:
        message: What happened, with the value.
        remedy: What to do, in words that are true on a page and in a terminal: no command, no option.
        actions: The same as data. A page draws them as buttons or links, the command line as commands.
    """

    def __init__(self, message: str, remedy: str = "", *actions: Action) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.actions = actions

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel whole from one process to another."""
        return type(self), (self.message, self.remedy, *self.actions)


class WorkspaceError(PeakidError): ...


class NoWorkspace(WorkspaceError): ...


class WorkspaceTooNew(WorkspaceError): ...


class WorkspaceNotWritable(WorkspaceError): ...


class WorkspaceNotEmpty(WorkspaceError): ...


class BackupNotWritten(WorkspaceError): ...


class BadBackup(WorkspaceError): ...


class ResourceMissing(WorkspaceError): ...


class NotFound(PeakidError): ...


class AmbiguousDigest(NotFound): ...


class BadInput(PeakidError): ...


class BadFractions(BadInput): ...


class UnknownColumns(BadInput): ...


class NothingToImport(BadInput): ...


class BadArchive(BadInput): ...


class UnknownArchitecture(BadInput): ...


class DecoderBroken(PeakidError): ...


class UnreadableImage(PeakidError):
    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: RejectionReason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.message)


class NothingToUndo(PeakidError): ...


class DatasetError(PeakidError): ...


class EmptySnapshot(DatasetError): ...


class ClassTooSmall(DatasetError): ...


class TooFewClasses(DatasetError): ...


class SplitMissing(DatasetError): ...


class LeakingSnapshot(DatasetError): ...


class DamagedSnapshot(DatasetError): ...


class TrainingError(PeakidError): ...


class WeightsMissing(TrainingError): ...


class WeightsUnfit(TrainingError): ...


class DeviceMissing(TrainingError): ...


class DeviceLost(TrainingError): ...


class TrainingDiverged(TrainingError): ...


class OutOfMemory(TrainingError): ...


class ParityBroken(TrainingError): ...


class JobError(PeakidError): ...


class JobNotWaiting(JobError): ...


class ExtraMissing(PeakidError): ...
