"""The trading day's state between two events. Only the decision thread writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kt.engine.timers import Timer
from kt.errors import ExitCode
from kt.records import (
    Advice,
    BalanceNotice,
    Book,
    Candidate,
    DayResult,
    OrderNotice,
    Origin,
    Position,
    SessionNotice,
)
from kt.rules.trading_phases import TRADING, Phase
from kt.steps.context import Context


@dataclass(slots=True)
class DayState:
    phase: Phase | None = None
    phase_on: date | None = None
    """The date on which that phase began."""
    notice: SessionNotice | None = None
    """The market's newest session message; it overrides the calendar."""
    begun: date | None = None
    reconciled: bool = False
    """No order is sent before kt's books and the broker's are reconciled."""
    settled: date | None = None
    fast: tuple[Candidate, ...] = ()
    deep: tuple[Candidate, ...] = ()
    shortlist: tuple[Candidate, ...] = ()
    scanning: set[Timer] = field(default_factory=set)
    """The scans whose result is still to come."""
    scans_due: set[Timer] = field(default_factory=set)
    """The scans that are due and wait for the result of the stage before them."""
    prices: dict[str, int] = field(default_factory=dict)
    priced: set[str] = field(default_factory=set)
    """The stocks whose price was told since `new_prices` was called last."""
    books: dict[str, Book] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    early_notices: list[OrderNotice] = field(default_factory=list)
    """Order frames whose order number is not in the journal yet, because its answer is still to
    come."""
    balances: dict[str, BalanceNotice] = field(default_factory=dict)
    """The newest balance frame of today, by stock."""
    not_before: dict[tuple[str, Origin], float] = field(default_factory=dict)
    """When an exit of a stock may be tried again, in the clock's monotonic seconds. By origin, so
    that a take-profit that waits does not delay a stop-loss."""
    held_on: dict[str, Advice] = field(default_factory=dict)
    """By stock: the analyst's newest answer to hold on to it at its target."""
    closing: dict[str, Advice] = field(default_factory=dict)
    """The analyst's answers of today before the close, by stock code and by order number."""
    alarms_said: dict[str, float] = field(default_factory=dict)
    """When each continuing alarm was announced last, in the clock's monotonic seconds."""
    queued: set[str] = field(default_factory=set)
    """Exit orders that wait for buyers and about which the owner was notified."""
    feed_failures: int = 0
    feed_lost: bool = False
    """The stream is reconnecting: until then prices are queried."""
    feed_replaced: bool = False
    ending: str = ""
    """Why the run ends once its flatten has finished; empty when it does not."""
    ended: str = ""
    """Why the run ends; empty while it continues."""
    exit_code: ExitCode = ExitCode.DONE

    @property
    def trading(self) -> bool:
        return self.phase in TRADING

    def price(self, prices: Mapping[str, int]) -> None:
        """Take these prices in won by stock code."""
        self.prices.update(prices)
        self.priced.update(prices)

    def new_prices(self) -> dict[str, int]:
        """The prices told since the last call: a stock that nobody watches any more has none."""
        found = {code: self.prices[code] for code in sorted(self.priced)}
        self.priced.clear()
        return found

    def refresh(self, ctx: Context) -> None:
        """Reload the positions from the journal."""
        self.positions = {held.stock_code: held for held in ctx.journal.positions()}

    def retry_exits(self, stock_code: str = "") -> None:
        """Let exits that wait for their next try be tried now: of one stock, or of all."""
        for key in [key for key in self.not_before if stock_code in ("", key[0])]:
            del self.not_before[key]

    def new_day(self, today: date) -> None:
        """Forget yesterday's market data and subscriptions."""
        self.begun = today
        self.reconciled = False
        self.feed_replaced = False
        self.fast = self.deep = self.shortlist = ()
        self.scanning.clear()
        self.scans_due.clear()
        self.prices.clear()
        self.priced.clear()
        self.books.clear()
        self.balances.clear()
        self.early_notices.clear()
        self.not_before.clear()
        self.held_on.clear()
        self.closing.clear()


@dataclass(slots=True)
class DayReport:
    """The results of the days that were run."""

    days: list[DayResult] = field(default_factory=list)
    orders: int = 0
    alarms: list[str] = field(default_factory=list)
    ended: str = ""
    exit_code: ExitCode = ExitCode.DONE
