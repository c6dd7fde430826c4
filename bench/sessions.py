"""Open twenty sessions on one server that page and review at once: `python bench/sessions.py`.

Each session is a websocket that sends Streamlit's own messages, like a browser: it opens the review page,
decides on the images through the gallery's outbox, and opens further queues. Like a browser, it keeps an
event until it is acknowledged and sends it again with the next one. After a set time each session sends what
is left, and ends; then every event is looked up in the log.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import websockets
from first_paint import served
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from peakid.store import workspace as workspaces

ROOT = Path(__file__).resolve().parents[1]
QUEUES = ("unreviewed", "worth", "all", "sample", "recent")
PAUSE_S = (0.5, 1.5)  # Between two acts of one person.
PAGES_OF = 8  # One act in so many opens another queue.
MOST_SENDINGS = 5  # Of the last events.
EARLY = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN  # Another run follows by itself.


@dataclass
class Session:
    """One person's tab. `gallery` is what the server drew last; `times` holds seconds by act."""

    number: int
    socket: Any
    times: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "judge": []})
    query: str = ""
    hash: str = ""
    fragment: str = ""
    gallery: Any = None
    items: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)  # By event: "saved" or "refused".
    n_sent_again: int = 0
    n_reruns: int = 0

    async def open(self, queue: str) -> None:
        self.query, self.fragment, self.gallery, self.items = f"queue={queue}", "", None, []
        started = time.perf_counter()
        await self._run({})
        self.times["page"].append(time.perf_counter() - started)

    async def judge(self) -> None:
        item = self.items.pop(0)
        seq = time.time_ns() // 1000
        event = {
            "kind": "flag",
            "digest": item["digest"],
            "base": item["base"],
            "seq": seq,
            "id": f"{self.number}-{seq}",
            "view": "grid",
        }
        self.n_sent_again += len(self.pending)
        self.pending.append(event)
        started = time.perf_counter()
        await self.send()
        self.times["judge"].append(time.perf_counter() - started)

    async def send(self) -> None:
        """Deliver the pending events, and note which of them the answer acknowledges."""
        data = self._data()
        outbox = {
            "events": self.pending,
            "acked_seq": data["seq"],
            "page_id": data["page_id"],
            "n_items": data["start"] + len(data["items"]),
            "workspace": data["workspace"],
        }
        await self._run({self.gallery.id: json.dumps({"outbox": outbox})})
        answer = self._data()
        refused = {each["seq"] for each in answer["refused"]}
        for event in self.pending:
            if event["seq"] <= answer["seq"]:
                self.answered[event["id"]] = "refused" if event["seq"] in refused else "saved"
        self.pending = [event for event in self.pending if event["seq"] > answer["seq"]]

    def _data(self) -> dict[str, Any]:
        return json.loads(
            self.gallery.mixed.json if self.gallery.WhichOneof("data") == "mixed" else self.gallery.json
        )

    async def _run(self, states: dict[str, str]) -> None:
        """Run the page, or after the first time the gallery's fragment alone, and wait until it has ended."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_script_hash = self.hash
        message.rerun_script.page_name = "" if self.hash else "review"
        message.rerun_script.fragment_id = self.fragment if states else ""
        for name, value in states.items():
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.json_value = name, value
        await self.socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(self.socket.recv(), 60))
            kind = answer.WhichOneof("type")
            if kind == "navigation":  # That of `new_session` is the shell's, which opens the start page.
                self.hash = answer.navigation.page_script_hash
            if kind == "delta":
                self._take(answer.delta)
            if kind == "script_finished" and answer.script_finished != EARLY:
                return
            self.n_reruns += kind == "script_finished"

    def _take(self, delta: Any) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "exception":
            raise RuntimeError(f"session {self.number}: {element.exception.message}")
        if (
            element.WhichOneof("type") != "bidi_component"
            or "gallery" not in element.bidi_component.component_name
        ):
            return
        is_first, self.gallery, self.fragment = (
            self.gallery is None,
            element.bidi_component,
            delta.fragment_id,
        )
        if is_first:
            self.items = [item for item in self._data()["items"] if item["verdict"] in ("label", "clear")]
            random.Random(self.number).shuffle(self.items)


async def person(number: int, address: str, seconds: float, *, stays: bool) -> Session:
    url = f"{address.replace('http', 'ws')}/_stcore/stream"
    headers = {"Cookie": f"peakid_reviewer=person-{number}"}
    async with websockets.connect(
        url, subprotocols=["streamlit"], max_size=None, origin=address, additional_headers=headers
    ) as socket:
        session, chance, ends = Session(number, socket), random.Random(number), time.monotonic() + seconds
        await session.open("unreviewed")
        session.times["page"].clear()  # Twenty first visits in one second are another question.
        while time.monotonic() < ends:
            await asyncio.sleep(chance.uniform(*PAUSE_S))
            if not session.items or (not stays and chance.random() < 1 / PAGES_OF):
                await session.open(chance.choice(QUEUES))
            else:
                await session.judge()
        for _ in range(MOST_SENDINGS):
            if session.pending:
                await session.send()
        return session


async def crowd(n_people: int, address: str, seconds: float, *, stays: bool) -> list[Session]:
    people = (person(number, address, seconds, stays=stays) for number in range(n_people))
    return await asyncio.gather(*people)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--images", type=int, default=3000)
    stay = "open no further queue: after 30 s, keys make the whole page run again"
    parser.add_argument("--stay", action="store_true", help=stay)
    return parser.parse_args()


def reviewed(given: argparse.Namespace, place: Path) -> tuple[list[Session], set[str]]:
    """Review the demo from many sessions. Return them, and the events that are in the log."""
    demo = [sys.executable, "-m", "peakid", "--workspace", str(place), "demo", "--images", str(given.images)]
    subprocess.run(demo, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with served(ROOT / "streamlit_app.py", place) as address:
        sessions = asyncio.run(crowd(given.people, address, given.seconds, stays=given.stay))
    with closing(workspaces.open_existing(place)) as workspace:
        rows = workspace.query("SELECT event_id FROM decision WHERE actor LIKE 'human:%'")
        return sessions, {row["event_id"] for row in rows}


def timings(act: str, sessions: list[Session]) -> dict[str, float]:
    values = [second * 1000 for session in sessions for second in session.times[act]]
    if len(values) < 2:
        return {"n": len(values)}
    ranked = statistics.quantiles(values, n=20, method="inclusive")
    percentiles = {"p50_ms": round(ranked[9]), "p95_ms": round(ranked[18]), "worst_ms": round(max(values))}
    row = {"n": len(values), **percentiles}
    print(f"{act:<8}{row}")
    return row


def main() -> None:
    given = options()
    print(
        f"streamlit {version('streamlit')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores,"
        f" {given.images:,} images"
    )
    with tempfile.TemporaryDirectory() as folder:
        sessions, written = reviewed(given, Path(folder) / "workspace")
    saved = {event for each in sessions for event, answer in each.answered.items() if answer == "saved"}
    row = {"people": given.people, "judged": sum(len(each.times["judge"]) for each in sessions)}
    row |= {"acknowledged": sum(len(each.answered) for each in sessions), "in_log": len(saved & written)}
    row |= {"refused": sum(len(each.answered) for each in sessions) - len(saved)}
    row |= {"unacknowledged": sum(len(each.pending) for each in sessions), "lost": len(saved - written)}
    row |= {"sent_again": sum(each.n_sent_again for each in sessions)}
    row |= {"page_reruns": sum(each.n_reruns for each in sessions)}
    row |= {act: timings(act, sessions) for act in ("page", "judge")}
    print(
        f"{row['judged']} judgements: {row['in_log']} acknowledged and in the log, {row['refused']} met"
        f" another person's decision, {row['unacknowledged']} not acknowledged, {row['lost']} acknowledged"
        f" and not in the log; {row['sent_again']} events were sent more than once"
    )
    print(json.dumps({"bench": "sessions", **row}))


if __name__ == "__main__":
    main()
