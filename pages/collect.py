"""Import images from a folder, an archive or a table, and see what was added, already known or rejected."""

from pathlib import Path

import streamlit as st

from peakid.acquire import history
from peakid.acquire.history import Acquisition
from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.arguments import ImportArguments
from peakid.jobs.job import Job
from peakid.web import session, tables, uploads, words
from peakid.web.collect import (
    browser_form,
    collection_form,
    collection_panel,
    embedding_panel,
    estimate_panel,
    import_form,
    import_preview,
    import_summary,
)
from peakid.web.history import root_panel
from peakid.web.jobs import job_panel, submission

FROM = {"feedback": "corrected predictions", "web": "the web"}  # Where there is no path.
JOB = "collect:job"  # Session state: id of the import that this session started last.


def show_imports(imports: list[Acquisition]) -> None:
    st.header("Imports")
    lines = [
        {
            "When": words.ago(row.started_at),
            "From": row.path or FROM.get(row.source, row.source),
            "By": words.who(row.actor),
            "Added": row.n_added,
            "Known": row.n_known,
            "Rejected": row.n_rejected,
            "State": "done" if row.finished_at else "interrupted",
        }
        for row in imports
    ]
    tables.show(lines, column_config={"From": st.column_config.TextColumn(width=240)})
    if not all(row.finished_at for row in imports):
        st.caption("To continue an interrupted import, import the same files again.")
    if rejected := history.list_rejections(workspace):
        with st.expander(f"Rejected files ({len(rejected):,})"):
            import_summary.show_rejections(rejected)


def show_result(job: Job) -> None:
    if job.kind == "collect":
        collection_panel.show_job(workspace, job)
    elif job.kind == "browse":
        browser_form.show_result(job)
    else:
        import_summary.show_result(workspace, job, actor=session.actor())


def show_left(used: set[Path]) -> None:
    """List the uploads that no import reads, each with a button that removes it."""
    if not (found := uploads.left(workspace, used)):
        return
    st.header("Uploads that were not imported")
    for file in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            size = words.n_bytes(file.stat().st_size)
            st.markdown(f"{words.plain(file.name)} ({size})", width="content")
            if st.button("Remove", key=f"upload:{file}", icon=":material/delete:", type="tertiary"):
                uploads.remove(workspace, file)
                st.rerun()


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Collect")

# 2 ask
try:
    if entered := import_form.ask(workspace):
        import_preview.remember(entered)
except PeakidError as error:
    import_preview.forget()
    session.show_error(error)
browsed = browser_form.ask(workspace)

# 4 act
if job := (
    browsed
    or import_preview.show(workspace)
    or collection_form.preview(workspace)
    or estimate_panel.show(workspace)
):
    st.session_state[JOB] = job.job_id
    st.rerun()

# 3 draw
shown = [
    job
    for job in reversed(queue.list_jobs(workspace))
    if job.kind in ("import", "collect", "browse")
    and (job.state not in queue.ENDED or job.job_id == st.session_state.get(JOB))
]
for job in shown:
    job_panel.show(
        workspace,
        job,
        body=show_result,
    )
open_imports = {
    job.arguments_as(ImportArguments).path
    for job in queue.list_jobs(workspace)
    if job.kind == "import" and job.arguments is not None and job.state not in queue.ENDED
}
show_left(
    {Path(str(path)) for path in (*open_imports, import_preview.path(), collection_form.path()) if path}
)
collection_panel.show(workspace)
embedding_panel.show(workspace)
root_panel.show(workspace)
if imports := history.list_acquisitions(workspace):
    show_imports(imports)
elif not shown and import_preview.path() is None:
    st.info(
        "Nothing has been imported yet. Enter a folder of photos or names of classes above, or open the demo"
        " on the overview.",
        icon=":material/info:",
    )
