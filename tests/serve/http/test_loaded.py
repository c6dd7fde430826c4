"""Models that are loaded on first use: few at a time, none while it is in use, and none that is idle."""

import asyncio
from dataclasses import dataclass, field

from peakid.errors import NotFound
from peakid.serve.http.loaded import LoadedModels
from tests.web import event_loop


@dataclass
class Model:
    """Stands for an opened server, and notes when it is closed."""

    name: str
    closed: list[str]
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def application(self, scope, receive, send):
        if scope.get("waits"):
            await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200})

    def close(self):
        self.closed.append(self.name)


class Asked:
    """Asks models by name, and notes what was loaded and closed."""

    def __init__(self, **limits):
        self.loaded: list[str] = []
        self.closed: list[str] = []
        self.models: dict[str, Model] = {}
        self.pool = LoadedModels(**limits)

    async def ask(self, name: str, n_bytes: int = 1, *, waits: bool = False) -> int:
        sent = []

        def load():
            self.loaded.append(name)
            if name == "missing":
                raise NotFound("There is none.", "")
            self.models[name] = Model(name, self.closed)
            return self.models[name]

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "waits": waits}
        await self.pool.serve(name, load, n_bytes, scope=scope, receive=None, send=send)
        return sent[0]["status"]


async def settled():
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_the_one_that_was_not_used_for_longest_makes_room():
    async def story():
        asked = Asked(most=2)
        for name in ("a", "b", "a", "c"):
            assert await asked.ask(name) == 200
        await settled()
        return asked.loaded, asked.closed, asked.pool.keys

    assert event_loop.run(story()) == (["a", "b", "c"], ["b"], ["a", "c"])


def test_the_size_of_all_is_limited_and_a_large_one_is_alone():
    async def story():
        asked = Asked(most=5, most_bytes=100)
        for name, n_bytes in (("a", 60), ("b", 30), ("large", 500), ("c", 50)):
            assert await asked.ask(name, n_bytes) == 200
        await settled()
        return asked.closed, asked.pool.keys

    assert event_loop.run(story()) == (["a", "b", "large"], ["c"])


def test_a_model_in_use_stays_and_the_next_client_comes_back_later():
    async def story():
        asked = Asked(most=1)
        first = asyncio.create_task(asked.ask("a", waits=True))
        await settled()
        assert await asked.ask("b") == 503
        assert await asked.ask("a") == 200
        asked.models["a"].may_end.set()
        assert await first == 200
        assert await asked.ask("b") == 200
        await settled()
        return asked.loaded, asked.closed

    assert event_loop.run(story()) == (["a", "b"], ["a"])


def test_an_idle_model_is_released_and_loaded_again_when_it_is_asked():
    async def story():
        asked = Asked(idle_s=0.03)
        assert await asked.ask("a") == 200
        await asyncio.sleep(0.1)
        assert (asked.closed, asked.pool.keys) == (["a"], [])
        assert await asked.ask("a") == 200
        return asked.loaded

    assert event_loop.run(story()) == ["a", "a"]


def test_clients_at_once_load_it_once_and_one_that_cannot_be_loaded_is_tried_again():
    async def story():
        asked = Asked()
        assert await asyncio.gather(*(asked.ask("a") for _ in range(5))) == [200] * 5
        found = await asyncio.gather(*(asked.ask("missing") for _ in range(2)), return_exceptions=True)
        assert [type(each) for each in found] == [NotFound, NotFound]
        assert asked.pool.keys == ["a"]
        assert [
            type(each) for each in await asyncio.gather(asked.ask("missing"), return_exceptions=True)
        ] == [NotFound]
        return asked.loaded

    assert event_loop.run(story()) == ["a", "missing", "missing"]
