"""Push exports of a workspace to the Hugging Face Hub, and pull models from there into it."""

import contextlib
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from peakid import files
from peakid.errors import WorkspaceNotWritable
from peakid.jobs import bundling
from peakid.records import Export, Report, no_report
from peakid.serve.bundle import bundle
from peakid.serve.bundle.model_card import ModelFacts
from peakid.serve.hub import golden_check
from peakid.serve.hub import pull as pulling
from peakid.serve.hub import push as pushing
from peakid.store import exports, pulled_models, runs
from peakid.store.exports import Push
from peakid.store.pulled_models import ModelFile, PulledModel
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Publication:
    """What a push sends: what everybody could read in a public repository.

    Attributes:
        contents: The files by name.
        left_out: Files of the export that hold pickles, which the bundle may have left out already.
        facts: What the model card says of the data.
    """

    contents: dict[str, bytes]
    left_out: list[str]
    facts: ModelFacts

    @property
    def n_bytes(self) -> int:
        return sum(map(len, self.contents.values()))


def publication(
    workspace: Workspace,
    export: Export,
    *,
    threshold: float | None = None,
    names_people: bool = False,
    intended_use: str = "",
    actor: str,
) -> Publication:
    """Collect the files of an export's bundle as they would be pushed. Nothing is sent.

    Args:
        threshold, names_people, intended_use: As in `bundling.write`.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `bundle.collect`.
    """
    run = runs.show(workspace, export.run_id)
    facts = bundling.model_facts(
        workspace, run, names_people=names_people, intended_use=intended_use, actor=actor
    )
    contents, left = pushing.without_pickles(
        bundle.collect(exports.folder(export), facts, threshold=threshold)
    )
    not_bundled = {str(file["name"]) for file in export.files} - contents.keys()
    return Publication(contents, sorted({*left, *not_bundled}), facts)


def push(
    workspace: Workspace,
    export: Export,
    repository: str,
    found: Publication,
    *,
    is_public: bool = False,
    endpoint: str,
    actor: str,
) -> Push:
    """Push an export to a repository of the Hub and record where it is.

    Args:
        found: Of this export.
        is_public, endpoint: As in `serve.hub.push.push`.

    Raises:
        BadInput, NotFound, HubRefused, FetchFailed: As `serve.hub.push.push`.
    """
    done = pushing.push(
        found.contents,
        repository,
        is_public=is_public,
        message=f"{found.facts.title}, export {export.export_id}",
        endpoint=endpoint,
    )
    return exports.add_push(
        workspace,
        export.export_id,
        endpoint=done.endpoint,
        repository=done.repository,
        revision=done.revision,
        url=done.url,
        is_public=done.is_public,
        actor=actor,
    )


def pull(
    workspace: Workspace,
    repository: str,
    *,
    revision: str = "main",
    endpoint: str,
    actor: str,
    report: Report = no_report,
) -> PulledModel:
    """Pull a model into the workspace. It appears there when every file was checked, or not at all.

    Args:
        revision: A branch, a tag or a commit.
        endpoint: Address of the Hub.

    Raises:
        BadInput, ChecksumWrong, NotFound, HubRefused, FetchFailed, WeightsUnfit: As `serve.hub.pull.pull`.
        ParityBroken: If it does not answer as where it was made.
        WorkspaceNotWritable: If the workspace cannot be written.
        DiskError: If the disk is full.
    """
    commit = pulling.find_revision(repository, revision, endpoint=endpoint)
    with _own_folder(workspace) as part:
        found = pulling.pull(repository, commit, part / "model", endpoint=endpoint, report=report)
        shutil.rmtree(part / "model" / ".cache", ignore_errors=True)  # Notes of the library.
        checked = golden_check.check(part / "model")
        owner, _, name = found.repository.partition("/")
        folder = workspace.exports_dir / f"hub-{owner}--{name}-{commit[:12]}"
        if folder.exists():  # An earlier pull of the same revision.
            folder.rename(part / "former")
        (part / "model").rename(folder)
    return pulled_models.add(
        workspace,
        endpoint=found.endpoint,
        repository=found.repository,
        revision=found.revision,
        url=found.url,
        folder=folder,
        files=[ModelFile(each.name, each.sha256, each.n_bytes) for each in found.files],
        class_names=found.class_names,
        n_golden=checked.n_pictures,
        golden_difference=checked.largest_difference,
        actor=actor,
    )


@contextlib.contextmanager
def _own_folder(workspace: Workspace) -> Generator[Path]:
    """Yield a new folder on the disk of the workspace, and remove it at the end."""
    try:
        workspace.exports_dir.mkdir(exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".pull-", dir=workspace.exports_dir))
    except OSError as error:
        found = files.explained(error, workspace.exports_dir)
        raise found or WorkspaceNotWritable(
            f"{workspace.exports_dir} cannot be written: {error}.", "Check its permissions."
        ) from error
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
