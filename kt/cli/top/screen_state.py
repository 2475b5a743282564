"""Everything the screen shows at one moment, read from the journal alone."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kt.cli.support.exit_watch import Watch, read_watch
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Candidate,
    DayResult,
    Order,
    Position,
    Stop,
)
from kt.rules import trading_phases
from kt.rules.trading_phases import Phase
from kt.steps import analyst_outages
from kt.steps.analyst_outages import Health
from kt.steps.portfolio import daily_pnl, position_book

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.cli.top.live_prices import LivePrices
    from kt.steps.context import Context

EVENTS = (
    "run", "scan", "decision", "check", "order", "fill", "exit", "trade", "stop", "error", "notice",
)  # fmt: skip
SAID = ("decision", "advice")
KEPT = 200
PAGE = 500
WINDOW = 10.0
"""Real seconds over which the broker's calls are counted."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """One moment. Money in won; `calls` are requests to the broker by all processes of this
    profile, per real second; `lost` is the day's loss against `limit`."""

    now: datetime
    profile: str
    phase: Phase
    watch: Watch
    stop: Stop
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    """Open orders, and those with an unknown outcome."""
    candidates: tuple[Candidate, ...]
    said: tuple[Row, ...]
    events: tuple[Row, ...]
    result: DayResult
    lost: int
    limit: int
    health: Health
    analyst: str
    calls: float
    doubted: int
    locked: int
    stream: str

    @property
    def unknown(self) -> int:
        return sum(order.state in UNRESOLVED_STATES for order in self.orders)

    @property
    def unwatched(self) -> int:
        """Positions with a stop or target that no process monitors."""
        return self.watch.unwatched(self.positions)


class Tail:
    """The newest rows of some kinds, read on from where the last reading ended."""

    def __init__(self, ctx: Context, kinds: tuple[str, ...], first: int) -> None:
        self._journal, self._kinds, self._after = ctx.journal, kinds, -first
        self.rows: deque[Row] = deque(maxlen=KEPT)

    def read(self) -> int:
        """How many rows were new."""
        page = self._journal.events(after=self._after, limit=PAGE, kinds=self._kinds)
        if page:
            self._after = int(page[-1]["seq"])
        self.rows.extend(page)
        return len(page)


class SnapshotReader:
    """Reads snapshots on a worker thread. Every reading may raise JournalError."""

    def __init__(self, cli: CliContext, ctx: Context, live: LivePrices) -> None:
        self._cli, self._ctx, self._live = cli, ctx, live
        self._events = Tail(ctx, EVENTS, KEPT)
        self._said = Tail(ctx, SAID, 40)
        self._called = Tail(ctx, ("api_call",), 1)
        self._counts: deque[tuple[float, int]] = deque()

    def read(self) -> Snapshot:
        """The screen's content now. Raises JournalError."""
        ctx = self._ctx
        now = ctx.clock.now()
        positions = tuple(self._marked(held) for held in ctx.journal.positions())
        result = daily_pnl.figures(ctx, positions)
        self._events.read()
        self._said.read()
        return Snapshot(
            now=now,
            profile=ctx.profile,
            phase=trading_phases.phase(now, ctx.config.session, self._live.notice),
            watch=read_watch(self._cli),
            stop=ctx.journal.stop(),
            positions=positions,
            orders=ctx.journal.orders(states=OPEN_STATES | UNRESOLVED_STATES),
            candidates=ctx.journal.watched_on(now.date()),
            said=tuple(row for row in self._said.rows if row.get("provenance") != "shadow"),
            events=tuple(self._events.rows),
            result=result,
            lost=daily_pnl.loss(ctx, result),
            limit=ctx.config.limits.daily_loss,
            health=analyst_outages.health(ctx.journal, ctx.analyst, now),
            analyst=ctx.analyst.name,
            calls=self._calls(),
            doubted=len(ctx.journal.doubts()),
            locked=len(ctx.journal.locks()),
            stream=self._live.state,
        )

    def _marked(self, held: Position) -> Position:
        """The position at the newest price of the stream; without one as the journal has it."""
        price = self._live.prices.get(held.stock_code, 0)
        if not price or price == held.price:
            return held
        return position_book.marked_at(self._ctx, held, price)

    def _calls(self) -> float:
        first = not self._counts
        new, now = self._called.read(), time.monotonic()
        self._counts.append((now, 0 if first else new))
        while self._counts[0][0] < now - WINDOW:
            self._counts.popleft()
        span = now - self._counts[0][0]
        return sum(count for _, count in self._counts) / max(span, 1.0)
