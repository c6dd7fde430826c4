import json

from peakid.cli import frame


def test_a_missing_workspace_is_reported_in_one_line_with_the_command(peakid, tmp_path):
    answer = peakid("status")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"There is no workspace in {tmp_path}/workspace.")
    assert answer.err.endswith(f"peakid --workspace {tmp_path}/workspace init\n")
    assert answer.err.count("\n") == 1


def test_with_json_an_error_is_a_document_on_stderr_and_stdout_stays_empty(peakid):
    answer = peakid("status", "--json")
    assert (answer.code, answer.out) == (1, "")
    document = json.loads(answer.err)
    assert document["error"] == "NoWorkspace"
    assert set(document) == {"error", "message", "remedy", "actions"}


def test_an_unknown_command_is_a_usage_error(peakid):
    assert peakid("trian").code == 2


def test_init_creates_an_empty_workspace_and_status_counts_it(peakid, tmp_path):
    assert peakid("init", "--json").json == {"workspace": str(tmp_path / "workspace"), "n_images": 0}
    assert peakid("status", "--json").json == {
        "n_images": 0,
        "n_embedded": 0,
        "n_labelled": 0,
        "n_reviewed": 0,
        "n_excluded": 0,
        "n_flagged": 0,
        "n_rejections": 0,
        "n_decisions": 0,
        "n_snapshots": 0,
        "n_runs": 0,
        "classes": {},
        "n_lost_decisions": 0,
        "n_worth": 0,
        "is_more_worth": False,
        "n_duplicate_groups": 0,
    }


def test_the_progress_line_is_a_bar_with_what_is_done():
    message = "10 of 40 images, 20 per second, about 2 s left in this step"
    assert (
        frame.progress_line("Reading images", 10, 40, message)
        == f"[#####...............] Reading images: {message}"
    )
    assert frame.progress_line("Waiting", 0, 0, "for a worker") == "Waiting: for a worker"


def test_a_table_aligns_numbers_to_the_right():
    rows = [{"name": "dom", "n": 5}, {"name": "eiger", "n": 120}]
    assert frame.table(rows, ["name", "n"], empty="none").splitlines() == [
        "name     n",
        "dom      5",
        "eiger  120",
    ]
    assert frame.table([], ["name"], empty="none") == "none"
