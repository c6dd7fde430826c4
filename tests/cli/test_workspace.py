"""Commands for the whole workspace: init, status, app. `tests/browser/test_wheel.py` starts the app."""

import socket

import pytest

from peakid.store import saved_decisions


def test_a_port_that_is_in_use_is_reported_in_one_line(peakid, socket_enabled):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = peakid("app", "--port", port)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"The app cannot listen on 127.0.0.1 port {port}: Address already in use.")
    assert answer.err.count("\n") == 1


@pytest.fixture
def served(monkeypatch):
    """The environment of the server that `app` becomes: filled instead of replacing this process."""
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.execve", lambda program, command, variables: environment.update(variables))
    return environment


def test_the_app_of_a_damaged_workspace_is_served_so_that_its_page_can_restore(
    peakid, workspace, served, socket_enabled
):
    workspace.close()
    (workspace.path / "peakid.db").write_bytes(b"no database " * 1000)
    answer = peakid("app", "--port", free_port())
    assert (answer.code, answer.err.count("\n")) == (0, 2)
    assert "peakid.db is damaged" in answer.err
    assert f"peakid --workspace {workspace.path} restore FILE --replace" in answer.err
    assert served["PEAKID_WORKSPACE"] == str(workspace.path)
    assert (workspace.path / "peakid.db").read_bytes().startswith(b"no database")


def test_the_app_creates_its_workspace(peakid, tmp_path, served, socket_enabled):
    assert peakid("app", "--port", free_port()).err == ""
    assert (tmp_path / "workspace" / "peakid.db").is_file()
    assert served["PEAKID_WORKSPACE"] == str(tmp_path / "workspace")


def test_the_app_has_the_keys_of_services(peakid, served, monkeypatch, socket_enabled):
    monkeypatch.setenv("PEAKID_FLICKR_KEY", "0123")
    monkeypatch.setenv("HF_TOKEN", "secret")
    peakid("app", "--port", free_port())
    assert served["PEAKID_FLICKR_KEY"] == "0123"
    assert not {"PEAKID_OPENVERSE_TOKEN", "HF_TOKEN"} & set(served)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_status_counts_the_images_of_each_class(peakid, fill):
    fill(river=2, sea=1)
    lines = peakid("status").out.splitlines()
    assert lines[0].split() == ["images", "3"]
    assert [line.split() for line in lines[-2:]] == [["river", "2"], ["sea", "1"]]


def test_status_tells_lost_decisions(peakid, workspace, fill):
    fill(river=2, sea=1)
    assert "missing" not in peakid("status").out
    workspace.close()
    (workspace.path / saved_decisions.FILE_NAME).write_text("7")
    assert "4 saved decisions are missing; see verify." in peakid("status").out
    assert peakid("status", "--json").json["n_lost_decisions"] == 4


def test_the_app_says_with_json_where_it_will_listen(peakid, socket_enabled, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    started = []
    monkeypatch.setattr("os.execve", lambda *command: started.append(command))
    document = peakid("app", "--port", port, "--json").json
    assert document["url"] == f"http://127.0.0.1:{port}"
    assert set(document) == {"workspace", "address", "port", "url"}
    assert len(started) == 1
