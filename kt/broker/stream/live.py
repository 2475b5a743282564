"""Live events from the broker, one connection for all kt processes of an app key.

The first process is the leader: it holds the connection, and the others are its followers. When it
ends, one of them takes over. The caller sees no difference between the two roles.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kt.broker.stream.condition_search import SearchAnswer
from kt.broker.stream.follower import Follower
from kt.broker.stream.groups import Key, keys_of
from kt.broker.stream.lease import Lease
from kt.broker.stream.local_protocol import SubscriptionRefused, over_state
from kt.broker.stream.timeouts import Timeouts
from kt.errors import Busy, KtError, StreamReplaced, Unreachable, UsageError
from kt.files import trouble
from kt.ports import Clock
from kt.records import StreamEvent, StreamKind, StreamState

if TYPE_CHECKING:
    from kt.broker.stream.frames import OnFrame
    from kt.broker.stream.leader import Leader, TokenProvider

FIRST_TRIES = 2
"""Attempts at the start: the second covers a short failure."""
_CODE = re.compile(r"[0-9A-Z]{6}")
_POLL_SECONDS = 0.05


class KiwoomStream:
    """Implements `kt.ports.Stream` on the broker's WebSocket (LOGIN, REG, REMOVE, six types).

    `folder` holds the lease and the local socket that processes of one profile share; `report`
    is called, on the stream's threads, for rows that could not be read (WireError) and for
    subscriptions that the broker refused after a reconnect. After `connected`,
    changes of the connection come as StreamState events, its end (`replaced`, `closed`) included.
    """

    def __init__(
        self,
        ws_url: str,
        tokens: TokenProvider,
        clock: Clock,
        folder: Path,
        app_key: str,
        *,
        report: Callable[[KtError], None] = lambda error: None,
        timeouts: Timeouts | None = None,
        on_frame: OnFrame = None,
    ) -> None:
        self.ws_url = ws_url
        self.tokens = tokens
        self.clock = clock
        self.report = report
        self.timeouts = timeouts or Timeouts()
        self.on_frame = on_frame
        self._lease = Lease(folder, app_key, ws_url)
        self._sink: Callable[[StreamEvent], None] = lambda event: None
        self._sink_thread = 0
        self._emitting = threading.Lock()
        self._lock = threading.Lock()
        self._role: Leader | Follower | None = None
        self._wants: frozenset[Key] = frozenset()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._started = threading.Event()
        self._error: KtError | None = None

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        """Connect, or follow the process that has. May be started again after its end.

        Raises AuthError, Unreachable, StreamReplaced, or KtError when the folder cannot be used,
        and Busy when an earlier connection still hangs.
        """
        self.close()
        if self._thread is not None and self._thread.is_alive():
            raise Busy("The stream that was closed has not ended yet.", hint="Try again soon.")
        self._sink, self._error = sink, None
        self._closing.clear()
        self._started.clear()
        self._thread = threading.Thread(target=self._live, name="kt-stream", daemon=True)
        self._thread.start()
        if not self._started.wait(self.timeouts.start):
            self._error = Unreachable(
                f"The stream was not there within {self.timeouts.start:g} seconds.",
                hint="Check the network, then start again.",
            )
        if self._error is not None:
            self.close()
            raise self._error

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        """Add subscriptions; returns when the broker has accepted them.

        Without a connection they are stored and made once there is one. Raises UsageError for an
        invalid stock code, and BrokerRefused: the other subscriptions are made all the same.
        """
        keys = keys_of(kinds, stock_codes)
        wrong = sorted({code for _, code in keys if code and not _CODE.fullmatch(code)})
        if wrong:
            raise UsageError(f"No stock codes: {', '.join(wrong)}. They have six characters.")
        self._change(keys, frozenset())

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        """Drop subscriptions; the broker gets a REMOVE when no other process wants them."""
        self._change(frozenset(), keys_of(kinds, stock_codes))

    @property
    def live(self) -> bool:
        """Whether a search can be sent: started, and not closed or over."""
        with self._lock:
            return self._role is not None and self._started.is_set() and self._error is None

    def search(self, name: str) -> SearchAnswer:
        """The condition searches' names and the matches of one (`stream/condition_search.py`).
        Raises Unreachable, BrokerRefused or WireError."""
        with self._lock:
            role = self._role
        if role is None:
            raise Unreachable("The stream is not connected.", hint="Try again in a moment.")
        return role.search(name)

    def close(self) -> None:
        """End the stream; no event follows. May be called at any time and repeatedly."""
        self._closing.set()
        with self._lock:
            role = self._role
        if role is not None:
            role.close()
        thread = self._thread
        if thread is not None and not self._in_sink() and thread is not threading.current_thread():
            thread.join(self.timeouts.connect)

    def _change(self, add: frozenset[Key], drop: frozenset[Key]) -> None:
        with self._lock:
            self._wants = (self._wants | add) - drop
            role = self._role
        if role is None:
            return
        try:
            # The sink must not wait: the answer arrives on the same thread.
            role.want(add, drop, wait=not self._in_sink())
        except SubscriptionRefused as error:
            with self._lock:
                self._wants -= {refusal.key for refusal in error.refused}
            raise

    def _in_sink(self) -> bool:
        return self._sink_thread == threading.get_ident()

    def _live(self) -> None:
        error: KtError | None = KtError("The stream ended in a fault of kt's own; see above.")
        try:
            self._lead_or_follow()
            error = None
        except KtError as known:
            error = known
        except OSError as lacking:
            why, advice = trouble(lacking)
            error = KtError(f"the stream cannot be kept up: {why}", hint=advice)
        finally:
            # Also for unexpected exceptions: the end of a stream is always reported.
            if error is not None:
                self._report_end(error)

    def _report_end(self, error: KtError) -> None:
        if self._started.is_set():
            self._emit(over_state(error, self.clock.now()))
        else:
            self._error = error
            self._started.set()

    def _note(self, error: KtError) -> None:
        # A journal that cannot be written to must not end the stream.
        with contextlib.suppress(KtError):
            self.report(error)

    def _lead_or_follow(self) -> None:
        """Lead or follow, depending on whether another process leads."""
        until = time.monotonic() + self.timeouts.join
        while not self._closing.is_set():
            if self._lease.take():
                self._lead()
                return
            if self._follow():
                until = time.monotonic() + self.timeouts.join
            elif time.monotonic() > until:
                leader = self._lease.leader()
                who = f"process {leader.pid}" if leader else "another process"
                raise Unreachable(
                    f"The stream is held by {who} of kt, which does not answer.",
                    hint="End that process, then start again.",
                )
            else:
                self._closing.wait(_POLL_SECONDS)

    def _lead(self) -> None:
        from kt.broker.stream.leader import Leader

        leader = Leader(
            self.ws_url,
            self.tokens,
            self.clock,
            self._lease,
            self._emit,
            self._note,
            self.timeouts,
            self.on_frame,
        )
        again = self._started.is_set()
        tries = self.timeouts.reconnects if again else FIRST_TRIES
        try:
            leader.want(self._set_role(leader), wait=False)
            leader.serve("reconnected" if again else "connected", tries)
        except StreamReplaced as error:
            if not self._started.is_set():
                raise
            self._emit(over_state(error, self.clock.now()))
            # Keep the lease: another process of this profile would only take the login back.
            self._closing.wait()
        finally:
            self._set_role(None)
            leader.finish()
            self._lease.release()

    def _follow(self) -> bool:
        """False when no leader is there."""
        leader = self._lease.leader()
        if leader is None:
            return False
        follower = Follower(leader, self.clock, self._emit, self._note, self.timeouts)
        name = "reconnected" if self._started.is_set() else "connected"
        try:
            joined = follower.follow(name, lambda: self._set_role(follower))
        finally:
            self._set_role(None)
        if follower.live and not self._closing.is_set():
            detail = f"process {leader.pid}, which held the stream, has gone"
            self._emit(StreamState(state="lost", at=self.clock.now(), detail=detail))
        return joined

    def _set_role(self, role: Leader | Follower | None) -> frozenset[Key]:
        """Set who gets subscription changes from now on; returns the current subscriptions."""
        with self._lock:
            self._role, wants = role, self._wants
        if role is not None and self._closing.is_set():
            role.close()
        return wants

    def _emit(self, event: StreamEvent) -> None:
        with self._emitting:
            if self._closing.is_set():
                return
            self._sink_thread = threading.get_ident()
            try:
                self._sink(event)
            finally:
                self._sink_thread = 0
        if type(event) is StreamState and event.state in {"connected", "reconnected"}:
            self._started.set()
