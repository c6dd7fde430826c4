"""All errors that Peakid raises, as a tree. A message says what happened, with the value, and what to do.

PeakidError
+- WorkspaceError
|  +- NoWorkspace            the folder has no peakid.db
|  +- WorkspaceTooNew        the workspace was written by a newer Peakid
|  +- WorkspaceDamaged       a database that is damaged, empty or missing beside stored images
|  +- WorkspaceNotWritable   a read-only or full disk, or a read-only folder
|  |  +- WorkspaceBusy       another process writes to the database for too long
|  +- WorkspaceNotEmpty      a restore would overwrite a folder that is not empty
|  +- WorkspaceInUse         a job runs in the workspace that a restore would replace
|  +- BackupNotWritten       the file exists already, or the disk cannot take it
|  +- BadBackup              a file that is not a backup, or a damaged one
|  +- StoreError
|  |  +- StoreUnreachable    an image store that does not answer for long
|  |  +- StoreRefused        an image store that does not accept the credentials, or lacks the bucket
|  +- UnsafePath             a stored name that leads out of its folder
|  +- ResourceMissing        the project's own files (migrations, recipes, pages) are missing
+- DiskError                 a full, read-only or failing disk, or a path without permission
+- NotFound                  no such digest, class, snapshot, run, job or export
|  +- AmbiguousDigest        a prefix that fits several images
|  +- RunDamaged             a file of a run that is missing, cut or does not fit the run
+- BadInput                  a value given by a person that cannot be used
|  +- BadFractions           split shares that are negative or do not add up to 1
|  +- UnknownColumns         a table without the columns that an import needs
|  +- NothingToImport        a folder, archive or table without any files
|  +- NotPhotos              a backup, a workspace or an export of Peakid in place of photos
|  +- BadArchive             a damaged zip, or a file that is not a zip
|  +- UnknownArchitecture    an architecture outside the tested list
+- DecoderBroken             the process that decodes images does not start
+- UnreadableImage           bytes that cannot be decoded; `reason` is the reason of the rejection
+- UrlRefused                a URL that is not fetched: no http address, or not a public one
+- FetchFailed               a server that does not answer, answers with an error or sends too much
+- HubRefused              a model hub that does not accept the login, or a login that lacks a right
+- ChecksumWrong           a downloaded file that is not the one that its checksum names
+- NothingToUndo             the actor has no step left to undo (or to redo)
+- DatasetError
|  +- EmptySnapshot          no image has a label of an active class, or all are excluded
|  +- ClassTooSmall          a class with too few images for training or evaluation
|  +- TooFewClasses          fewer than two classes
|  +- SplitMissing           a split that training needs has no images
|  +- LeakingSnapshot        near duplicates are in different splits
|  +- DamagedSnapshot        the stored content does not match the digest of the snapshot
+- TrainingError
|  +- WeightsMissing         required pretrained weights are not on this machine
|  +- WeightsUnfit           a weights file that does not match the architecture or its hash
|  +- DeviceMissing          a device that this machine does not have
|  +- DeviceLost             a GPU that stopped responding during use
|  +- TrainingDiverged       the loss became NaN or infinite
|  +- OutOfMemory            the device's memory cannot hold even two images
|  +- ParityBroken           an export that predicts differently from the trained model
+- JobError
|  +- JobNotWaiting          a job whose state does not allow to cancel or resume it
+- Interrupted               a person stopped the command with Ctrl-C; exit code 130
+- ConfirmationNeeded        a long training from random weights, not requested; exit code 2
+- ExtraMissing              an optional package is not installed; the message has the install command
"""

from typing import Any

from peakid.records import RejectionReason
from peakid.remedies import Action


class PeakidError(Exception):
    """An error that Peakid explains. `str(error)` is one line for people.

    Attributes:
        message: What happened, with the value.
        remedy: What to do, in words that are true on a page and in a terminal: no command, no option.
        actions: The same as data. A page draws buttons or links, the command line prints commands.
    """

    def __init__(self, message: str, remedy: str = "", *actions: Action) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.actions = actions

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with all arguments, so that the error can be raised again in another process."""
        return type(self), (self.message, self.remedy, *self.actions)


class WorkspaceError(PeakidError): ...


class NoWorkspace(WorkspaceError): ...


class WorkspaceTooNew(WorkspaceError): ...


class WorkspaceDamaged(WorkspaceError): ...


class WorkspaceNotWritable(WorkspaceError): ...


class WorkspaceBusy(WorkspaceNotWritable): ...


class WorkspaceNotEmpty(WorkspaceError): ...


class WorkspaceInUse(WorkspaceError): ...


class BackupNotWritten(WorkspaceError): ...


class BadBackup(WorkspaceError): ...


class StoreError(WorkspaceError): ...


class StoreUnreachable(StoreError): ...


class StoreRefused(StoreError): ...


class UnsafePath(WorkspaceError): ...


class ResourceMissing(WorkspaceError): ...


class DiskError(PeakidError): ...


class NotFound(PeakidError): ...


class AmbiguousDigest(NotFound): ...


class RunDamaged(NotFound): ...


class NoEmbeddings(NotFound): ...


class BadInput(PeakidError): ...


class BadFractions(BadInput): ...


class UnknownColumns(BadInput): ...


class NothingToImport(BadInput): ...


class NotPhotos(BadInput): ...


class BadArchive(BadInput): ...


class UnknownArchitecture(BadInput): ...


class DecoderBroken(PeakidError): ...


class UnreadableImage(PeakidError):
    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: RejectionReason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.message)


class UrlRefused(PeakidError): ...


class FetchFailed(PeakidError): ...


class HubRefused(PeakidError): ...


class ChecksumWrong(PeakidError): ...


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


class Interrupted(PeakidError): ...


class ConfirmationNeeded(PeakidError): ...


class ExtraMissing(PeakidError): ...
