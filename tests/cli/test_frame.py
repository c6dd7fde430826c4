import json

from peakid.cli import frame


def test_a_workspace_that_is_not_there_is_told_in_one_line_with_the_remedy(peakid, tmp_path):
    answer = peakid("status")
    assert (answer.code, answer.out) == (1, "")
    assert (
        answer.err
        == f"There is no workspace in {tmp_path}/workspace. Make one with: peakid --workspace {tmp_path}/workspace init\n"
    )


def test_with_json_an_error_is_a_document_on_stderr_and_stdout_stays_empty(peakid):
    answer = peakid("status", "--json")
    assert (answer.code, answer.out) == (1, "")
    document = json.loads(answer.err)
    assert document["error"] == "NoWorkspace"
    assert set(document) == {"error", "message", "remedy", "actions"}


def test_an_unknown_command_is_a_usage_error(peakid):
    assert peakid("trian").code == 2


def test_init_makes_an_empty_workspace_and_status_counts_it(peakid, tmp_path):
    assert peakid("init", "--json").json == {"workspace": str(tmp_path / "workspace"), "n_images": 0}
    assert peakid("status", "--json").json == {
        "n_images": 0,
        "n_labelled": 0,
        "n_reviewed": 0,
        "n_excluded": 0,
        "n_flagged": 0,
        "n_rejections": 0,
        "n_decisions": 0,
        "n_snapshots": 0,
        "n_runs": 0,
        "classes": {},
    }


def test_the_progress_line_says_count_and_time_left():
    # 10 of 40 in 5 s: 30 more take 15 s.
    assert (
        frame.progress_line("Reading", 10, 40, "20 images/s", 5.0)
        == "Reading [#####...............] 10/40  about 15 s left  20 images/s"
    )
    assert (
        frame.progress_line("Reading", 10, 40, "about 15 s left", 5.0)
        == "Reading [#####...............] 10/40  about 15 s left"
    )  # Said once.
    assert frame.progress_line("Waiting", 0, 0, "for a worker", 5.0) == "Waiting for a worker"


def test_a_table_puts_numbers_to_the_right():
    rows = [{"name": "dom", "n": 5}, {"name": "eiger", "n": 120}]
    assert frame.table(rows, ["name", "n"], empty="none").splitlines() == [
        "name     n",
        "dom      5",
        "eiger  120",
    ]
    assert frame.table([], ["name"], empty="none") == "none"
