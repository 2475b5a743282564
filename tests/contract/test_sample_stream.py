"""A listener after the broker's own sample, on the `websockets` library, with its habits and odder
ones: several lists in one REG, other groups, `refresh` left out, spaced echoes, a late LOGIN."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.serving import Served, serve
from tests.sim.wireclient import WireClient, client

Frame = dict[str, Any]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(speed=20, ping_seconds=0.15, cash=100_000_000) as found:
        yield found


@pytest.fixture
def wire(served: Served, request: pytest.FixtureRequest) -> Iterator[WireClient]:
    with client(served.base_url, request.node.name) as found:
        yield found


class Listener:
    """Keeps all frames but PING, which it echoes with spaces, as `json.dumps` writes them."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.pings = 0

    async def listen(self) -> None:
        async for text in self.socket:
            frame = json.loads(text)
            if frame["trnm"] == "PING":
                self.pings += 1
                await self.socket.send(json.dumps(frame, indent=1))
            else:
                self.frames.put_nowait(frame)

    async def send(self, frame: Frame) -> None:
        await self.socket.send(json.dumps(frame))

    async def next(self, name: str) -> Frame:
        """The next frame of that name; data in between is passed over."""
        async with asyncio.timeout(10):
            while (frame := await self.frames.get())["trnm"] != name:
                pass
        return frame

    async def ask(self, frame: Frame) -> Frame:
        await self.send(frame)
        return await self.next(frame["trnm"])

    async def kinds(self, *wanted: str) -> set[tuple[str, str]]:
        """Types and items of the data until all `wanted` types were seen."""
        seen: set[tuple[str, str]] = set()
        while not set(wanted) <= {kind for kind, _ in seen}:
            seen |= {(row["type"], row["item"]) for row in (await self.next("REAL"))["data"]}
        return seen


@asynccontextmanager
async def listening(url: str, token: str = "") -> AsyncIterator[Listener]:
    async with connect(url, ping_interval=0.2, ping_timeout=5) as socket:
        found = Listener(socket)
        task = asyncio.create_task(found.listen())
        if token:
            answer = await found.ask({"trnm": "LOGIN", "token": token})
            assert answer == {"trnm": "LOGIN", "return_code": 0, "return_msg": "", "sor_yn": "Y"}
        try:
            yield found
        finally:
            await socket.close()
            await asyncio.gather(task, return_exceptions=True)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(inside())


def reg(*data: Frame, **fields: Any) -> Frame:
    return {"trnm": "REG", "grp_no": "1", "refresh": "1", "data": list(data), **fields}


GOOD = {"trnm": "REG", "return_code": 0, "return_msg": ""}


def test_many_types_and_lists_in_one_request(served: Served, wire: WireClient) -> None:
    async def work() -> None:
        async with listening(served.ws_url, wire.token) as live:
            everything = ["00", "04", "0A", "0B", "0C", "0D", "0E", "0F", "0G", "0H", "0I", "0J",
                          "0U", "0g", "0m", "0s", "0u", "0w", "1h"]  # fmt: skip
            assert await live.ask(reg({"item": ["005930"], "type": everything})) == GOOD
            more = [
                {"item": ["000660", "035420"], "type": ["0B", "0D"]},
                {"item": [""], "type": ["00", "04", "0s", "1h"]},
                {"item": [], "type": ["00"]},
            ]
            assert await live.ask(reg(*more, grp_no="77", refresh="0")) == GOOD
            order = {"ord_qty": "2", "trde_tp": "3"}
            await asyncio.to_thread(wire.order, "kt10000", **order)
            seen = await live.kinds("00", "04", "0B", "0D")
            assert {item for kind, item in seen if kind == "00"} == {""}
            assert {item for kind, item in seen if kind == "0B"} <= {"005930", "000660", "035420"}

    run(work)


def test_groups_are_apart(served: Served, wire: WireClient) -> None:
    """`refresh` left out keeps what is there; REMOVE without it, and of what is not there."""

    async def work() -> None:
        async with listening(served.ws_url, wire.token) as live:
            for group, code in (("1", "005930"), ("0002", "000660"), ("x", "A035420")):
                frame = reg({"item": [code], "type": ["0B"]}, grp_no=group)
                del frame["refresh"]
                assert await live.ask(frame) == GOOD
            session = next(s for key, s in served.context.fan_out._sessions.items()
                           if key == wire.app_key)  # fmt: skip
            assert session.codes() == {"005930", "000660", "035420"}
            gone = {"trnm": "REMOVE", "grp_no": "0002",
                    "data": [{"item": ["000660", "999999"], "type": ["0B", "0D"]}]}  # fmt: skip
            removed = {"trnm": "REMOVE", "return_code": 0, "return_msg": ""}
            assert await live.ask(gone) == removed
            assert session.codes() == {"005930", "035420"}
            assert await live.ask({**gone, "refresh": ""}) == removed
            assert await live.ask(reg({"item": ["000660"], "type": ["0D"]}, refresh="0")) == GOOD
            assert session.codes() == {"000660", "035420"}

    run(work)


def test_other_requests_before_login_are_named_and_left_undone(
    served: Served, wire: WireClient
) -> None:
    async def work() -> None:
        async with listening(served.ws_url) as live:
            early = await live.ask(reg({"item": ["005930"], "type": ["0B"]}))
            assert early["return_code"] == 100013
            answer = await live.ask({"token": wire.token, "trnm": "LOGIN", "extra": {"a": 1}})
            assert answer["return_code"] == 0
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.4):
                    await live.next("REAL")
            # The sample does not wait for the answer either.
            await live.send(reg({"item": ["005930"], "type": ["0B"]}))
            assert await live.kinds("0B") == {("0B", "005930")}

    run(work)


def test_login_and_registration_in_one_breath(served: Served, wire: WireClient) -> None:
    async def work() -> None:
        async with connect(served.ws_url) as socket:
            await socket.send(json.dumps({"trnm": "LOGIN", "token": wire.token}))
            await socket.send(json.dumps(reg({"item": [], "type": ["00"]})).encode())
            names = [json.loads(await socket.recv())["trnm"] for _ in range(2)]
            assert names == ["LOGIN", "REG"]

    run(work)


def test_an_echo_with_spaces_keeps_the_line(served: Served, wire: WireClient) -> None:
    async def work() -> None:
        async with listening(served.ws_url, wire.token) as live:
            await asyncio.sleep(1.3)
            assert live.pings >= 6
            assert await live.ask(reg({"item": [""], "type": ["00"]})) == GOOD

    run(work)


def test_unexpected_frames_from_the_client_are_ignored(served: Served, wire: WireClient) -> None:
    async def work() -> None:
        async with listening(served.ws_url, wire.token) as live:
            await live.send({"trnm": "SYSTEM", "code": "R10002"})
            for text in ("", "null", "[]", "{", '"x"', "{}"):
                await live.socket.send(text)
            wrong = [
                {"item": "005930", "type": ["0B"]}, {"item": ["005930"]}, {"type": "0B"}, "x", None,
            ]  # fmt: skip
            for one in wrong:
                answer = await live.ask({**reg(), "data": [one]})
                assert answer["return_code"] == 105111
            assert await live.ask(reg({"item": ["005930"], "type": ["0B"]})) == GOOD

    run(work)


def test_the_newest_login_of_a_key_wins(served: Served, wire: WireClient) -> None:
    async def work() -> None:
        async with (
            listening(served.ws_url, wire.token) as older,
            listening(served.ws_url, wire.token) as newer,
        ):
            assert (await older.next("SYSTEM"))["code"] == "R10001"
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(5):
                    while True:
                        await older.socket.send("{}")
                        await asyncio.sleep(0.02)
            assert await newer.ask(reg({"item": ["005930"], "type": ["0B"]})) == GOOD

    run(work)
