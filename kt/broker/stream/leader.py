"""The process that owns the connection: keeps it alive, subscribed and shared with followers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from kt.broker.stream.condition_search import SearchAnswer, search
from kt.broker.stream.frames import FrameReader, OnFrame
from kt.broker.stream.groups import WITHOUT_STOCK, Key, key_of
from kt.broker.stream.lease import Lease
from kt.broker.stream.local_protocol import (
    SearchRequest,
    SubscriptionAnswer,
    SubscriptionRefusal,
    SubscriptionRefused,
    SubscriptionRequest,
    over_state,
    pack,
)
from kt.broker.stream.local_server import LocalServer
from kt.broker.stream.stream_session import LoginRefused, StreamSession
from kt.broker.stream.subscriptions import OWN, Subscriptions
from kt.broker.stream.timeouts import Timeouts
from kt.errors import AuthError, BrokerRefused, KtError, StreamReplaced, Unreachable
from kt.ports import Clock
from kt.records import StreamEvent, StreamState

BRIEF_IN_A_ROW = 30
"""After this many short-lived connections in a row the stream gives up."""
BRIEF_PER_STEP = 10
"""Every so many of them the back-off goes up one step."""


class TokenProvider(Protocol):
    """Where LOGIN's token comes from (`kt.broker.rest.token`)."""

    def token(self) -> str: ...
    def renew(self, bad: str) -> str: ...


class Leader:
    """`serve` on one thread until it returns; everything else from any thread.

    `emit` gets this process's own events, on several threads; `report` is called for rows that
    could not be read and for subscriptions that the broker refused after a reconnect.
    """

    def __init__(
        self,
        ws_url: str,
        tokens: TokenProvider,
        clock: Clock,
        lease: Lease,
        emit: Callable[[StreamEvent], None],
        report: Callable[[KtError], None],
        timeouts: Timeouts,
        on_frame: OnFrame = None,
    ) -> None:
        self.ws_url = ws_url
        self.tokens = tokens
        self.clock = clock
        self.emit = emit
        self.timeouts = timeouts
        self.reader = FrameReader(clock, report, on_frame)
        self.subscriptions = Subscriptions(report)
        self.server = LocalServer(lease, self._follower_wants, self.subscriptions.forget)
        self._session: StreamSession | None = None
        self._thread: threading.Thread | None = None
        self._searches: set[threading.Thread] = set()
        """Followers' searches that run."""
        self._closing = threading.Event()
        self._connected_since = 0.0
        self._short_lived = 0

    def serve(self, name: str, tries: int) -> None:
        """Share, connect and stay connected; returns once `close` was called.

        Emits StreamState `name` once it is connected. Raises AuthError, StreamReplaced,
        Unreachable or another KtError when the stream ends; followers get the reason.
        """
        try:
            self.server.open()
            self._establish(name, tries, pause_first=False)
            while True:
                self._maintain()
                if self._closing.is_set():
                    return
                self._reconnect()
        except KtError as error:
            if self._closing.is_set():
                return
            if isinstance(error, StreamReplaced):
                self.server.replaced = error.message
            self.server.broadcast(pack(over_state(error, self.clock.now())))
            raise
        finally:
            self.subscriptions.answer_pending(live=False)

    def want(self, add: Iterable[Key], drop: Iterable[Key] = (), *, wait: bool = True) -> None:
        """Change this process's subscriptions; with `wait`, until the broker has answered.

        Without a connection they are stored for the next one. Raises BrokerRefused.
        """
        settled, faults = threading.Event(), list[SubscriptionRefusal]()

        def done(live: bool, refused: tuple[SubscriptionRefusal, ...]) -> None:
            faults.extend(refused)
            settled.set()

        self.subscriptions.change(OWN, add, drop, done)
        if wait:
            settled.wait()
        if faults:
            raise SubscriptionRefused(faults)

    def search(self, name: str) -> SearchAnswer:
        """A condition search on the connection. Raises Unreachable without one, BrokerRefused or
        WireError."""
        session = self._session
        if session is None or session.over.is_set():
            raise Unreachable("The stream is not connected.", hint="Try again in a moment.")
        return search(session.search, name, self.reader.report)

    def close(self) -> None:
        """Make `serve` return soon."""
        self._closing.set()
        session = self._session
        if session is not None:
            session.close()
        self.subscriptions.wake()

    def finish(self) -> None:
        """After `serve`: stop the local server and wait for the threads."""
        self.close()
        self._join()
        self.server.close()
        for searching in tuple(self._searches):  # their connection is closed
            searching.join()

    def _establish(self, name: str, tries: int, *, pause_first: bool) -> None:
        """Connect, in so many attempts; `waits` before the first one too."""
        fault: KtError | None = None
        for attempt in range(1, tries + 1):
            if (pause_first or fault) and self._closing.wait(
                self._pause(attempt - (not pause_first))
            ):
                break
            try:
                self._connect()
            except (AuthError, StreamReplaced):
                raise
            except KtError as error:
                fault = error
                continue
            # In this order a new follower learns of it once: from the state or from its answer.
            self.subscriptions.mark_connected()
            self._state(name, "leader", attempt)
            self.subscriptions.answer_pending(live=True)
            return
        raise Unreachable(
            f"The stream is not there after {tries} attempts. {fault.message if fault else ''}",
            hint="Check the network and the server's address, then start again.",
        )

    def _pause(self, step: int) -> float:
        """Real seconds before the attempt of that number, from 1 on."""
        backoff = self.timeouts.backoff
        return backoff[min(step - 1 + self._short_lived // BRIEF_PER_STEP, len(backoff) - 1)]

    def _connect(self) -> None:
        token = self.tokens.token()
        try:
            session = self._log_in(token)
        except LoginRefused as refused:
            if not refused.stale:
                raise
            session = self._log_in(self.tokens.renew(token))
        self._thread = threading.Thread(target=session.run, name="kt-stream-reader", daemon=True)
        self._thread.start()
        self._connected_since = time.monotonic()
        self.subscriptions.restart()
        try:
            self.subscriptions.apply(session)
        except Unreachable as error:
            self._join()
            self._check_replaced(session)
            raise error

    def _log_in(self, token: str) -> StreamSession:
        session = StreamSession(
            self.ws_url, self.reader, self._deliver, self.timeouts, self.subscriptions.wake
        )
        self._session = session
        if self._closing.is_set():
            raise Unreachable("The stream was closed here.")
        session.connect(token)
        return session

    def _maintain(self) -> None:
        """Keep the broker's subscriptions up to date until the connection ends."""
        session = self._session
        assert session is not None
        while not session.over.is_set():
            self.subscriptions.wait(session.over.is_set)
            try:
                self.subscriptions.apply(session)
            except Unreachable:
                break
            self.subscriptions.answer_pending(live=True)
        self.subscriptions.answer_pending(live=False)
        self._join()
        self._check_replaced(session)

    def _check_replaced(self, session: StreamSession) -> None:
        if session.replaced:
            raise StreamReplaced(
                f"The stream has ended: {session.reason}.",
                hint="Stop the other program or this one, then start again.",
            )

    def _reconnect(self) -> None:
        assert self._session is not None
        lasted = time.monotonic() - self._connected_since
        self._short_lived = self._short_lived + 1 if lasted < self.timeouts.brief else 0
        self._state("lost", self._session.reason, 0)
        if self._short_lived >= BRIEF_IN_A_ROW:
            raise Unreachable(
                f"The stream broke {self._short_lived} times in a row as soon as it was made.",
                hint="Look for another program that uses this app key.",
            )
        self._establish("reconnected", self.timeouts.reconnects, pause_first=True)

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _deliver(self, event: StreamEvent) -> None:
        """Called on the connection's thread for every event."""
        key = key_of(event)
        route = self.subscriptions.registry.routes.get(key) if key else None
        if key is None or route is None:
            return
        if route.own:
            self.emit(event)
        if route.followers:
            market = None if key[0] in WITHOUT_STOCK else key
            self.server.publish(pack(event), market, route.followers)

    def _state(self, state: str, detail: str, attempt: int) -> None:
        event = StreamState(state=state, at=self.clock.now(), detail=detail, attempt=attempt)
        self.emit(event)
        self.server.broadcast(pack(event))

    def _follower_wants(self, number: int, want: SubscriptionRequest | SearchRequest) -> None:
        if isinstance(want, SearchRequest):
            searching = threading.Thread(
                target=self._search_for, args=(number, want), name="kt-stream-search", daemon=True
            )
            self._searches.add(searching)
            searching.start()
            return

        def done(live: bool, refused: tuple[SubscriptionRefusal, ...]) -> None:
            self.server.answer(number, SubscriptionAnswer(want.number, live, refused))

        self.subscriptions.change(number, want.add, want.drop, done)

    def _search_for(self, number: int, want: SearchRequest) -> None:
        """Answer a follower's search, on a thread of its own."""
        try:
            answer = self.search(want.name)
        except BrokerRefused as error:
            answer = SearchAnswer(refused=error.message)
        except KtError as error:
            answer = SearchAnswer(failed=error.message)
        self.server.answer(number, msgspec.structs.replace(answer, number=want.number))
        self._searches.discard(threading.current_thread())
