"""What the trading day remembers between two events. Only the decision thread writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from kt.errors import ExitCode
from kt.records import (
    BalanceNotice,
    Book,
    Candidate,
    DayResult,
    Decision,
    OrderNotice,
    Origin,
    Position,
    SessionNotice,
)
from kt.rules.trading_phases import TRADING, Phase
from kt.steps.context import Context
from kt.steps.risk.account_snapshot import AccountSnapshot


@dataclass(slots=True)
class DayState:
    phase: Phase | None = None
    phase_on: date | None = None
    """The day on which that phase began."""
    notice: SessionNotice | None = None
    """The newest word of the market about its phase; it wins over the calendar."""
    begun: date | None = None
    reconciled: bool = False
    """Nothing is sent before kt's books and the broker's agree."""
    settled: date | None = None
    fast: tuple[Candidate, ...] = ()
    deep: tuple[Candidate, ...] = ()
    shortlist: tuple[Candidate, ...] = ()
    prices: dict[str, int] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    early: list[OrderNotice] = field(default_factory=list)
    """Frames of orders whose own number is still on its way here."""
    frames: dict[str, BalanceNotice] = field(default_factory=dict)
    """What the balance frames of today said last, by stock."""
    not_before: dict[tuple[str, Origin], float] = field(default_factory=dict)
    """When an exit of a stock may be tried again, in the clock's monotonic seconds. A profit
    that waits holds back no stop-loss."""
    alarms_said: dict[str, float] = field(default_factory=dict)
    """When each alarm that goes on was said last, in the clock's monotonic seconds."""
    queued: set[str] = field(default_factory=set)
    """Orders of exits of which the owner was told that nobody buys."""
    feed_failures: int = 0
    feed_lost: bool = False
    """The stream is being connected again: until then prices are asked for."""
    feed_replaced: bool = False
    ending: str = ""
    """Why the day ends as soon as its flatten has; empty when it does not."""
    ended: str = ""
    """Why the day ends; empty while it goes on."""
    exit_code: ExitCode = ExitCode.DONE

    @property
    def trading(self) -> bool:
        return self.phase in TRADING

    def refresh(self, ctx: Context) -> None:
        """Read again what is held."""
        self.positions = {held.stock_code: held for held in ctx.journal.positions()}

    def wake(self, stock_code: str = "") -> None:
        """An exit that waits may be tried again at once: of one stock, or of all."""
        for key in [key for key in self.not_before if stock_code in ("", key[0])]:
            del self.not_before[key]

    def new_day(self, today: date) -> None:
        """What was seen yesterday says nothing about today."""
        self.begun = today
        self.reconciled = False
        self.feed_replaced = False
        self.fast = self.deep = self.shortlist = ()
        self.prices.clear()
        self.books.clear()
        self.frames.clear()
        self.early.clear()
        self.not_before.clear()


@dataclass(frozen=True, slots=True)
class Judged:
    """What the analyst's worker brings back: the choice, the decisions, the account just now."""

    shortlist: tuple[Candidate, ...]
    decisions: tuple[Decision, ...]
    account: AccountSnapshot
    said: str = ""
    """How the choice and the decisions went, in words."""


@dataclass(frozen=True, slots=True)
class Todo:
    """Things to do on the decision thread one by one: what happens while one is done comes
    before the next, so that many orders in a row keep no stop-loss waiting."""

    works: tuple[Callable[[], object], ...]


@dataclass(slots=True)
class DayReport:
    """What the days that were run came to."""

    days: list[DayResult] = field(default_factory=list)
    orders: int = 0
    alarms: list[str] = field(default_factory=list)
    ended: str = ""
    exit_code: ExitCode = ExitCode.DONE
