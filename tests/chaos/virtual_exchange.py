"""The exchange's server in the test's own process, on a clock that is moved by hand.

Requests go through the server's own code, faults and malformed answers included; only the socket
is missing. Waiting (a delay, a time-out, a body that drips) moves the clock instead of taking time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx

from kt.sim.exchange import Exchange
from kt.sim.faults import Faults
from kt.sim.server import fault_middleware
from kt.sim.server.context import ServerContext
from kt.sim.server.malformed_bodies import RawAnswer
from kt.sim.server.rest_call import Request
from kt.sim.server.settings import Settings
from tests.fakes import PumpedClock

ADDRESS = "http://127.0.0.1:9"
"""Nothing listens there: a request that went past the transport would fail."""
SHORTEST = 0.001
"""Seconds by which a wait moves the clock at least: its arithmetic rounds to microseconds."""


class AgendaClock(PumpedClock):
    """One thread moves it at a time; what is due at a time happens when the clock gets there."""

    def __init__(self, at: datetime, step: float) -> None:
        super().__init__(at, step)
        self.lock = threading.RLock()
        self.listeners.append(self._act)
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def advance(self, seconds: float) -> None:
        with self.lock:
            super().advance(seconds)

    def at(self, when: datetime, what: Callable[[], object]) -> None:
        with self.lock:
            heapq.heappush(self._agenda, (when, next(self._numbers), what))

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self.at(self.now() + timedelta(seconds=seconds), what)

    def _act(self) -> None:
        while self._agenda and self._agenda[0][0] <= self.now():
            heapq.heappop(self._agenda)[2]()


class VirtualExchange(ServerContext):
    """`deliver` gets the events of the stream, each with the app key it is for (None: all)."""

    def __init__(self, clock: AgendaClock, seed: int, key: str) -> None:
        exchange = Exchange(clock=clock, seed=seed, cash=10_000_000)
        super().__init__(Settings(rate=0.0), exchange, clock, Faults())  # type: ignore[arg-type]
        self.lock = clock.lock
        self.key = key
        self.deliver: Callable[[Any], None] = lambda event: None
        self.gone = False
        """Whether the server cannot be reached."""
        self.loop = _ClockLoop(clock)
        clock.listeners.append(self.pump)

    def pump(self) -> None:
        for key, event in self.exchange.advance():
            if key in (None, self.key):
                self.deliver(event)

    def close(self) -> None:
        self.loop.close()
        self.exchange.close()


class VirtualTransport(httpx.BaseTransport):
    """Hands requests to the server's code, one at a time."""

    def __init__(self, exchange: VirtualExchange) -> None:
        self.exchange = exchange

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        seconds = max(SHORTEST, request.extensions["ends"] - time.monotonic())
        with self.exchange.lock:
            if self.exchange.gone:
                raise httpx.ConnectError("no route to host")
            return self._answered(request, seconds)

    def _answered(self, request: httpx.Request, seconds: float) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        served = Request(request.url.path, headers, request.read(), _never)
        loop = self.exchange.loop
        ends = loop.time() + seconds
        answering = fault_middleware.answer(self.exchange, served)
        try:
            found = loop.run_until_complete(asyncio.wait_for(answering, seconds))
        except TimeoutError:
            raise httpx.ReadTimeout("no answer") from None
        except fault_middleware.ConnectionCut:
            raise httpx.ReadError("the connection was cut") from None
        raw = fault_middleware.encoded(found)
        said = {**raw.headers, "content-type": raw.kind}
        return httpx.Response(raw.status, headers=said, stream=_Body(self.exchange, raw, ends))


class _Body(httpx.SyncByteStream):
    """The bytes of an answer, which may come slowly or without end."""

    def __init__(self, exchange: VirtualExchange, raw: RawAnswer, ends: float) -> None:
        self.exchange, self.raw, self.ends = exchange, raw, ends

    def __iter__(self) -> Iterator[bytes]:
        content = self.raw.content
        if isinstance(content, bytes):
            yield content
            return
        while True:
            with self.exchange.lock:
                loop = self.exchange.loop
                left = self.ends - loop.time()
                try:
                    piece = loop.run_until_complete(asyncio.wait_for(anext(content), left))
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise httpx.ReadTimeout("the body does not end") from None
            yield piece


async def _never() -> None:
    """A client that stays until its own time-out."""
    await asyncio.get_running_loop().create_future()


class _AtOnce(ThreadPoolExecutor):
    """Runs what would run on a thread in the caller's."""

    def submit(self, work: Any, /, *args: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*args, **named))
        return done


class _Jumping(selectors.SelectSelector):
    """Waits by moving the clock."""

    def __init__(self, clock: AgendaClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self.clock.advance(max(timeout, SHORTEST))
        return super().select(0)


class _ClockLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: AgendaClock) -> None:
        self.clock = clock
        super().__init__(_Jumping(clock))
        self.set_default_executor(_AtOnce())
        self._clock_resolution = SHORTEST  # of timers, which a sum of large floats may miss

    def time(self) -> float:
        return self.clock.monotonic()
