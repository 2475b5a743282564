"""Live prices for the screen: the shared stream, kept by a thread of its own, and the minutes that
its trades make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from kt.cli.support.messages import sentence
from kt.engine.feed import Feed
from kt.errors import KtError
from kt.ports import Stream
from kt.records import Bar, Interval, OrderNotice, SessionNotice, StreamEvent, StreamState, Tick
from kt.rules.chart_periods import joined
from kt.steps.context import Context
from kt.steps.instruments import known_list

RETRY = 10.0
"""Real seconds until a stream that could not be started is tried again."""
MINUTES = 400
"""Minutes of a chart: a whole day."""


class LivePrices:
    """The newest price and the minutes of each followed stock. Waits for the broker only on its own
    thread; every property may be read from any."""

    def __init__(
        self, ctx: Context, factory: Callable[[], Stream], woken: Callable[[], None]
    ) -> None:
        """`woken` is called when an order of the account changed."""
        self._ctx = ctx
        self._woken = woken
        self._feed = Feed(ctx, factory, self._take)
        self._wanted: tuple[str, ...] = ()
        self._turn, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._bars: dict[str, dict[int, Bar]] = {}
        self.prices: dict[str, int] = {}
        self.notice: SessionNotice | None = None
        self.state = "connecting"
        """connecting, connected, lost, reconnected, replaced, closed, or why there is none."""

    def start(self) -> None:
        threading.Thread(target=self._run, name="kt-top-stream", daemon=True).start()

    def end(self) -> None:
        self._ended.set()
        self._turn.set()
        self._feed.drop()

    def want(self, codes: Iterable[str]) -> None:
        """Follow the trades of these stocks, the most important first."""
        wanted = tuple(dict.fromkeys(codes))
        if set(wanted) != set(self._wanted):
            self._wanted = wanted
            self._turn.set()

    def minutes(self, code: str) -> tuple[Bar, ...]:
        """The known minutes of a stock, oldest first."""
        with self._lock:
            return tuple(bar for _, bar in sorted(self._bars.get(code, {}).items()))

    def load(self, code: str) -> None:
        """Ask for today's minutes of a stock (ka10080); trades continue them. Raises the market's
        errors."""
        today = self._ctx.clock.now().date()
        found = self._ctx.market.bars(code, Interval.MINUTE, MINUTES)
        with self._lock:
            known = self._bars.setdefault(code, {})
            for bar in found:
                if bar.at.date() == today:
                    known[_minute(bar)] = bar

    def _run(self) -> None:
        """Until `end`: connect, follow what is wanted, and wait for a change."""
        self._learn_stocks()
        while not self._ended.is_set():
            self._turn.clear()
            if self.state != "replaced":
                self._follow()
            self._turn.wait(RETRY)

    def _learn_stocks(self) -> None:
        """The day's list tells the market and kind of each stock, which set the sell tax."""
        try:
            known_list(self._ctx)
        except KtError as failure:
            self.state = sentence(failure.message, failure.hint)

    def _follow(self) -> None:
        if self.state == "closed":
            self._feed.drop()
        try:
            self._feed.start()
            self._feed.watch((), self._wanted)
        except KtError as failure:
            self.state = sentence(failure.message, failure.hint).removeprefix("kt: ")
            return
        if self.state not in ("lost", "replaced", "closed"):
            self.state = "connected"

    def _take(self, event: StreamEvent) -> None:
        """Runs on the stream's thread."""
        if isinstance(event, Tick):
            self._tick(event)
        elif isinstance(event, SessionNotice):
            self.notice = event
        elif isinstance(event, OrderNotice):
            self._woken()
        elif isinstance(event, StreamState):
            self.state = event.state
            self._turn.set()

    def _tick(self, tick: Tick) -> None:
        self.prices[tick.stock_code] = tick.price
        bar = Bar(
            at=tick.at.replace(second=0, microsecond=0),
            open=tick.price,
            high=tick.price,
            low=tick.price,
            close=tick.price,
            volume=tick.quantity,
        )
        with self._lock:
            known = self._bars.setdefault(tick.stock_code, {})
            before = known.get(_minute(bar))
            known[_minute(bar)] = bar if before is None else joined((before, bar))


def _minute(bar: Bar) -> int:
    return bar.at.hour * 60 + bar.at.minute
