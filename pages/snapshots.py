"""Freeze the current labels as a snapshot; see what a snapshot contains and how two of them differ."""

import time
from collections import Counter

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.records import Snapshot
from peakid.store import runs, status
from peakid.store.collecting import credits
from peakid.web import address, names, navigation, session, words
from peakid.web.jobs import copies_panel, progress
from peakid.web.snapshots import freeze_form, snapshot_files, snapshot_list, snapshot_sections
from peakid.web.snapshots.freeze_form import FreezeRequest

SECTIONS = {
    "contents": "Classes and splits",
    "images": "Images",
    "changes": "Changes",
    "files": "Write and verify",
}
# Session state: digest of the snapshot just frozen, whether it existed already, and when.
FROZEN = "frozen"
SAID_S = 60  # The page may run again by itself, which must not take the sentence away at once.


def freeze(request: FreezeRequest) -> None:
    """Freeze a snapshot. The same content gives the same snapshot, so a second click changes nothing."""
    try:
        with progress.bar() as report:
            frozen = snapshots.create(
                workspace,
                name=request.name,
                seed=request.seed,
                fractions=request.fractions,
                is_reviewed_only=request.is_reviewed_only,
                is_scanned_first=request.is_scanned_first,
                of_licences=request.of_licences,
                actor=session.actor(),
                report=report,
            )
    except PeakidError as error:
        session.show_error(error)
        return
    was_known = frozen.digest in {each.digest for each in frozen_ones}
    st.session_state[FROZEN] = frozen.digest, was_known, time.monotonic()
    address.write(snapshot=frozen.digest)
    st.rerun()


def show_frozen_now() -> None:
    """Say what was frozen, for a minute."""
    digest, was_known, frozen_s = st.session_state.get(FROZEN, (None, False, 0.0))
    frozen = next((each for each in frozen_ones if each.digest == digest), None)
    if frozen is None or time.monotonic() - frozen_s > SAID_S:
        return
    name = session.plain(names.snapshot_name(frozen))
    if was_known:
        st.info(
            f"Nothing has changed since {name} was frozen, {words.ago(frozen.created_at)}. It is shown below."
        )
    else:
        st.success(f"Froze {words.n_of(frozen.n_images, 'image')} as {name}.", icon=":material/check:")


def show_snapshot(frozen: Snapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(session.plain(names.snapshot_name(frozen)), width="content")
        if st.button("Train on this snapshot", type="primary", icon=":material/model_training:"):
            navigation.go("train", snapshot=frozen.digest)
    st.caption(summary(frozen), help=f"Digest {frozen.digest}")
    if warnings := snapshots.warnings(workspace, frozen):
        st.warning("  \n".join(map(session.plain, warnings)), icon=":material/warning:")
    section = address.segments("Section", "section", list(SECTIONS), format_func=SECTIONS.__getitem__)
    if section == "contents":
        snapshot_sections.show_contents(workspace, frozen)
    elif section == "images":
        snapshot_sections.show_images(workspace, frozen)
    elif section == "changes":
        snapshot_sections.show_changes(workspace, frozen, frozen_ones)
    else:
        snapshot_files.show(workspace, frozen)


def summary(frozen: Snapshot) -> str:
    n_alike = frozen.n_images - frozen.n_groups
    alike = f"{words.n_of(n_alike, 'near duplicate')} among them" if n_alike else "no near duplicates found"
    n_images = words.n_of(frozen.n_images, "image")
    unconfirmed = f"{frozen.n_unreviewed:,} labels not confirmed by a person"
    return f"{n_images}, {alike}; {unconfirmed}. Seed {frozen.seed}."


def show_nothing_to_freeze() -> None:
    st.info(
        "There are no labelled images to freeze. Import a folder with one subfolder per class, or label "
        "images."
    )
    if st.button("Review images" if counts.n_images else "Import images", type="primary"):
        navigation.go("review" if counts.n_images else "collect")


# 1 open
workspace = session.workspace()
st.title("Snapshots")

# 2 ask
counts = status.read(workspace)
frozen_ones = snapshots.list_snapshots(workspace)
chosen = address.value("snapshot", [each.digest for each in frozen_ones])

# 3 draw, 4 act
if not counts.n_labelled and not frozen_ones:
    show_nothing_to_freeze()
else:
    with st.expander("Freeze another snapshot", icon=":material/ac_unit:") if frozen_ones else st.container():
        has_licences = credits.names_licences(workspace)
        request = freeze_form.show(counts, snapshots.n_not_compared(workspace), has_licences=has_licences)
        copies_panel.show_before_freezing(workspace)
    if request:
        freeze(request)
    show_frozen_now()
if frozen_ones:
    n_runs_of = Counter(run.snapshot_digest for run in runs.list_runs(workspace))
    snapshot_list.show(frozen_ones, str(chosen), n_runs_of)
    show_snapshot(next(each for each in frozen_ones if each.digest == chosen))
