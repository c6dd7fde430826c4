"""One image with all decisions about it and where it came from, and the form to forget it."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import classes, history, remarks, step_text
from peakid.curate.history import Change
from peakid.errors import NotFound, PeakidError
from peakid.keep import forget, past_uses
from peakid.keep.forget import Forgetting
from peakid.store import images, origins
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, tables, words, workspace_address

N_ORIGINS = 5  # Listed of an image that was found at several places.
_FORGOTTEN = "history:forgotten"  # Session state: beginning of the digest, until it was shown once.


def show(workspace: Workspace, digest: str) -> None:
    """Draw the image `digest` (which may be shortened) next to its decisions."""
    try:
        digest = images.resolve(workspace, digest)
    except NotFound as error:
        session.show_error(error)
        return
    left, right = st.columns([1, 3], gap="large")
    with left:
        source = workspace_address.thumbnail(digest)
        st.html(f'<img src="{source}" alt="" style="max-width:100%;border-radius:6px">')
        _show_origin(workspace, digest)
    with right:
        changes = history.of_image(workspace, digest)
        _show_changes(changes)
        if changes:
            _offer_as_example(workspace, digest, changes[0].label)
        with st.expander("Forget this image", icon=":material/delete_forever:"):
            _show_forget(workspace, digest)


def show_forgotten() -> None:
    """Say, once, that the image was forgotten."""
    if digest := st.session_state.pop(_FORGOTTEN, None):
        st.success(f"Forgot image {digest}. It will not be imported again.", icon=":material/check:")


def _show_changes(changes: Sequence[Change]) -> None:
    lines = [
        {
            "When": words.ago(change.decided_at),
            "By": words.who(change.actor),
            "What": step_text.change_text(change),
            "Step": change.step_id,
            "Queue": _basis_text(change),
        }
        for change in changes
    ]
    if lines:
        tables.show(lines, height="content")
    else:
        st.caption("No decisions about this image yet.")


def _basis_text(change: Change) -> str:
    return ": ".join(str(change.basis[name]) for name in ("queue", "why") if change.basis.get(name))


def _offer_as_example(workspace: Workspace, digest: str, label: str | None) -> None:
    """Offer to mark the image as typical of its class, as the key T of Review does."""
    guide = next((each for each in classes.guide(workspace) if each.class_name == label), None)
    if guide is None or digest in guide.examples:
        return
    if st.button(f"Use as an example of {session.plain(guide.class_name)}", icon=":material/star:"):
        try:
            remarks.typical(workspace, digest, actor=session.actor())
        except PeakidError as error:
            session.show_error(error)
            return
        st.rerun()


def _show_origin(workspace: Workspace, digest: str) -> None:
    image = images.show(workspace, digest)
    size = f"{image.width_px:,} x {image.height_px:,} px, {image.format}, {words.n_bytes(image.n_bytes)}"
    st.caption(f"{size}  \n{digest[:16]}")
    if image.grey_text:
        st.caption(image.grey_text)
    for origin in origins.list_origins(workspace, digest)[:N_ORIGINS]:
        st.caption(session.plain(origin.path))


def _show_forget(workspace: Workspace, digest: str) -> None:
    """Say what is removed and which snapshots hold the image, and ask first: forgetting has no undo."""
    plan = forget.plan(workspace, digest)
    st.markdown(
        "For images that must be removed for legal reasons. Removes the image, its thumbnail, measures and "
        "addresses, and never imports it again. Decisions about it are kept; they contain no image. "
        "**This cannot be undone.**"
    )
    _show_uses(plan)
    if plan.left_in_place:
        files = ", ".join(plan.left_in_place)
        st.markdown(session.plain(f"Files outside the workspace, which you must delete yourself: {files}"))
    tip = "Do not name a person."
    reason = st.text_input("Reason, kept with the record", key=f"why:{digest}", max_chars=200, help=tip)
    is_sure = st.checkbox("Remove this image permanently", key=f"sure:{digest}")
    if st.button("Forget this image", disabled=not is_sure, key=f"forget:{digest}"):
        _forget(workspace, digest, reason)


def _show_uses(plan: Forgetting) -> None:
    """List every snapshot, run and export that used the image, and where exports were pushed to."""
    held = [
        words.n_of(len(rows), noun)
        for rows, noun in ((plan.snapshots, "snapshot"), (plan.runs, "run"), (plan.exports, "export"))
        if rows
    ]
    if not held:
        st.markdown("No snapshot contains it.")
        return
    st.markdown(f"Used by {', '.join(held)}. They keep its digest and label.")
    tables.show(use_lines(plan), height="content")
    if plan.exports:
        st.caption(past_uses.MODELS_KEEP)


def use_lines(plan: Forgetting) -> list[dict[str, str]]:
    """Return a line for each snapshot, run, export and pushed repository that used the image."""
    lines = [
        _use(names.numbered_snapshot(each["snapshot_id"], each["name"]), "contains it")
        for each in plan.snapshots
    ]
    for run in plan.runs:
        parent = run["started_from"]
        how = "its snapshot contains it" if parent is None else f"started from the model of run {parent}"
        lines.append(_use(names.run_name(run["run_id"]), how))
    for export in plan.exports:
        title = f"Export {export['export_id']} ({export['stage']})"
        lines.append(_use(title, f"model of run {export['run_id']}", export["path"]))
        for push in export["pushed"]:
            reach = "public" if push["is_public"] else "private"
            lines.append(
                _use(
                    f"Hub: {push['repository']}",
                    f"{reach}, pushed {words.ago(push['pushed_at'])}",
                    push["url"],
                )
            )
    return lines


def _use(what: str, how: str, where: str = "") -> dict[str, str]:
    return {"Used by": what, "How": how, "Where": where or "-"}


def _forget(workspace: Workspace, digest: str, reason: str) -> None:
    try:
        forget.forget(workspace, digest, reason=reason, actor=session.actor())
    except PeakidError as error:
        session.show_error(error)
        return
    address.write(image=None)
    st.session_state[_FORGOTTEN] = digest[:12]
    st.rerun()
