"""Open twenty sessions on one server that page and review at once: `python bench/sessions.py`.

Each session is a websocket that sends Streamlit's own messages, like a browser: it opens the review page,
decides on the images through the gallery's outbox, and opens further queues. It ends after a set time and
stops its server.
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
    judged: list[str] = field(default_factory=list)
    n_refused: int = 0

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
        data = self._data()
        outbox = {
            "events": [event],
            "acked_seq": data["seq"],
            "page_id": data["page_id"],
            "n_items": data["start"] + len(data["items"]),
        }
        started = time.perf_counter()
        await self._run({self.gallery.id: json.dumps({"outbox": outbox})})
        self.times["judge"].append(time.perf_counter() - started)
        answer = self._data()
        if answer["seq"] != seq:
            raise RuntimeError(
                f"session {self.number}: event {seq} was not acknowledged, {answer['seq']} was"
            )
        refused = [each for each in answer["refused"] if each["seq"] == seq]
        self.n_refused += len(refused)
        self.judged += [] if refused else [event["id"]]

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
            if kind == "new_session":
                self.hash = answer.new_session.page_script_hash or self.hash
            if kind == "delta":
                self._take(answer.delta)
            if kind == "script_finished":
                return

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


async def person(number: int, address: str, seconds: float) -> Session:
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
            if not session.items or chance.random() < 1 / PAGES_OF:
                await session.open(chance.choice(QUEUES))
            else:
                await session.judge()
        return session


async def crowd(n_people: int, address: str, seconds: float) -> list[Session]:
    return await asyncio.gather(*(person(number, address, seconds) for number in range(n_people)))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--images", type=int, default=3000)
    return parser.parse_args()


def reviewed(given: argparse.Namespace, place: Path) -> tuple[list[Session], set[str]]:
    """Review the demo from many sessions. Return them, and the events that are in the log."""
    demo = [sys.executable, "-m", "peakid", "--workspace", str(place), "demo", "--images", str(given.images)]
    subprocess.run(demo, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with served(ROOT / "streamlit_app.py", place) as address:
        sessions = asyncio.run(crowd(given.people, address, given.seconds))
    with closing(workspaces.open_existing(place)) as workspace:
        rows = workspace.query("SELECT event_id FROM decision WHERE actor LIKE 'human:%'")
        return sessions, {row["event_id"] for row in rows}


def timings(act: str, sessions: list[Session]) -> dict[str, float]:
    values = [second * 1000 for session in sessions for second in session.times[act]]
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
    wanted = {event for session in sessions for event in session.judged}
    n_refused, n_lost = sum(each.n_refused for each in sessions), len(wanted - written)
    row = {"people": given.people, "judged": len(wanted), "refused": n_refused, "lost": n_lost}
    row |= {act: timings(act, sessions) for act in ("page", "judge")}
    print(
        f"{row['judged']} decisions were acknowledged, {row['lost']} of them are not in the log;"
        f" {row['refused']} met another person's decision"
    )
    print(json.dumps({"bench": "sessions", **row}))


if __name__ == "__main__":
    main()
