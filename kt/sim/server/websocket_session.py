"""One WebSocket session: LOGIN, registrations, PING, and its send queue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from kt.sim.server import http_protocol
from kt.sim.server.malformed_bodies import deepened
from kt.sim.wire import conditions, stream_frames
from kt.sim.wire.conditions import ConditionSearch
from kt.sim.wire.realtime import ACCOUNT_TYPES

if TYPE_CHECKING:
    from kt.sim.server.context import ServerContext

log = logging.getLogger("kt.exchange")
MARKET_FRAMES = 2_000
"""Market frames queued for a slow client; beyond it the oldest are dropped, but no account's."""
MOST_FRAMES = 20_000
"""Frames of all kinds queued for one client; beyond it the connection is closed."""
MISSES = 5
FAREWELL_SECONDS = 1.0
AN_HOUR = 3600.0
LOGIN_SECONDS = 30.0
"""Real seconds within which a connection must log in."""
_DISCONNECTED = (WebSocketDisconnect, OSError, RuntimeError)
"""The errors of a send after the client has disconnected; the server raises RuntimeError too."""
MARKET_TYPES = frozenset({"0B", "0D", "0H"})
WHOLE_MARKET = frozenset({"0s"})
"""Types that belong to no stock, whichever item they are registered with."""


@dataclass(slots=True)
class ClientFrame:
    """A frame to send. `kind` is empty for responses, PING and SYSTEM."""

    text: str
    kind: str = ""
    side: str = ""
    faulted: bool = False
    last: bool = False

    @property
    def droppable(self) -> bool:
        return bool(self.kind) and self.kind not in ACCOUNT_TYPES


class WebSocketSession:
    """A session from the handshake to the close. `run` returns when the connection has ended."""

    def __init__(self, socket: WebSocket, context: ServerContext) -> None:
        self._socket = socket
        self._context = context
        self._app_key = ""
        self._groups: dict[str, set[tuple[str, str]]] = {}
        self._index: dict[tuple[str, str], list[str]] = {}
        self._queue: deque[ClientFrame] = deque()
        self._market_frames = 0
        self._ready = asyncio.Event()
        self._unanswered = 0

    @cached_property
    def _conditions(self) -> ConditionSearch:
        return ConditionSearch(self._context.exchange.market)

    async def run(self) -> None:
        if not self._context.open_socket():
            await self._socket.send_denial_response(Response(status_code=503))
            return
        try:
            if await self._admitted():
                await self._socket.accept()
                await self._serve()
        finally:
            self._context.close_socket()

    async def _admitted(self) -> bool:
        """Apply the handshake's faults; returns False if the connection has ended."""
        for rule in self._context.faults.handshake():
            if rule.action == "delay":
                await asyncio.sleep(rule.seconds)
                continue
            if rule.action == "hang":
                await self._wait_for_disconnect(rule.seconds or AN_HOUR)
            if rule.action in {"hang", "cut"}:
                http_protocol.cut(self._socket.scope)
                return False
            moved = rule.action == "redirect"
            status = rule.status or (302 if moved else 503)
            headers = {"location": rule.location} if moved else {}
            await self._socket.send_denial_response(Response(b"", status, headers))
            return False
        return True

    async def _wait_for_disconnect(self, seconds: float) -> None:
        """Returns when the client has disconnected, or after a time-out."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(seconds):
                while (await self._socket.receive())["type"] != "websocket.disconnect":
                    pass

    async def _serve(self) -> None:
        tasks = [
            asyncio.create_task(work) for work in (self._read(), self._write(), self._heartbeat())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._leave()
        for task in tasks:
            if not task.cancelled():
                with contextlib.suppress(*_DISCONNECTED):
                    task.result()

    def _leave(self) -> None:
        if self._app_key:
            self._context.fan_out.leave(self._app_key, self)
            self._context.watch()

    def codes(self) -> set[str]:
        """The stocks registered for prices, books or expected prices."""
        return {code for kind, code in self._index if kind in MARKET_TYPES and code}

    def items(self, kind: str, code: str) -> list[str]:
        """The items with which this was registered, as the client wrote them."""
        return self._index.get((kind, code), [])

    def send_rows(self, kind: str, side: str, rows: list[bytes]) -> None:
        self._put(ClientFrame(stream_frames.real(rows), kind, side))

    def replace(self) -> None:
        """End this session: another program has logged in with its app key."""
        self._put(ClientFrame(stream_frames.text(stream_frames.REPLACED), last=True))

    def _say(self, frame: Mapping[str, Any], *, last: bool = False) -> None:
        self._put(ClientFrame(stream_frames.text(frame), last=last))

    def _put(self, frame: ClientFrame) -> None:
        self._queue.append(frame)
        if frame.droppable:
            self._market_frames += 1
            if self._market_frames > MARKET_FRAMES:
                self._drop_oldest()
        if len(self._queue) > MOST_FRAMES:
            http_protocol.cut(self._socket.scope)
        self._ready.set()

    def _drop_oldest(self) -> None:
        for position, frame in enumerate(self._queue):
            if frame.droppable:
                del self._queue[position]
                self._market_frames -= 1
                return

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                frame = json.loads(message.get("text") or message.get("bytes") or "")
            except (ValueError, RecursionError):
                continue
            if isinstance(frame, dict):
                self._take(frame)

    def _take(self, frame: dict[str, Any]) -> None:
        name = str(frame.get("trnm", ""))
        if name == "PING":
            self._unanswered = 0
        elif name == "LOGIN":
            self._login(str(frame.get("token") or ""))
        elif not self._app_key:
            self._say(stream_frames.not_logged_in(name))
        elif name in {"REG", "REMOVE"}:
            self._register(name, frame)
        elif name in conditions.NAMES:
            self._say(self._conditions.answer(frame))
        elif name != "SYSTEM":
            self._say(stream_frames.unknown(name))

    def _login(self, token: str) -> None:
        app_key = self._context.tokens.app_key(token)
        if app_key is None:
            self._say(stream_frames.LOGIN_FAILED if token else stream_frames.NO_TOKEN, last=True)
            return
        if self._app_key != app_key:
            self._leave()
        self._app_key = app_key
        older = self._context.fan_out.join(app_key, self)
        if older is not None:
            older.replace()
        self._context.touch()
        self._say(stream_frames.LOGGED_IN)

    def _register(self, name: str, frame: Mapping[str, Any]) -> None:
        asked = stream_frames.registration(frame)
        if asked is None:
            self._say(stream_frames.failed(name))
            return
        kept = self._groups.get(asked.group, set())
        if name == "REG":
            pairs = (kept if asked.keep else set()) | asked.pairs
        else:
            pairs = set() if asked.whole_group else kept - asked.pairs
        groups = self._groups.keys() | {asked.group}
        if (
            len({item for _, item in pairs}) > stream_frames.MOST_ITEMS
            or len(groups) > stream_frames.MOST_GROUPS
        ):
            self._say(stream_frames.failed(name))
            return
        self._groups[asked.group] = pairs
        self._reindex()
        self._context.watch()
        self._say(stream_frames.done(name))

    def _reindex(self) -> None:
        index: dict[tuple[str, str], list[str]] = {}
        for kind, item in sorted(set().union(*self._groups.values())):
            code = "" if kind in ACCOUNT_TYPES | WHOLE_MARKET else stream_frames.item_code(item)
            index.setdefault((kind, code), []).append(item)
        self._index = index

    async def _write(self) -> None:
        while True:
            if not self._queue:
                self._ready.clear()
                await self._ready.wait()
                continue
            frame = self._queue.popleft()
            self._market_frames -= frame.droppable
            if not await self._send(frame):
                return

    async def _send(self, frame: ClientFrame) -> bool:
        """Send a frame; returns False if it was the last one of this connection."""
        rules = []
        if frame.kind and not frame.faulted:
            rules = list(self._context.faults.frame(frame.kind, frame.side))
        actions = {rule.action: rule for rule in rules}
        if "drop" in actions:
            return True
        if "delay" in actions:
            frame.faulted = True
            loop = asyncio.get_running_loop()
            loop.call_later(actions["delay"].seconds, self._put, frame)
            return True
        if "deep" in actions:
            frame.text = deepened(frame.text.encode(), actions["deep"].depth).decode()
        cut_rule = actions.get("cut")
        if "big" in actions:
            await http_protocol.send_padded(
                self._socket.scope, frame.text.encode(), actions["big"].megabytes << 20
            )
        elif cut_rule is None or cut_rule.when == "after":
            for _ in range(2 if "duplicate" in actions else 1):
                await self._socket.send_text(frame.text)
        if cut_rule is not None:
            http_protocol.cut(self._socket.scope)
            return False
        if frame.last:
            await self._socket.close()
        return not frame.last

    async def _heartbeat(self) -> None:
        """Send PING in real time; too many in a row without an echo end the connection, and so does
        a login time-out."""
        login_by = time.monotonic() + LOGIN_SECONDS
        while True:
            await asyncio.sleep(self._context.settings.ping_seconds)
            if self._unanswered >= MISSES:
                log.info("closing a session that left %s pings unanswered", MISSES)
                self._say(stream_frames.SILENT, last=True)
                # A client that does not read is disconnected without it.
                await asyncio.sleep(FAREWELL_SECONDS)
                return
            if not self._app_key and time.monotonic() >= login_by:
                return
            if self._app_key:
                self._unanswered += 1
                self._say(stream_frames.PING)
