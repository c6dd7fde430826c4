"""A scan that is given an engine measures in its workers, as a job and as a command."""

from dataclasses import replace

import pytest

from peakid.jobs import ledger, process, queue, submit, tasks
from peakid.settings import for_job

pytestmark = pytest.mark.slow


def forget_measures(workspace):
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM image_measure")


def n_measured(workspace):
    return workspace.query("SELECT COUNT(*) FROM image_measure")[0][0]


def test_the_result_and_the_progress_say_what_the_engine_used(workspace, fill, as_idle, peakid):
    fill(river=5)
    forget_measures(workspace)
    job = submit.scan(workspace, settings=replace(for_job(), n_workers=1))
    work = ledger.claim(workspace, job.job_id, process.own())
    reported = []
    work.report = lambda *given: reported.append(given)
    tasks.run(work)
    work.end("done")
    used = queue.show(workspace, job.job_id).result.engine
    assert (used.engine, used.n_workers, used.n_shards, used.deaths) == ("local", 1, 1, ())
    assert used.core_seconds > 0
    assert n_measured(workspace) == 5
    messages = [message for phase, *_, message in reported if phase == "Measuring images"]
    assert messages[-1].startswith("5 of 5 images, 1 of 1 shards, ")

    forget_measures(workspace)
    told = peakid("scan", "--engine", "local", "--workers", "1", "--json").json
    assert (told["engine"]["engine"], told["engine"]["n_shards"]) == ("local", 1)
    assert told["engine"]["core_hours"] >= 0
    assert n_measured(workspace) == 5
