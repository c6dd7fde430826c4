import functools
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from peakid.dataset import snapshot
from peakid.errors import JobError
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, presence, process, queue
from peakid.jobs.arguments import VerifyArguments
from peakid.jobs.process import Identity
from peakid.recipe import export_formats, weight_files

pytestmark = pytest.mark.usefixtures("with_weights")


@pytest.fixture(autouse=True)
def as_worker(workspace):
    """The test holds the worker's lock: nothing runs unless the test runs it."""
    lock = presence.take(workspace)
    yield
    os.close(lock)


def ended(workspace, state, **more):
    """Submit a job and end it as its process would."""
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    work = ledger.claim(workspace, job_id, process.own())
    work.report("Verifying", 2, 3, "0 damaged")
    work.end(state, **more)
    return job_id


def resuming(workspace, job_id):
    """The command that resumes a job; the tests name the workspace, so the command does too."""
    return f"peakid --workspace {workspace.path} jobs resume {job_id}"


def test_jobs_are_listed_newest_first_with_the_documented_keys(workspace, peakid):
    assert peakid("jobs", "list", "--json").json == []
    done = ended(workspace, "done")
    failed = ended(workspace, "failed", error=JobError("No room."))
    rows = peakid("jobs", "list", "--json").json
    assert [row["job_id"] for row in rows] == [failed, done]
    assert set(rows[0]) >= {
        "job_id",
        "kind",
        "state",
        "phase",
        "step",
        "total",
        "message",
        "error",
        "seconds",
    }
    shown = {key: rows[0][key] for key in ("kind", "state", "phase", "step", "total", "message", "error")}
    assert shown == {
        "kind": "verify",
        "state": "failed",
        "phase": "Verifying",
        "step": 2,
        "total": 3,
        "message": "0 damaged",
        "error": "No room.",
    }
    assert peakid("jobs", "show", failed, "--json").json["job_id"] == failed
    assert peakid("jobs", "show", failed).out == (
        f"Job {failed} (verify) failed: No room. Use: {resuming(workspace, failed)}\n"
    )


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1), ("cancelled", 3)])
def test_the_exit_code_after_waiting_says_how_a_job_ended(workspace, peakid, state, code):
    job_id = ended(workspace, state)
    answer = peakid("jobs", "show", job_id, "--wait", "--json")
    assert (answer.code, answer.json["state"]) == (code, state)
    assert peakid("jobs", "show", job_id).code == 0  # Without waiting, only the question itself can fail.


def test_a_lost_job_has_its_own_exit_code_and_can_be_resumed(workspace, peakid):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    ledger.claim(workspace, job_id, Identity(os.getpid(), 1.0, "another boot"))
    answer = peakid("jobs", "show", job_id, "--wait", "--json")
    assert (answer.code, answer.json["state"]) == (4, "lost")
    assert [action["kind"] for action in answer.json["actions"]] == ["resume_job"]
    assert answer.json["actions"][0]["command"] == resuming(workspace, job_id)
    assert "peakid" not in answer.json["error"]
    assert f"Use: {resuming(workspace, job_id)}" in peakid("jobs", "show", job_id).out
    assert peakid("jobs", "resume", job_id, "--json").json["state"] == "queued"


def test_a_queued_job_is_cancelled_and_a_second_cancel_is_an_error(workspace, peakid):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    assert peakid("jobs", "cancel", job_id, "--json").json["state"] == "cancelled"
    again = peakid("jobs", "cancel", job_id)
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith(f"Job {job_id} is already cancelled; there is nothing to cancel.")
    assert again.err.endswith(" jobs list\n")


def test_the_log_of_a_job_is_one_command_away(workspace, peakid):
    job_id = ended(workspace, "failed", error=JobError("No room."))
    queue.log_path(workspace, job_id).write_text("one\ntwo\nthree\n")
    assert peakid("jobs", "log", job_id, "--lines", 2).out == "two\nthree\n"
    assert peakid("jobs", "log", job_id, "--json").json["log"] == "one\ntwo\nthree"
    assert peakid("jobs", "log", 99).code == 1


def test_a_second_worker_exits_with_a_message(peakid):
    assert peakid("worker").out == "A worker of this workspace is already running.\n"


@pytest.mark.slow
def test_ctrl_c_stops_watching_and_never_the_job(workspace):
    job_id = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    command = [
        sys.executable,
        "-u",
        "-m",
        "peakid",
        "--workspace",
        str(workspace.path),
        "jobs",
        "show",
        str(job_id),
        "--wait",
    ]
    terminal, its_end = pty.openpty()  # A progress line is drawn on a terminal only.
    # A shell that runs the tests in the background makes them ignore Ctrl-C; a person's terminal does not.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end, text=True, preexec_fn=heed)
    os.close(its_end)
    read_until(terminal, "Waiting")
    watching.send_signal(signal.SIGINT)
    assert watching.communicate(timeout=60)[0] == ""
    read_until(terminal, f"Stopped watching; job {job_id} continues. Use: peakid --workspace")
    os.close(terminal)
    assert watching.returncode == 130
    assert queue.show(workspace, job_id).state == "queued"


def read_until(terminal, sentence):
    """Read what a terminal shows, in whatever pieces it comes, until the sentence is there."""
    received = ""
    while sentence not in received:
        piece = os.read(terminal, 1000)
        assert piece, f"the terminal ended after {received!r}"
        received += piece.decode(errors="replace")


def test_training_without_a_snapshot_is_refused_before_a_job_is_made(workspace, peakid):
    answer = peakid("train")
    assert answer.code == 1
    assert answer.err.endswith(" snapshot create\n")
    assert queue.list_jobs(workspace) == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("arch=resnet19", "The architecture 'resnet19' is not in the tested list."),
        ("pretrained=/nowhere/w.pth", "pretrained=/nowhere/w.pth: there is no such weights file."),
        ("colour=blue", "A recipe has no setting 'colour'."),
        ("batch_size", "The setting 'batch_size' is not of the form key=value."),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_before_a_job_is_made(workspace, peakid, plant, setting, told):
    freeze(workspace, plant)
    answer = peakid("train", "--set", setting)
    assert answer.code == 1
    assert answer.err.startswith(told)
    assert answer.err.count("\n") == 1
    assert queue.list_jobs(workspace) == []


def test_a_leaking_snapshot_is_trained_on_only_if_leaks_are_allowed(workspace, peakid, plant):
    freeze(workspace, plant)
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 2")
    answer = peakid("train")
    assert answer.code == 1
    assert "2 groups of near duplicates are in different splits" in answer.err
    assert "--set allow_leaks=true" in answer.err
    assert peakid("train", "--set", "allow_leaks=true", "--json").json["state"] == "queued"


def test_train_returns_the_job_at_once_and_one_request_makes_one_job(workspace, peakid, plant):
    frozen = freeze(workspace, plant)
    first = peakid(
        "train", "--set", "head_epochs=1", "--request-id", "mine", "--actor", "anna", "--json"
    ).json
    assert peakid("train", "--request-id", "mine", "--json").json == first == {"job_id": 1, "state": "queued"}
    job = queue.show(workspace, 1)
    assert (job.kind, job.lane, job.actor) == ("train", "gpu", "human:anna")
    assert job.arguments.snapshot == frozen.digest
    assert job.arguments.recipe["head_epochs"] == 1


def test_training_uses_quick_unless_a_setting_belongs_to_fine_tuning(workspace, peakid, plant):
    freeze(workspace, plant)
    for settings, method in [
        ((), "linear-head"),
        (("--set", "seed=4"), "linear-head"),
        (("--set", "body_epochs=2"), "fine-tune"),
    ]:
        job_id = peakid("train", *settings, "--json").json["job_id"]
        assert queue.show(workspace, job_id).arguments.recipe["method"] == method


def test_a_recipe_is_chosen_by_preset_by_published_name_or_by_file(workspace, peakid, plant, tmp_path):
    freeze(workspace, plant)
    (tmp_path / "mine.toml").write_text("seed = 9")
    for name, key, value in [
        ("quick", "method", "linear-head"),
        ("landmarks", "batch_size", 64),
        (tmp_path / "mine.toml", "seed", 9),
    ]:
        job_id = peakid("train", "--recipe", name, "--json").json["job_id"]
        assert queue.show(workspace, job_id).arguments.recipe[key] == value
    refused = peakid("train", "--recipe", "quickest")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "Give a .toml file, or one of: quick, standard, thorough, scratch, flickr-mountains" in refused.err


def test_the_lr_finder_is_a_job(workspace, peakid, plant):
    frozen = freeze(workspace, plant)
    assert peakid("lr-find", "--set", "arch=mobilenet_v2", "--json").json == {"job_id": 1, "state": "queued"}
    job = queue.show(workspace, 1)
    assert (job.kind, job.lane, job.arguments.snapshot) == ("lr-find", "gpu", frozen.digest)


def test_an_estimate_is_a_job(workspace, peakid, plant):
    frozen = freeze(workspace, plant)
    assert peakid("estimate", "--recipe", "thorough", "--json").json == {"job_id": 1, "state": "queued"}
    job = queue.show(workspace, 1)
    assert (job.kind, job.lane, job.arguments.snapshot) == ("estimate", "gpu", frozen.digest)
    assert len(job.arguments.recipe["phases"]) == 3


def test_exporting_what_cannot_be_exported_is_refused_before_a_job_is_made(workspace, peakid):
    refused = peakid("export", 3)
    assert refused.code == 1
    assert refused.err.startswith("There is no run 3. There is none yet. Use: peakid ")
    assert refused.err.endswith(" train\n")
    assert queue.list_jobs(workspace) == []


def test_formats_to_export_are_named_and_missing_packages_said(workspace, peakid, frozen, add_run):
    add_run(frozen)
    assert peakid("export", 1, "--formats", "onnx-int8, pt2", "--no-wait").code == 0
    [job] = queue.list_jobs(workspace)
    assert job.arguments.formats == ("onnx-int8", "pt2")
    missing = next((name for name in ("openvino", "litert") if not export_formats.is_available(name)), None)
    if missing is None:
        pytest.skip("every optional package is installed")
    refused = peakid("export", 1, "--format", f"onnx,{missing}")
    assert (refused.code, len(queue.list_jobs(workspace))) == (1, 1)
    assert export_formats.install_command(missing) in refused.err


@pytest.mark.slow
def test_no_command_about_training_loads_torch():
    code = (
        "import sys, peakid.cli.learn, peakid.cli.jobs, peakid.cli.verify;"
        " print([m for m in ('torch', 'fastai', 'timm') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def freeze(workspace, plant):
    plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(3)})
    return snapshot.create(workspace, actor="human:anna")


def test_a_queued_job_is_moved_first_and_the_list_shows_it(workspace, peakid):
    first, second = (
        queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
        for _ in range(2)
    )
    assert [row["job_id"] for row in peakid("jobs", "list", "--waiting", "--json").json] == [first, second]
    assert peakid("jobs", "first", second).out == f"Job {second} (verify) is next.\n"
    assert [row["job_id"] for row in peakid("jobs", "list", "--waiting", "--json").json] == [second, first]
    queue.cancel(workspace, first)
    refused = peakid("jobs", "first", first)
    assert (refused.code, "only a queued job can be moved" in refused.err) == (1, True)


def test_train_without_weights_exits_with_2_and_says_the_time_and_what_to_do(
    workspace, peakid, plant, monkeypatch, tmp_path
):
    freeze(workspace, plant)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(weight_files, "packaged", lambda _architecture: [])
    refused = peakid("train")
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "30 epochs, about" in refused.err
    assert "--set pretrained=require" in refused.err
    assert refused.err.rstrip().endswith("or --from-random-weights")
    told = json.loads(peakid("train", "--json").err)
    assert (told["error"], told["actions"][-1]["kind"]) == ("ConfirmationNeeded", "allow_random")
    assert peakid("sweep", "--try", "image_size_px=96,128").code == 2
    assert queue.list_jobs(workspace) == []
    assert peakid("train", "--from-random-weights", "--json").json["state"] == "queued"
    queue.cancel(workspace, 1)
    assert peakid("sweep", "--try", "image_size_px=96,128", "--from-random-weights").code == 0


def test_resuming_without_weights_exits_with_2(workspace, peakid, plant, monkeypatch, tmp_path):
    freeze(workspace, plant)
    assert peakid("train").code == 0
    queue.cancel(workspace, 1)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(weight_files, "packaged", lambda _architecture: [])
    refused = peakid("jobs", "resume", 1)
    assert refused.code == 2
    assert refused.err.rstrip().endswith("jobs resume 1 --from-random-weights")
    assert queue.show(workspace, 1).state == "cancelled"
    assert peakid("jobs", "resume", 1, "--from-random-weights", "--json").json["state"] == "queued"
