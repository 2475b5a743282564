"""The process that joins another one's stream: the same events, through a local socket."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable

from kt.broker.stream import lease
from kt.broker.stream.groups import Key
from kt.broker.stream.local_protocol import (
    Answer,
    FromOwner,
    Hello,
    Lines,
    SubscriptionRefused,
    Want,
    Welcome,
    dial,
    line,
)
from kt.broker.stream.timeouts import Patience
from kt.errors import KtError, StreamReplaced, Unreachable
from kt.ports import Clock
from kt.records import StreamEvent, StreamState

READ_BYTES = 65_536
_FIRST = 0
"""The number of the Want that brings everything; its answer means the guest has arrived."""


class Guest:
    """`join`, then `serve` on one thread until it returns; the rest from any thread."""

    def __init__(
        self,
        owner: lease.Owner,
        clock: Clock,
        emit: Callable[[StreamEvent], None],
        report: Callable[[KtError], None],
        patience: Patience,
    ) -> None:
        self.owner = owner
        self.clock = clock
        self.emit = emit
        self.report = report
        self.patience = patience
        self.live = False
        """Has the connection stood since this guest joined?"""
        self._plug: socket.socket | None = None
        self._lines = Lines(FromOwner)
        self._early: list[object] = []
        self._numbers = itertools.count(_FIRST + 1)
        self._waiting: dict[int, tuple[threading.Event, list[Answer]]] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._over = False
        self._arrived = False

    def join(self) -> bool:
        """Sit down at the owner's table; False when it is not there (any more).

        Raises StreamReplaced when its stream was taken by another login.
        """
        with contextlib.ExitStack() as undo:
            try:
                self._plug = dial(self.owner, self.patience.hello)
                undo.callback(self._plug.close)
                self._plug.sendall(line(Hello(self.owner.secret, os.getpid())))
                until = time.monotonic() + self.patience.hello
                while not self._early:
                    self._plug.settimeout(max(0.001, until - time.monotonic()))
                    data = self._plug.recv(READ_BYTES)
                    if not data:
                        return False
                    self._early = self._lines.feed(data)
            except (OSError, ValueError):
                return False
            welcome = self._early.pop(0)
            if not isinstance(welcome, Welcome):
                return False
            if welcome.replaced:
                raise StreamReplaced(
                    f"{welcome.replaced} Process {welcome.pid} of kt found it so.",
                    hint=f"Stop process {welcome.pid}, then start again.",
                )
            undo.pop_all()
        return True

    def serve(self, name: str, keys: Iterable[Key]) -> None:
        """Receive until the owner has gone, or `close` was called.

        Says so with StreamState `name` when the connection first stands. Raises StreamReplaced
        or Unreachable when the owner says that the stream is over.
        """
        assert self._plug is not None
        self._plug.settimeout(self.patience.silence)
        messages: list[object] | None = self._early
        try:
            with contextlib.suppress(OSError):
                self._send(Want(_FIRST, add=tuple(keys)))
            while messages is not None:
                for message in messages:
                    self._receive(message, name)
                messages = self._next(self._plug)
        finally:
            self._end()
            self._plug.close()

    def want(self, add: Iterable[Key], drop: Iterable[Key] = (), *, wait: bool = True) -> None:
        """Change this process's subscriptions; with `wait`, until the broker has answered.

        Without a connection they are remembered. Raises BrokerRefused.
        """
        number = next(self._numbers)
        settled, answers = threading.Event(), list[Answer]()
        with self._lock:
            if self._over:
                return
            self._waiting[number] = (settled, answers)
        try:
            self._send(Want(number, tuple(add), tuple(drop)))
        except OSError:
            # Its end is seen by `serve`; whoever takes over is told all that is wanted.
            return
        if wait:
            settled.wait()
        if answers and answers[0].refused:
            raise SubscriptionRefused(answers[0].refused)

    def close(self) -> None:
        """Make `serve` return soon."""
        self._end()
        if self._plug is not None:
            with contextlib.suppress(OSError):
                self._plug.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        with self._lock:
            self._over = True
            waiting, self._waiting = self._waiting, {}
        for settled, _ in waiting.values():
            settled.set()

    def _next(self, plug: socket.socket) -> list[object] | None:
        """None when the owner has gone, is silent for too long, or makes no sense any more."""
        try:
            data = plug.recv(READ_BYTES)
            messages = self._lines.feed(data)
        except (OSError, ValueError):
            return None
        if not data:
            return None
        late = time.monotonic() - self._lines.began > self.patience.frame
        return None if late else messages

    def _send(self, want: Want) -> None:
        assert self._plug is not None
        with self._sending:
            self._plug.sendall(line(want))

    def _receive(self, message: object, name: str) -> None:
        if isinstance(message, StreamState):
            self._state(message, name)
        elif isinstance(message, Answer):
            self._answer(message, name)
        elif isinstance(message, StreamEvent):
            self.emit(message)

    def _answer(self, answer: Answer, name: str) -> None:
        if answer.number != _FIRST:
            settled, answers = self._waiting.pop(answer.number, (threading.Event(), []))
            answers.append(answer)
            settled.set()
            return
        self._arrived = True
        if answer.refused:
            self.report(SubscriptionRefused(answer.refused))
        if answer.live:
            self._stands(name, 1)

    def _state(self, state: StreamState, name: str) -> None:
        if state.state == "replaced":
            raise StreamReplaced(state.detail, hint="Stop the other program, then start again.")
        if state.state == "closed":
            raise Unreachable(state.detail, hint="Check the network, then start again.")
        if not self._arrived:
            return
        if state.state == "lost":
            self.emit(state)
        else:
            self._stands("reconnected" if self.live else name, state.attempt)

    def _stands(self, name: str, attempt: int) -> None:
        self.live = True
        detail = f"guest of pid {self.owner.pid}"
        self.emit(StreamState(state=name, at=self.clock.now(), detail=detail, attempt=attempt))
