"""One WebSocket session: its handshake, PING, and its send queue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from kt.sim.server import http_protocol
from kt.sim.server.client_session import ClientFrame, ClientSession
from kt.sim.server.malformed_bodies import deepened
from kt.sim.wire import stream_frames

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


class WebSocketSession(ClientSession):
    """A session from the handshake to the close. `run` returns when the connection has ended."""

    def __init__(self, socket: WebSocket, context: ServerContext) -> None:
        super().__init__(context)
        self._socket = socket
        self._queue: deque[ClientFrame] = deque()
        self._market_frames = 0
        self._ready = asyncio.Event()

    async def run(self) -> None:
        if not self.context.open_socket():
            await self._socket.send_denial_response(Response(status_code=503))
            return
        try:
            if await self._admitted():
                await self._socket.accept()
                await self._serve()
        finally:
            self.context.close_socket()

    async def _admitted(self) -> bool:
        """Apply the handshake's faults; returns False if the connection has ended."""
        for rule in self.context.faults.handshake():
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
            self.leave()
        for task in tasks:
            if not task.cancelled():
                with contextlib.suppress(*_DISCONNECTED):
                    task.result()

    def put(self, frame: ClientFrame) -> None:
        """Queue a frame; a client that reads too slowly is disconnected."""
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
                self.take(frame)

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
            rules = list(self.context.faults.frame(frame.kind, frame.side))
        actions = {rule.action: rule for rule in rules}
        if "drop" in actions:
            return True
        if "delay" in actions:
            frame.faulted = True
            loop = asyncio.get_running_loop()
            loop.call_later(actions["delay"].seconds, self.put, frame)
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
            await asyncio.sleep(self.context.settings.ping_seconds)
            if self.unanswered >= MISSES:
                log.info("closing a session that left %s pings unanswered", MISSES)
                self.say(stream_frames.SILENT, last=True)
                # A client that does not read is disconnected without it.
                await asyncio.sleep(FAREWELL_SECONDS)
                return
            if not self.app_key and time.monotonic() >= login_by:
                return
            if self.app_key:
                self.unanswered += 1
                self.say(stream_frames.PING)
