"""What the processes of one profile say to each other beside the events: lines of JSON."""

from __future__ import annotations

import hmac
import math
import os
import socket
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from kt.broker.stream.groups import Key
from kt.broker.stream.lease import Owner
from kt.errors import BrokerRefused, KtError, StreamReplaced
from kt.records import StreamEvent, StreamKind, StreamState

Code = Annotated[str, Meta(pattern=r"^([0-9A-Z]{6})?\Z")]
Keys = Annotated[tuple[tuple[StreamKind, Code], ...], Meta(max_length=20_000)]


class Hello(msgspec.Struct, tag="hello", tag_field="type", frozen=True):
    """A guest's first line: the secret out of the lease's file, and who it is."""

    secret: str
    pid: int


class Want(msgspec.Struct, tag="want", tag_field="type", frozen=True):
    """A guest's subscriptions change."""

    number: int
    add: Keys = ()
    drop: Keys = ()


class Welcome(msgspec.Struct, tag="welcome", tag_field="type", frozen=True):
    """The owner's first line. `replaced` says why when its stream was taken by another login."""

    pid: int
    replaced: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """A subscription that the broker would not take."""

    kind: StreamKind
    code: str
    reason: str

    @property
    def key(self) -> Key:
        return self.kind, self.code


class Answer(msgspec.Struct, tag="answer", tag_field="type", frozen=True):
    """To the Want of that number. Not `live`: remembered until the connection is back."""

    number: int
    live: bool
    refused: tuple[Refusal, ...] = ()


class Beat(msgspec.Struct, tag="beat", tag_field="type", frozen=True):
    """The owner is there, though nothing happens."""


FromGuest = Hello | Want
FromOwner = Welcome | Answer | Beat | StreamEvent


class SubscriptionRefused(BrokerRefused):
    """Some subscriptions were refused; the others stand."""

    def __init__(self, refused: Iterable[Refusal]) -> None:
        self.refused = tuple(refused)
        names = ", ".join(f"{one.kind} {one.code}".strip() for one in self.refused)
        super().__init__(
            f"The broker refused these subscriptions: {names}: {self.refused[0].reason}.",
            hint="The others stand. Check the stock codes.",
        )


def over_state(error: KtError, at: datetime) -> StreamState:
    """How the end of the stream is told: `replaced` or `closed`, with the reason."""
    state = "replaced" if isinstance(error, StreamReplaced) else "closed"
    return StreamState(state=state, at=at, detail=error.message)


BEAT_SECONDS = 10.0
LINE_LIMIT = 1 << 20
"""Who sends more without an end of line is not one of ours."""
LINE_SECONDS = 10.0
"""Nor is one that takes longer from a line's beginning to its end."""


def line(message: object) -> bytes:
    return msgspec.json.encode(message) + b"\n"


class Lines:
    """Bytes as they come, whole messages as they are complete."""

    def __init__(self, message: object) -> None:
        self._decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(message)
        self._rest = bytearray()
        self.began = math.inf
        """On the monotonic clock, when the line began that is not complete yet."""

    @property
    def waiting(self) -> int:
        """So many bytes of that line are here."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[object]:
        """Raises ValueError for anything that is no message."""
        self._rest += data
        whole: list[bytes] = []
        if b"\n" in data:
            *whole, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
        if not self._rest:
            self.began = math.inf
        elif whole or self.began == math.inf:
            self.began = time.monotonic()
        if len(self._rest) > LINE_LIMIT or any(len(one) > LINE_LIMIT for one in whole):
            raise ValueError("a line without an end")
        try:
            return [self._decoder.decode(one) for one in whole]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("not one of our messages") from error


def same(secret: str, other: str) -> bool:
    return hmac.compare_digest(secret.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def listen(path: str) -> tuple[socket.socket, str, int]:
    """A listening socket with its path, or, where that cannot be, its loopback port."""
    if hasattr(socket, "AF_UNIX"):
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            door.bind(path)
            os.chmod(path, 0o600)  # noqa: PTH101 - beside bind(), which takes no Path either
            door.listen(64)
        except OSError:
            # Too long a path, or a file system that holds no sockets.
            door.close()
        else:
            return door, path, 0
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.bind(("127.0.0.1", 0))
    door.listen(64)
    return door, "", door.getsockname()[1]


def dial(owner: Owner, timeout: float) -> socket.socket:
    """Connect to where an owner listens. Raises OSError."""
    if owner.path:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        address: str | tuple[str, int] = owner.path
    else:
        line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        address = ("127.0.0.1", owner.port)
    try:
        line.settimeout(timeout)
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line
