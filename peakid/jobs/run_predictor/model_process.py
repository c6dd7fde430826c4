"""The process that keeps the model of one run in memory and predicts photos with it.

It is started by `requests` with one end of a connection. It ends when the other end is closed, which is also
how it notices that its starter has ended, or after some time without a question.
"""

import argparse
import contextlib
import faulthandler
from multiprocessing.connection import Connection
from pathlib import Path

from peakid.errors import PeakidError
from peakid.jobs.run_predictor.messages import Answer, Question, Refusal, Reply, Started, Version


def run(connection: Connection, *, idle_s: float) -> None:
    """Reply to questions until the other end is closed, or none has come for `idle_s` seconds."""
    from peakid.learn.run_model import RunModel  # Loads torch, which takes seconds.

    kept: tuple[tuple[Path, Version], RunModel] | None = None
    connection.send(Started())
    while connection.poll(idle_s):
        question: Question = connection.recv()
        reply: Reply
        try:
            wanted = (question.run_folder, question.version)
            if kept is None or kept[0] != wanted:
                kept = None  # Its memory is free before the next model is loaded.
                kept = (wanted, RunModel(question.run_folder))
            reply = Answer(question.number, *kept[1].predict(question.batch))
        except PeakidError as error:
            reply = Refusal(question.number, error)
        connection.send(reply)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.jobs.run_predictor.model_process",
        description="Predict photos with the model of a run. Peakid starts it.",
    )
    parser.add_argument("--connection", type=int, required=True, help="An inherited file descriptor.")
    parser.add_argument("--idle-s", type=float, required=True, help="Exit after so long without a photo.")
    arguments = parser.parse_args()
    faulthandler.enable()
    with contextlib.suppress(EOFError, ConnectionError), Connection(arguments.connection) as connection:
        run(connection, idle_s=arguments.idle_s)


if __name__ == "__main__":
    main()
