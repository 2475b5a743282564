"""The protocol between leader and followers: JSON messages on a local socket, each preceded by its
length in four bytes (big-endian)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from kt.broker.stream.condition_search import SearchAnswer
from kt.broker.stream.envelope import UNREADABLE
from kt.broker.stream.groups import Key
from kt.broker.stream.lease import LeaderAddress
from kt.errors import BrokerRefused, KtError, StreamReplaced
from kt.records import StreamEvent, StreamKind, StreamState

T = TypeVar("T")
Code = Annotated[str, Meta(pattern=r"^([0-9A-Z]{6})?\Z")]
Keys = Annotated[tuple[tuple[StreamKind, Code], ...], Meta(max_length=20_000)]


class Hello(msgspec.Struct, tag="hello", tag_field="type", frozen=True):
    """A follower's first message: the secret from the lease's file, and its process id."""

    secret: str
    pid: int


class SubscriptionRequest(msgspec.Struct, tag="want", tag_field="type", frozen=True):
    """A follower's subscriptions change."""

    number: int
    add: Keys = ()
    drop: Keys = ()


class SearchRequest(msgspec.Struct, tag="search", tag_field="type", frozen=True):
    """A follower's condition search; without a name only the list of them is wanted."""

    number: int
    name: Annotated[str, Meta(max_length=100)] = ""


class Welcome(msgspec.Struct, tag="welcome", tag_field="type", frozen=True):
    """The leader's first message. `replaced` says that another login took its stream, and why."""

    pid: int
    replaced: str = ""


class SubscriptionRefusal(msgspec.Struct, frozen=True):
    """A subscription that the broker refused."""

    kind: StreamKind
    code: str
    reason: str

    @property
    def key(self) -> Key:
        return self.kind, self.code


class SubscriptionAnswer(msgspec.Struct, tag="answer", tag_field="type", frozen=True):
    """The answer to the request of that number. Not `live`: stored until the connection is back."""

    number: int
    live: bool
    refused: tuple[SubscriptionRefusal, ...] = ()


class Heartbeat(msgspec.Struct, tag="beat", tag_field="type", frozen=True):
    """Shows that the leader is alive while there are no events."""


FROM_FOLLOWER = msgspec.json.Decoder(Hello | SubscriptionRequest | SearchRequest)
FROM_LEADER = msgspec.json.Decoder(
    Welcome | SubscriptionAnswer | SearchAnswer | Heartbeat | StreamEvent
)


class SubscriptionRefused(BrokerRefused):
    """Some subscriptions were refused; the others were made."""

    def __init__(self, refused: Iterable[SubscriptionRefusal]) -> None:
        self.refused = tuple(refused)
        names = ", ".join(f"{one.kind} {one.code}".strip() for one in self.refused)
        super().__init__(
            f"The broker refused these subscriptions: {names}: {self.refused[0].reason}.",
            hint="The others were made. Check the stock codes.",
        )


def over_state(error: KtError, at: datetime) -> StreamState:
    """How the end of the stream is announced: `replaced` or `closed`, with the reason."""
    state = "replaced" if isinstance(error, StreamReplaced) else "closed"
    return StreamState(state=state, at=at, detail=error.message)


BEAT_SECONDS = 10.0
MOST_BYTES = 1 << 20
"""The largest message accepted."""
MESSAGE_SECONDS = 10.0
"""The longest time from a message's first byte to its last."""
READ_BYTES = 65_536
LENGTH_BYTES = 4
LOOPBACK = "127.0.0.1"


def pack(message: object) -> bytes:
    data = msgspec.json.encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


class Inbox(Generic[T]):
    """Reads the messages of one connection. `most` is the largest size in bytes, `seconds` the
    longest time from a message's first byte to its last."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        decoder: msgspec.json.Decoder[T],
        *,
        most: int = MOST_BYTES,
        seconds: float = MESSAGE_SECONDS,
    ) -> None:
        self.most = most
        self.seconds = seconds
        self._reader = reader
        self._decoder = decoder
        self._rest = bytearray()

    async def next(self, silence: float | None = None) -> list[T]:
        """The received messages, at least one; an empty list if the peer disconnected, sent an
        invalid message, was too slow, or sent nothing for `silence` seconds."""
        try:
            async with asyncio.timeout(self.seconds if self._rest else silence) as limit:
                while not (messages := self._whole()):
                    data = await self._reader.read(READ_BYTES)
                    if not data:
                        return []
                    if not self._rest:
                        limit.reschedule(asyncio.get_running_loop().time() + self.seconds)
                    self._rest += data
                return messages
        except (OSError, ValueError, *UNREADABLE):
            return []

    def _whole(self) -> list[T]:
        """Remove and return the complete messages. Raises ValueError or the decoder's errors."""
        messages: list[T] = []
        at, rest = 0, self._rest
        while len(rest) >= at + LENGTH_BYTES:
            start = at + LENGTH_BYTES
            end = start + int.from_bytes(rest[at:start], "big")
            if end - start > self.most:
                raise ValueError("too long a message")
            if end > len(rest):
                break
            messages.append(self._decoder.decode(rest[start:end]))
            at = end
        del rest[:at]
        return messages


def listen(path: str) -> tuple[socket.socket, str, int]:
    """A listening socket with its path, or with its loopback port if no Unix socket can be made."""
    if hasattr(socket, "AF_UNIX"):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(path)
            os.chmod(path, 0o600)  # noqa: PTH101 - beside bind(), which takes no Path either
            listener.listen(64)
        except OSError:
            # The path is too long, or the file system has no sockets.
            listener.close()
        else:
            return listener, path, 0
    listener = socket.create_server((LOOPBACK, 0), backlog=64)
    return listener, "", listener.getsockname()[1]


async def connect(
    leader: LeaderAddress,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to where a leader listens. Raises OSError."""
    if leader.path:
        return await asyncio.open_unix_connection(leader.path)
    return await asyncio.open_connection(LOOPBACK, leader.port)
