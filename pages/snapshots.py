"""Freeze what is labelled now; see what exactly a snapshot holds and how two of them differ."""

from collections import Counter
from dataclasses import asdict

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.records import Snapshot
from peakid.store import runs, status
from peakid.web import address, journey, names, session, words
from peakid.web.snapshots import freeze_form, picture_table, snapshot_files, snapshot_list
from peakid.web.snapshots.freeze_form import Wish

SECTIONS = {
    "contents": "Classes and splits",
    "images": "Images",
    "changes": "What changed",
    "files": "Write and verify",
}
CHANGES = {
    "added": "Added",
    "removed": "Removed",
    "relabelled": "Relabelled",
    "moved": "Moved to another split",
}


def freeze(wish: Wish) -> None:
    """Freeze; a second click finds the same content and so the same snapshot."""
    try:
        frozen = snapshots.create(workspace, **vars(wish), actor=session.actor())
    except PeakidError as error:
        session.show_error(error)
        return
    st.session_state["frozen"] = (frozen.digest, frozen.digest in {each.digest for each in frozen_ones})
    address.write(snapshot=frozen.digest)
    st.rerun()


def show_frozen_now() -> None:
    """Say once what became of the last freezing, and the way on."""
    digest, was_known = st.session_state.pop("frozen", (None, False))
    frozen = next((each for each in frozen_ones if each.digest == digest), None)
    if frozen is None:
        return
    name = session.plain(names.short_snapshot(frozen.name, frozen.digest))
    if was_known:
        st.info(
            f"Nothing has changed since snapshot {name} was frozen, {words.ago(frozen.created_at)}. It is opened below."
        )
    else:
        st.success(f"Froze {words.n_of(frozen.n_images, 'image')} as {name}.", icon=":material/check:")


def show_snapshot(frozen: Snapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(session.plain(names.short_snapshot(frozen.name, frozen.digest)), width="content")
        if st.button("Train on this snapshot", type="primary", icon=":material/model_training:"):
            journey.go("train", snapshot=frozen.digest)
    n_alike = frozen.n_images - frozen.n_groups
    alike = f"{n_alike:,} of them look like another one" if n_alike else "no two of them look alike"
    st.caption(
        f"{words.n_of(frozen.n_images, 'image')}, {alike}; {frozen.n_unreviewed:,} labels are not confirmed by a person. "
        f"Seed {frozen.seed}, digest {frozen.digest[:12]}."
    )
    for warning in snapshots.warnings(workspace, frozen):
        st.warning(session.plain(warning), icon=":material/warning:")
    section = address.segments("Section", "section", list(SECTIONS), format_func=lambda each: SECTIONS[each])
    {
        "contents": show_contents,
        "images": show_images,
        "changes": show_changes,
        "files": lambda each: snapshot_files.show(workspace, each),
    }[section](frozen)


def show_contents(frozen: Snapshot) -> None:
    rows = snapshots.table(workspace, frozen.digest)
    total = {"class_name": "all classes", **frozen.splits, "n_images": frozen.n_images}
    heads = {
        "class_name": "Class",
        "train": "Train",
        "valid": "Valid",
        "test": "Test",
        "n_images": "All splits",
    }
    st.dataframe([*rows, total], hide_index=True, column_config=heads, height="content")
    if frozen.n_leaks:
        st.markdown(
            f"**{words.n_of(frozen.n_leaks, 'group')} of look-alikes in several splits**: a model is tested on what it has studied."
        )
        picture_table.show(
            [image for leak in snapshots.leaks(workspace, frozen.digest) for image in leak["images"]],
            key="leaks",
        )
    else:
        st.caption(
            "No look-alikes lie in different splits: no image is scored that resembles one the model has studied."
        )


def show_images(frozen: Snapshot) -> None:
    cells = st.columns(2)
    with cells[0]:
        split = address.select("Split", "split", ["all splits", "train", "valid", "test"])
    with cells[1]:
        class_name = address.select("Class", "class", ["all classes", *frozen.class_names])
    items = [i for i in items_of(str(workspace.path), frozen.digest) if split in ("all splits", i.split)]
    items = [i for i in items if class_name in ("all classes", i.label)]
    st.caption(words.n_of(len(items), "image"))
    picture_table.show([asdict(item) for item in items], key="images")


@st.cache_resource(max_entries=4, show_spinner=False)
def items_of(_path: str, digest: str) -> list:
    """A snapshot never changes, so its items are read once."""
    return snapshots.items(workspace, digest)


def show_changes(frozen: Snapshot) -> None:
    earlier = {each.digest: each for each in frozen_ones if each.digest != frozen.digest}
    if not earlier:
        st.info(
            "There is one snapshot. Once a second one is frozen, this shows what was added, removed, relabelled and moved between them."
        )
        return
    since = address.select(
        "Compared with", "since", list(earlier), format_func=lambda each: names.snapshot(earlier[each])
    )
    changes = snapshots.diff(workspace, since, frozen.digest)
    kind = address.segments(
        "Change", "change", list(CHANGES), format_func=lambda each: f"{CHANGES[each]} {len(changes[each]):,}"
    )
    if changes[kind]:
        picture_table.show(changes[kind], key=f"changes:{kind}")
    else:
        st.caption(
            f"{CHANGES[kind]}: no image, compared with {session.plain(names.short_snapshot(earlier[since].name, since))}."
        )


# 1 open
workspace = session.workspace()
st.title("Snapshots")

# 2 ask
counts = status.read(workspace)
frozen_ones = snapshots.list_snapshots(workspace)
chosen = address.value("snapshot", [each.digest for each in frozen_ones])

# 3 draw, 4 act
if not counts.n_labelled and not frozen_ones:
    st.info(
        "Nothing can be frozen yet: no image is labelled. Import a folder with one folder a class, or label images one by one."
    )
    if st.button("Import images" if not counts.n_images else "Review images", type="primary"):
        journey.go("review" if counts.n_images else "collect")
else:
    with st.expander("Freeze another snapshot", icon=":material/ac_unit:") if frozen_ones else st.container():
        wish = freeze_form.show(counts)
    if wish:
        freeze(wish)
    show_frozen_now()
if frozen_ones:
    snapshot_list.show(
        frozen_ones, str(chosen), Counter(run.snapshot_digest for run in runs.list_runs(workspace))
    )
    show_snapshot(next(each for each in frozen_ones if each.digest == chosen))
