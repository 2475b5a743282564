"""Interfaces to the clock, the market, the account, the stream, the analyst and the owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Protocol

from kt.records import (
    AccountReturn,
    AdviceRequest,
    AnalystReply,
    AnalystRequest,
    Bar,
    Book,
    BrokerActivity,
    BrokerOrder,
    BuyingStreak,
    Candidate,
    Deposit,
    Execution,
    Flow,
    ForeignHolding,
    Holdings,
    InstitutionDay,
    Instrument,
    Interval,
    MarketIndex,
    MarketName,
    Orderable,
    PromptPreview,
    Quote,
    Ranked,
    Ranking,
    Realised,
    SectorFlow,
    StreamEvent,
    StreamKind,
    Strength,
)


class Clock(Protocol):
    """The only source of time. On the embedded exchange it is the exchange's, at any speed.

    Seconds given and returned are the clock's own; `to_real` converts them to wall seconds for
    waits on sockets, queues and events.
    """

    def now(self) -> datetime:
        """Aware, in Asia/Seoul; it may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, never decreasing: for measuring durations."""
        ...

    def sleep(self, seconds: float) -> None: ...
    def to_real(self, seconds: float) -> float: ...


class CallingClock(Clock, Protocol):
    """A clock that calls back."""

    def call_later(self, seconds: float, action: Callable[[], object]) -> None: ...


class Market(Protocol):
    """Prices and flows. Every method may raise the errors of `kt.errors` (AuthError,
    RateLimited, Unreachable, BrokerRefused, UnknownStock, WireError)."""

    def instruments(self) -> tuple[Instrument, ...]:
        """All stocks of KOSPI and KOSDAQ (ka10099)."""
        ...

    def index(self, market: MarketName) -> MarketIndex:
        """KOSPI or KOSDAQ as a whole (ka20001)."""
        ...

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        """Who bought the market's sectors today, the whole market first (ka10051)."""
        ...

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        """Stocks that institutions and foreigners bought over the last five days, most first
        (ka10131); a page of them."""
        ...

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        """One ranking over both markets, best first (ka10023, ka10030, ka10032, ka10027)."""
        ...

    def conditions(self) -> tuple[str, ...]:
        """The names of the condition searches saved in the broker's own program (ka10171, over the
        WebSocket). Raises BrokerRefused where the server has none of this."""
        ...

    def condition(self, name: str) -> tuple[Ranked, ...]:
        """The stocks that match one of them now, in the broker's order (ka10172). Raises
        UnknownCondition, which names those that there are."""
        ...

    def quote(self, stock_code: str) -> Quote:
        """ka10001; raises UnknownStock on the broker's blank success."""
        ...

    def quotes(self, stock_codes: Sequence[str]) -> tuple[Quote, ...]:
        """ka10095, in calls of at most 100 codes; unknown codes are left out."""
        ...

    def book(self, stock_code: str) -> Book:
        """Ten levels of each side, the best first (ka10004)."""
        ...

    def brokers(self, stock_code: str) -> BrokerActivity:
        """The member firms that bought and sold most today, in shares (ka10002)."""
        ...

    def strength(self, stock_code: str) -> tuple[Strength, ...]:
        """Newest first (ka10046)."""
        ...

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        """Net buying in shares by day, newest first (ka10059)."""
        ...

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        """Newest first (ka10008)."""
        ...

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        """Newest first (ka10045; ka10009 as well where the server still has it)."""
        ...

    def bars(
        self, stock_code: str, interval: Interval, count: int, *, size: int = 1
    ) -> tuple[Bar, ...]:
        """The newest `count` bars, oldest first (ka10079..ka10083).

        `size` is the number of ticks or minutes a bar holds.
        """
        ...


class Broker(Protocol):
    """Queries about the account. All of them raise the errors of `Market`."""

    def account(self) -> str: ...  # ka00001, the whole number: mask before showing

    def skew(self) -> float:
        """Seconds by which the clock is ahead of the broker's (behind: below 0), by its newest
        answer of any kind; it is asked only when there has been none. 0.0 when it does not say."""
        ...

    def deposit(self) -> Deposit: ...  # kt00001

    def orderable(self, stock_code: str, price: int) -> Orderable | None:
        """Buying power for one stock (kt00010); None where the server does not offer it."""
        ...

    def holdings(self) -> Holdings: ...  # kt00018
    def open_orders(self, stock_code: str | None = None) -> tuple[BrokerOrder, ...]: ...  # ka10075
    def executions(self, stock_code: str | None = None) -> tuple[Execution, ...]: ...  # ka10076

    def day_orders(self, from_ord_no: str = "") -> tuple[BrokerOrder, ...]:
        """Today's orders of every state, from an order number on, oldest first (kt00007)."""
        ...

    def realised(self, stock_code: str) -> tuple[Realised, ...]: ...  # ka10077
    def returns(self) -> tuple[AccountReturn, ...]: ...  # ka10085


class Stream(Protocol):
    """Live events. The sink is called on a reader thread and must only hand the event over."""

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        """Connect (or join the process that owns the connection) and log in.

        Raises AuthError, Unreachable or StreamReplaced when that cannot be done.
        """
        ...

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        """Add subscriptions; ORDERS, BALANCE, SESSION and VI take no stock codes."""
        ...

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None: ...
    def close(self) -> None: ...


class Analyst(Protocol):
    """Makes decisions. Never raises for a bad answer: `AnalystReply.error` says what went wrong."""

    @property
    def name(self) -> str:
        """rules, gemini or openai: the name in the journal."""
        ...

    @property
    def model(self) -> str: ...

    @property
    def fallback(self) -> Analyst | None:
        """The analyst that is asked about what this one does not answer; None for none."""
        ...

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """A decision object for every stock of the request; `faults` lists what was wrong with the
        answer before."""
        ...

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        """At most `count` of the candidates, the best first, as `{stock_code, score, reason,
        main_risk}`; `score` is the chance of a rise, 0..100."""
        ...

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """An object `{ref, choice, price, reason}` for every subject of another question of the
        trading day; `faults` lists what was wrong with the answer before."""
        ...

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        """What `decide` would send to a model; None where there is no model."""
        ...

    def probe(self) -> AnalystReply | None:
        """The smallest possible request, sent at once whatever failed before; None where there is
        no service to ask."""
        ...


class Notifier(Protocol):
    """Tells the owner. Never raises."""

    def notify(self, level: str, title: str, text: str) -> None:
        """`level` is info, warning or critical."""
        ...
