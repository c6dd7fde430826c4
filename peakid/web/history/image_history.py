"""One image with all that was ever decided about it, where it came from, and the way to remove it for good."""

import streamlit as st

from peakid.curate import classes, history
from peakid.errors import NotFound, PeakidError
from peakid.keep import forget
from peakid.store import images
from peakid.store.workspace import Workspace
from peakid.web import address, session, words
from peakid.web.history import history_list


def show(workspace: Workspace, digest: str) -> None:
    """Draw the image `digest` (which may be shortened) beside its decisions."""
    try:
        digest = images.resolve(workspace, digest)
    except NotFound as error:
        session.show_error(error)
        return
    left, right = st.columns([1, 3], gap="large")
    with left:
        st.html(f'<img src="/thumb/{digest}" alt="" style="max-width:100%;border-radius:6px">')
        _show_origin(workspace, digest)
    with right:
        changes = history.of_image(workspace, digest)
        lines = [
            {
                "When": words.ago(one.decided_at),
                "By": words.who(one.actor),
                "What": history_list.change(one),
                "Step": one.step_id,
            }
            | {"Basis": ": ".join(str(one.basis[name]) for name in ("queue", "why") if one.basis.get(name))}
            for one in changes
        ]
        st.dataframe(lines, hide_index=True, height="content") if lines else st.caption(
            "Nothing has been decided about this image yet."
        )
        if changes:
            _show_as_example(workspace, digest, changes[0].label)
        with st.expander("Forget this image", icon=":material/delete_forever:"):
            _show_forget(workspace, digest)


def _show_as_example(workspace: Workspace, digest: str, label: str | None) -> None:
    """Let the image stand for its class in the guide that reviewers see; a fourth example pushes the first out."""
    guide = next((each for each in classes.guide(workspace) if each.class_name == label), None)
    if guide is None or digest in guide.examples:
        return
    if st.button(f"Show as typical of {session.plain(guide.class_name)}", icon=":material/star:"):
        classes.describe(
            workspace, guide.class_name, examples=[*guide.examples, digest][-classes.MAX_EXAMPLES :]
        )
        st.rerun()


def _show_origin(workspace: Workspace, digest: str) -> None:
    image = images.show(workspace, digest)
    st.caption(
        f"{image.width_px:,} x {image.height_px:,} px, {image.format}, {words.n_bytes(image.n_bytes)}  \n`{digest[:16]}`"
    )
    for origin in images.origins(workspace, digest)[:5]:
        st.caption(session.plain(origin.path))


def _show_forget(workspace: Workspace, digest: str) -> None:
    """Tell what it removes and who held it, and ask before: this alone has no undo."""
    plan = forget.plan(workspace, digest)
    held = [
        words.n_of(len(rows), noun)
        for rows, noun in ((plan.snapshots, "snapshot"), (plan.runs, "run"), (plan.exports, "export"))
        if rows
    ]
    st.markdown(
        "For a picture that must go by right. Its bytes, thumbnail, measures and addresses are removed; it is never collected again. "
        "The decisions about it stay, and hold no picture. **There is no undo.**"
    )
    st.markdown(
        f"Held by {', '.join(held)}: they keep its digest and label, and a model may have learned from it."
        if held
        else "No snapshot holds it."
    )
    if plan.left_in_place:
        st.markdown(session.plain(f"Yours to remove, outside the workspace: {', '.join(plan.left_in_place)}"))
    reason = st.text_input(
        "Why, for the record", key=f"why:{digest}", max_chars=200, help="Name no person in it."
    )
    is_sure = st.checkbox("I want this image gone for good", key=f"sure:{digest}")
    if st.button("Forget this image for good", disabled=not is_sure, key=f"forget:{digest}"):
        try:
            forget.forget(workspace, digest, reason=reason, actor=session.actor())
        except PeakidError as error:
            session.show_error(error)
            return
        address.write(image=None)
        st.session_state["history:forgot"] = digest[:12]
        st.rerun()
