"""Serves the leader's stream to its followers: a local socket, one thread with an event loop.

A follower may die, hang, be slow or send garbage at any time without affecting the others. Account
events are never dropped; for a slow follower market data is conflated.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from kt.broker.stream.condition_search import SearchAnswer
from kt.broker.stream.conflation import ConflatingQueue
from kt.broker.stream.groups import Key
from kt.broker.stream.lease import LeaderAddress, Lease
from kt.broker.stream.local_protocol import (
    BEAT_SECONDS,
    FROM_FOLLOWER,
    MESSAGE_SECONDS,
    MOST_BYTES,
    Heartbeat,
    Hello,
    Inbox,
    SearchRequest,
    SubscriptionAnswer,
    SubscriptionRequest,
    Welcome,
    listen,
    pack,
)
from kt.errors import KtError
from kt.files import trouble

FAREWELL_SECONDS = 0.2
"""The time for the last messages to all followers."""
MOST_PEERS = 64
HELLO_BYTES = 1024
"""The largest Hello accepted."""


class Peer:
    """A connected process and its send queue; `pid` is 0 until its Hello was valid."""

    def __init__(self, number: int, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.pid = 0
        self._writer = writer
        self._queue = ConflatingQueue()
        self._filled = asyncio.Event()
        self._last = False
        # What the socket does not accept at once stays in the queue, where it can be conflated.
        writer.transport.set_write_buffer_limits(high=0)
        self._sender = asyncio.create_task(self._send())

    def put(self, message: bytes, key: Key | None) -> None:
        self._queue.put(message, key)
        self._filled.set()
        if self._queue.overfull and self._writer.transport.get_write_buffer_size():
            self.close()

    def finish(self) -> asyncio.Task[None]:
        """Returns the task that ends once the queue is sent."""
        self._last = True
        self._filled.set()
        return self._sender

    def close(self) -> None:
        """Close the connection at once; the queue is lost."""
        self._sender.cancel()
        self._writer.transport.abort()

    async def _send(self) -> None:
        with contextlib.suppress(OSError):
            while not self._last:
                await self._filled.wait()
                self._filled.clear()
                while batch := self._queue.take():
                    self._writer.write(batch)
                    await self._writer.drain()


class LocalServer:
    """Serves from `open` to `close`. `wanted` and `gone` are called on the server's thread and
    must not wait; `publish`, `broadcast` and `answer` may be called on any while it serves."""

    def __init__(
        self,
        lease: Lease,
        wanted: Callable[[int, SubscriptionRequest | SearchRequest], None],
        left: Callable[[int], None],
    ) -> None:
        self.lease = lease
        self.wanted = wanted
        self.left = left
        self.replaced = ""
        """The reason sent to new followers once another login has taken the stream."""
        self.peers: dict[int, Peer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._secret = secrets.token_urlsafe(24)
        self._numbers = 0
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Listen, and publish where. The lease must be held. Raises KtError."""
        self.lease.socket_path.unlink(missing_ok=True)
        with contextlib.ExitStack() as undo:
            try:
                listener, path, port = listen(str(self.lease.socket_path))
                undo.callback(listener.close)
                address = LeaderAddress(pid=os.getpid(), secret=self._secret, path=path, port=port)
                self.lease.publish(address)
                self._loop = asyncio.new_event_loop()
            except OSError as error:
                why, advice = trouble(error)
                message = f"the stream cannot be shared with other kt processes: {why}"
                raise KtError(message, hint=advice) from error
            undo.pop_all()
        self._thread = threading.Thread(
            target=self._run, args=(listener, self._loop), name="kt-stream-server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; followers see the end of their connection."""
        if self._thread is not None:
            self._call(self._closing.set)
            self._thread.join()

    def publish(self, message: bytes, key: Key | None, numbers: Iterable[int] | None) -> None:
        """One packed message to these followers (None: to all)."""
        self._call(self._put, message, key, numbers)

    def broadcast(self, message: bytes) -> None:
        """One packed message to every follower."""
        self.publish(message, None, None)

    def answer(self, number: int, answer: SubscriptionAnswer | SearchAnswer) -> None:
        self.publish(pack(answer), None, (number,))

    def _call(self, work: Callable[..., object], *args: object) -> None:
        """Run it on the server's thread; not at all before `open` and after `close`."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(work, *args)

    def _put(self, message: bytes, key: Key | None, numbers: Iterable[int] | None) -> None:
        for number in self.peers if numbers is None else numbers:
            peer = self.peers.get(number)
            if peer is not None and peer.pid:
                peer.put(message, key)

    def _run(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(debug=False, loop_factory=lambda: loop) as runner:
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().set_exception_handler(_handle)
        server = await asyncio.start_server(self._accept, sock=listener)
        while not await self._closed_within(BEAT_SECONDS):
            self._put(pack(Heartbeat()), None, None)
        server.close()
        # The last message (the end of the stream and its reason) should still arrive.
        senders = [peer.finish() for peer in self.peers.values()]
        if senders:
            await asyncio.wait(senders, timeout=FAREWELL_SECONDS)

    async def _closed_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._has_room():
            writer.transport.abort()
            return
        self._numbers += 1
        peer = self.peers[self._numbers] = Peer(self._numbers, writer)
        task = asyncio.create_task(self._serve_peer(peer, reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_peer(self, peer: Peer, reader: asyncio.StreamReader) -> None:
        """Serve one connection until it ends."""
        try:
            await self._serve_follower(peer, reader)
        finally:
            peer.close()
            self.peers.pop(peer.number, None)
            if peer.pid:
                self.left(peer.number)

    def _has_room(self) -> bool:
        """If full, drop the oldest connection that has not sent its Hello."""
        if len(self.peers) < MOST_PEERS:
            return True
        stranger = next((peer for peer in self.peers.values() if not peer.pid), None)
        if stranger is None:
            return False
        self.peers.pop(stranger.number).close()
        return True

    async def _serve_follower(self, peer: Peer, reader: asyncio.StreamReader) -> None:
        inbox = Inbox(reader, FROM_FOLLOWER, most=HELLO_BYTES, seconds=MESSAGE_SECONDS)
        first = await inbox.next(MESSAGE_SECONDS)
        if not first or not self._welcomes(peer, first[0]):
            return
        inbox.most = MOST_BYTES
        messages = first[1:] or await inbox.next()
        while messages:
            for want in messages:
                if isinstance(want, Hello):
                    return
                self.wanted(peer.number, want)
            messages = await inbox.next()

    def _welcomes(self, peer: Peer, hello: Hello | SubscriptionRequest | SearchRequest) -> bool:
        if not isinstance(hello, Hello) or not _same(hello.secret, self._secret):
            return False
        peer.pid = hello.pid or -1
        peer.put(pack(Welcome(pid=os.getpid(), replaced=self.replaced)), None)
        return True


def _same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore connections that closed before they were accepted, and a lack of file descriptors:
    asyncio retries, and stderr belongs to the user."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)
