"""Serves one process's stream to the others of its profile: a local socket, one thread.

A guest may die, hang, be slow or talk nonsense at any time: it harms nobody but itself. What
concerns the account is never left out; of market data a slow guest gets the newest only.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable

from kt.broker.stream.conflation import Seat
from kt.broker.stream.groups import Key
from kt.broker.stream.lease import Lease, Owner
from kt.broker.stream.local_protocol import (
    BEAT_SECONDS,
    Answer,
    Beat,
    Hello,
    Want,
    Welcome,
    line,
    listen,
    same,
)
from kt.errors import KtError
from kt.files import trouble

FAREWELL_SECONDS = 0.2
"""For all guests together."""
MOST_SEATS = 64
HELLO_LIMIT = 1024
"""Bytes that somebody may send before the Hello is complete."""
READ_BYTES = 65_536


class Hub:
    """Listens from `open` to `close`. `wanted` and `gone` are called on the hub's thread and
    must not wait; `publish`, `broadcast` and `answer` may be called on any."""

    def __init__(
        self,
        lease: Lease,
        wanted: Callable[[int, Want], None],
        gone: Callable[[int], None],
    ) -> None:
        self.lease = lease
        self.wanted = wanted
        self.gone = gone
        self.replaced = ""
        """Said to whoever joins, once the stream was taken by another login."""
        self._secret = secrets.token_urlsafe(24)
        self._seats: dict[int, Seat] = {}
        self._lock = threading.Lock()
        self._touched: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socket.socketpair()
        self._door: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="kt-stream-hub", daemon=True)
        self._closing = False
        self._numbers = 0
        self._look_at = math.inf
        """When the first of the seats is due."""

    @property
    def guests(self) -> int:
        with self._lock:
            return sum(1 for seat in self._seats.values() if seat.pid)

    def open(self) -> None:
        """Listen, and publish where. The lease must be held."""
        self.lease.socket_path.unlink(missing_ok=True)
        try:
            self._door, path, port = listen(str(self.lease.socket_path))
            self.lease.publish(Owner(pid=os.getpid(), secret=self._secret, path=path, port=port))
        except OSError as error:
            self._let_go()
            why, advice = trouble(error)
            message = f"the stream cannot be shared with other kt processes: {why}"
            raise KtError(message, hint=advice) from error
        for plug in (self._door, self._alarm, self._bell):
            plug.setblocking(False)
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; guests see the end of their connection."""
        self._closing = True
        if self._thread.is_alive():
            self._ring()
            self._thread.join()
        else:
            self._let_go()

    def publish(self, text: bytes, key: Key | None, numbers: Iterable[int]) -> None:
        """One line to these guests."""
        with self._lock:
            asleep = not self._touched
            for number in numbers:
                seat = self._seats.get(number)
                if seat is not None:
                    seat.outbox.put(text, key)
                    self._touched.add(number)
        if asleep:
            self._ring()

    def broadcast(self, text: bytes) -> None:
        """One line to every guest."""
        with self._lock:
            numbers = [seat.number for seat in self._seats.values() if seat.pid]
        self.publish(text, None, numbers)

    def answer(self, number: int, answer: Answer) -> None:
        self.publish(line(answer), None, (number,))

    def _ring(self) -> None:
        # A full bell rings already; a closed one has nobody to wake.
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _run(self) -> None:
        beat_at = time.monotonic() + BEAT_SECONDS
        while not self._closing:
            next_at = min(beat_at, self._look_at)
            for key, mask in self._selector.select(max(0.0, next_at - time.monotonic())):
                if key.fileobj is self._door:
                    self._accept()
                elif key.fileobj is self._alarm:
                    with contextlib.suppress(BlockingIOError):
                        self._alarm.recv(4096)
                else:
                    self._attend(key.data, mask)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_SECONDS
                self.broadcast(line(Beat()))
            if time.monotonic() >= self._look_at:
                self._show_out_the_slow()
            self._flush_touched()
        self._farewell()
        self._let_go()

    def _accept(self) -> None:
        assert self._door is not None
        try:
            plug, _ = self._door.accept()
        except OSError:
            # It left while it stood at the door, or this process has no descriptors to spare.
            return
        if len(self._seats) >= MOST_SEATS:
            # Strangers, who have not said Hello, make room; the longest there first.
            stranger = next((seat for seat in self._seats.values() if not seat.pid), None)
            if stranger is None:
                plug.close()
                return
            self._drop(stranger)
        plug.setblocking(False)
        self._numbers += 1
        seat = Seat(self._numbers, plug)
        self._look_at = min(self._look_at, seat.due)
        with self._lock:
            self._seats[seat.number] = seat
        self._selector.register(plug, selectors.EVENT_READ, seat)

    def _attend(self, seat: Seat, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush(seat)
        if not mask & selectors.EVENT_READ or seat.number not in self._seats:
            return
        try:
            data = seat.plug.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or not self._understood(seat, data):
            self._drop(seat)

    def _understood(self, seat: Seat, data: bytes) -> bool:
        try:
            messages = seat.lines.feed(data)
        except ValueError:
            return False
        for message in messages:
            if isinstance(message, Want) and seat.pid:
                self.wanted(seat.number, message)
            elif isinstance(message, Hello) and same(message.secret, self._secret):
                seat.pid = message.pid or -1
                welcome = Welcome(pid=os.getpid(), replaced=self.replaced)
                self.publish(line(welcome), None, (seat.number,))
            else:
                return False
        self._look_at = min(self._look_at, seat.due)
        return bool(seat.pid) or seat.lines.waiting <= HELLO_LIMIT

    def _show_out_the_slow(self) -> None:
        now = time.monotonic()
        for seat in [seat for seat in self._seats.values() if seat.due <= now]:
            self._drop(seat)
        self._look_at = min((seat.due for seat in self._seats.values()), default=math.inf)

    def _flush_touched(self) -> None:
        with self._lock:
            touched, self._touched = self._touched, set()
        for number in touched:
            seat = self._seats.get(number)
            if seat is not None:
                self._flush(seat)

    def _flush(self, seat: Seat) -> None:
        """Send what the guest's socket takes now, and come back when it takes more."""
        interest = selectors.EVENT_READ
        try:
            while True:
                if not seat.sending:
                    with self._lock:
                        seat.sending = memoryview(seat.outbox.take())
                    if not seat.sending:
                        break
                seat.sending = seat.sending[seat.plug.send(seat.sending) :]
        except BlockingIOError:
            interest |= selectors.EVENT_WRITE
            if seat.outbox.overfull:
                self._drop(seat)
                return
        except OSError:
            self._drop(seat)
            return
        self._selector.modify(seat.plug, interest, seat)

    def _drop(self, seat: Seat) -> None:
        with self._lock:
            del self._seats[seat.number]
        self._selector.unregister(seat.plug)
        seat.plug.close()
        if seat.pid:
            self.gone(seat.number)

    def _farewell(self) -> None:
        """What was said last (that the stream is over, and why) should still arrive."""
        until = time.monotonic() + FAREWELL_SECONDS
        for seat in self._seats.values():
            with self._lock:
                rest = bytes(seat.sending) + seat.outbox.take()
            with contextlib.suppress(OSError):
                seat.plug.settimeout(max(0.0, until - time.monotonic()))
                seat.plug.sendall(rest)
            seat.plug.close()

    def _let_go(self) -> None:
        with self._lock:
            self._seats.clear()
        for plug in (self._door, self._alarm, self._bell):
            if plug is not None:
                plug.close()
        self._selector.close()
