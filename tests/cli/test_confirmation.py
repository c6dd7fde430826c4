import io
import sys

import pytest

from peakid.cli.jobs import confirmed
from peakid.errors import ConfirmationNeeded


class Terminal(io.StringIO):
    def isatty(self):
        return True


def request(*, allows_random):
    if not allows_random:
        raise ConfirmationNeeded("This takes 88 min.")
    return "queued"


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in which a person types an answer; returns what the terminal shows."""

    def typed(answer):
        monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return typed


def test_a_terminal_is_asked_and_yes_confirms(terminal):
    shown = terminal("y")
    assert confirmed(request, allows_random=False, as_json=False) == "queued"
    assert "This takes 88 min." in shown.getvalue()


def test_no_refuses(terminal):
    terminal("n")
    with pytest.raises(ConfirmationNeeded):
        confirmed(request, allows_random=False, as_json=False)


def test_a_program_is_never_asked(terminal, monkeypatch):
    terminal("y")
    with pytest.raises(ConfirmationNeeded):
        confirmed(request, allows_random=False, as_json=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ConfirmationNeeded):
        confirmed(request, allows_random=False, as_json=False)


def test_the_option_confirms_without_a_question(terminal):
    shown = terminal("n")
    assert confirmed(request, allows_random=True, as_json=False) == "queued"
    assert shown.getvalue() == ""
