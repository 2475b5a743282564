"""Hand-written fakes of the ports, shared by the tests of steps, engine and commands."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.analyst.rules_advice import advice_objects
from kt.clock import ManualClock
from kt.config.model import Config
from kt.errors import UnknownCondition, UnknownStock
from kt.files import create_private
from kt.ports import Analyst, SealedGateway
from kt.records import (
    KST,
    AccountReturn,
    AdviceRequest,
    AmendTicket,
    AnalystReply,
    AnalystRequest,
    Bar,
    Book,
    BrokerActivity,
    BrokerOrder,
    BrokerShare,
    BuyingStreak,
    CancelTicket,
    Candidate,
    Deposit,
    Execution,
    Flow,
    ForeignHolding,
    Holding,
    Holdings,
    InstitutionDay,
    Instrument,
    Interval,
    Level,
    MarketIndex,
    MarketName,
    Orderable,
    OrderIntent,
    OrderNotice,
    OrderTicket,
    OrderType,
    Origin,
    Outcome,
    OutcomeStatus,
    PromptPreview,
    Quote,
    Ranked,
    Ranking,
    Realised,
    SectorFlow,
    Side,
    StreamEvent,
    StreamKind,
    StreamState,
    Strength,
)
from kt.rules import ticks
from kt.sim.exchange import Exchange
from kt.steps.context import Context
from kt.store.journal import SqliteJournal

OPEN = datetime(2026, 11, 23, 10, 0, 0, tzinfo=KST)
"""A Monday in the middle of the session."""
SAMSUNG = "005930"
HYNIX = "000660"
NAMES = {SAMSUNG: "삼성전자", HYNIX: "SK하이닉스", "035720": "카카오", "005380": "현대차"}


class FakeMarket:
    """A market that stands still at `prices`. What is in `failing` raises its error instead:
    by method name (`book`) or by method and stock (`book.005930`). What it tells is held to what
    the exchange tells: tests/contract/test_fakes.py."""

    def __init__(self, clock: ManualClock, prices: dict[str, int] | None = None) -> None:
        self.clock = clock
        self.prices = prices or {SAMSUNG: 70_000, HYNIX: 180_000, "035720": 45_000}
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.rankings: dict[Ranking, tuple[Ranked, ...]] = {}
        self.bars_by_code: dict[str, tuple[Bar, ...]] = {}

    def _ask(self, name: str, code: str = "") -> None:
        self.asked.append(f"{name}.{code}" if code else name)
        for key in (name, f"{name}.{code}"):
            if key in self.failing:
                raise self.failing[key]
        if code and code not in self.prices:
            raise UnknownStock(f"no such stock on the fake market: {code!r}")

    def instruments(self) -> tuple[Instrument, ...]:
        self._ask("instruments")
        return tuple(
            Instrument(
                stock_code=code,
                stock_name=NAMES.get(code, code),
                market=MarketName.KOSPI,
                base_price=price,
                listed_shares=1_000_000,
                sector="대형주",
            )
            for code, price in self.prices.items()
        )

    def index(self, market: MarketName) -> MarketIndex:
        self._ask("index")
        return MarketIndex(
            value=2_500.0, change=-12.5, change_pct=-0.5, rising=300, falling=500, unchanged=60
        )

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        self._ask("sectors")
        return tuple(
            SectorFlow(name=name, change_pct=-0.5, individual=40, foreign=-50, institution=10)
            for name in (f"종합({market})", "대형주")
        )

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        self._ask("streaks")
        if market is not MarketName.KOSPI:
            return ()
        return (
            BuyingStreak(
                stock_code=SAMSUNG,
                stock_name=NAMES[SAMSUNG],
                change_pct=1.5,
                institution=30_000,
                foreign=20_000,
                institution_days=3,
                foreign_days=-1,
            ),
        )

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        self._ask(f"ranking.{ranking.value}")
        if ranking in self.rankings:
            return self.rankings[ranking]
        return tuple(
            Ranked(
                ranking=ranking,
                rank=rank,
                stock_code=code,
                stock_name=NAMES.get(code, code),
                price=price,
                change_pct=2.5,
                volume=1_000_000,
                value=price * 1_000_000,
            )
            for rank, (code, price) in enumerate(self.prices.items(), 1)
        )

    def conditions(self) -> tuple[str, ...]:
        self._ask("conditions")
        return ("거래량 급증",)

    def condition(self, name: str) -> tuple[Ranked, ...]:
        self._ask(f"condition.{name}")
        if name not in self.conditions():
            raise UnknownCondition(name, self.conditions())
        code, price = next(iter(self.prices.items()))
        return (
            Ranked(
                ranking=f"condition:{name}",
                rank=1,
                stock_code=code,
                stock_name=NAMES.get(code, code),
                price=price,
                change_pct=2.5,
                volume=1_000_000,
            ),
        )

    def quote(self, stock_code: str) -> Quote:
        self._ask("quote", stock_code)
        price = self.prices[stock_code]
        lower, upper = ticks.price_limits(price)
        return Quote(
            stock_code=stock_code,
            stock_name=NAMES.get(stock_code, stock_code),
            price=price,
            base_price=price,
            change=0,
            change_pct=0.0,
            volume=1_000_000,
            value=price * 1_000_000,
            open=price,
            high=price,
            low=price,
            upper_limit=upper,
            lower_limit=lower,
            bid=price,
            ask=ticks.step(price, 1),
            at=self.clock.now(),
        )

    def quotes(self, stock_codes: Sequence[str]) -> tuple[Quote, ...]:
        self._ask("quotes")
        return tuple(self.quote(code) for code in stock_codes if code in self.prices)

    def book(self, stock_code: str) -> Book:
        self._ask("book", stock_code)
        price = self.prices[stock_code]
        return Book(
            stock_code=stock_code,
            asks=tuple(Level(ticks.step(price, n), 1000) for n in range(1, 4)),
            bids=tuple(Level(ticks.step(price, -n), 1000) for n in range(3)),
            total_ask=3000,
            total_bid=3000,
            at=self.clock.now(),
        )

    def brokers(self, stock_code: str) -> BrokerActivity:
        self._ask("brokers", stock_code)
        firm = BrokerShare(name="키움증권", code="050", quantity=1000)
        return BrokerActivity(stock_code=stock_code, sellers=(firm,), buyers=(firm,))

    def strength(self, stock_code: str) -> tuple[Strength, ...]:
        self._ask("strength", stock_code)
        return (
            Strength(
                at=self.clock.now(),
                price=self.prices[stock_code],
                volume=10,
                strength=110.0,
                strength_5m=110.0,
                strength_20m=108.0,
                strength_60m=105.0,
            ),
        )

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        self._ask("flow", stock_code)
        return (
            Flow(
                day=self.clock.now().date(),
                price=self.prices[stock_code],
                volume=1_000_000,
                individual=-20_000,
                foreign=10_000,
                institution=10_000,
            ),
        )

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        self._ask("foreign", stock_code)
        return ()

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        self._ask("institutions", stock_code)
        return ()

    def bars(
        self, stock_code: str, interval: Interval, count: int, *, size: int = 1
    ) -> tuple[Bar, ...]:
        self._ask("bars", stock_code)
        if stock_code in self.bars_by_code:
            return self.bars_by_code[stock_code][-count:]
        price = self.prices[stock_code]
        step = {
            Interval.TICK: timedelta(seconds=size),
            Interval.MINUTE: timedelta(minutes=size),
            Interval.WEEK: timedelta(days=7),
            Interval.MONTH: timedelta(days=30),
        }.get(interval, timedelta(days=1))
        known = count if interval is Interval.TICK else min(count, 3)
        return tuple(
            Bar(
                at=self.clock.now() - step * n,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=1000,
            )
            for n in range(known, 0, -1)
        )


class FakeBroker:
    """An account that keeps orders as a broker does, and fills them when it is told to.

    `outcomes` are the answers to the next order calls, in order; when the list is empty the
    answer is what really happened (ACKED, or REJECTED for what cannot be). An outcome of UNKNOWN
    has `taken` say whether the order stands all the same. `listed_after` hides an order and its
    fills from the lists for so many seconds of the clock; `missing` are shares, by stock, that the
    list of holdings lacks though they are there. `sent` is every order call. `d2_cash` is the cash
    after settlement that it tells; 0 until a test says more: nothing is told. It is held to what
    the exchange does (tests/contract/test_fakes.py), but knows no price limits.
    """

    def __init__(self, clock: ManualClock, cash: int = 10_000_000) -> None:
        self.clock = clock
        self.cash = cash
        self.d2_cash = 0
        self.sent: list[OrderTicket | AmendTicket | CancelTicket] = []
        self.outcomes: list[Outcome] = []
        self.taken = True
        self.listed_after = 0.0
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.rows: dict[int, BrokerOrder] = {}
        self.fills: list[Execution] = []
        self.held: dict[str, Holding] = {}
        self.missing: dict[str, int] = {}
        self.fill_at_once = False
        self.on_sent: Callable[[], None] | None = None
        self.clock_off = 0.0
        self._next = 100
        self._lock = threading.RLock()

    # queries

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.failing:
            raise self.failing[name]

    def account(self) -> str:
        self._ask("account")
        return "1234567890"

    def skew(self) -> float:
        return self.clock_off

    def deposit(self) -> Deposit:
        self._ask("deposit")
        orderable = self._orderable()
        return Deposit(
            cash=self.cash, orderable=orderable, withdrawable=orderable, d2_cash=self.d2_cash
        )

    def _orderable(self) -> int:
        buys = (row for row in self.rows.values() if row.side is Side.BUY)
        return self.cash - sum(row.open_quantity * row.price for row in buys)

    def orderable(self, stock_code: str, price: int) -> Orderable | None:
        self._ask("orderable")
        return None

    def holdings(self) -> Holdings:
        self._ask("holdings")
        listed = (self._listed(held) for held in self.held.values())
        items = tuple(held for held in listed if held.quantity)
        return Holdings(
            items=items,
            total_cost=sum(held.cost for held in items),
            total_value=sum(held.value for held in items),
            total_profit=sum(held.profit for held in items),
            total_profit_pct=0.0,
            estimated_assets=self.cash,
        )

    def _listed(self, held: Holding) -> Holding:
        quantity = held.quantity - self.missing.get(held.stock_code, 0)
        if quantity == held.quantity:
            return replace(held, sellable=self._sellable(held))
        return replace(
            held,
            quantity=quantity,
            sellable=min(quantity, self._sellable(held)),
            cost=held.cost * quantity // held.quantity,
            value=held.value * quantity // held.quantity,
            profit=held.profit * quantity // held.quantity,
        )

    def _sellable(self, held: Holding) -> int:
        selling = sum(
            row.open_quantity
            for row in self.rows.values()
            if row.side is Side.SELL and row.stock_code == held.stock_code
        )
        return held.quantity - selling

    def _shown(self, at: datetime) -> bool:
        """The lists are the day's."""
        now = self.clock.now()
        late = (now - at).total_seconds() < self.listed_after
        return at.date() == now.date() and not late

    def open_orders(self, stock_code: str | None = None) -> tuple[BrokerOrder, ...]:
        self._ask("open_orders")
        return tuple(
            row
            for row in self.rows.values()
            if row.open_quantity and self._shown(row.at) and stock_code in (None, row.stock_code)
        )

    def executions(self, stock_code: str | None = None) -> tuple[Execution, ...]:
        self._ask("executions")
        return tuple(
            fill
            for fill in self.fills
            if self._shown(fill.at) and stock_code in (None, fill.stock_code)
        )

    def day_orders(self, from_ord_no: str = "") -> tuple[BrokerOrder, ...]:
        self._ask("day_orders")
        first = int(from_ord_no or 0)
        return tuple(
            row
            for number, row in sorted(self.rows.items())
            if number >= first and self._shown(row.at)
        )

    def realised(self, stock_code: str) -> tuple[Realised, ...]:
        self._ask("realised")
        return ()

    def returns(self) -> tuple[AccountReturn, ...]:
        self._ask("returns")
        return ()

    # orders

    def place(self, ticket: OrderTicket) -> Outcome:
        with self._lock:
            self.sent.append(ticket)
            if self.on_sent is not None:
                self.on_sent()
            outcome = self.outcomes.pop(0) if self.outcomes else None
            if outcome is not None and not self._stands(outcome):
                return outcome
            refused = self._refused(ticket) if outcome is None else None
            if refused is not None:
                return refused
            number = self.stand(ticket)
            if self.fill_at_once:
                self.fill(number, ticket.quantity, ticket.price or 70_000)
            if outcome is not None and outcome.status is OutcomeStatus.UNKNOWN:
                return outcome
            return acked(f"{number:07d}")

    def _refused(self, ticket: OrderTicket) -> Outcome | None:
        """Why the broker would not take it; None when it would."""
        if ticket.quantity <= 0:
            return rejected("308002", "주문수량을 입력하십시요")
        if ticket.price and not ticks.is_on_tick(ticket.price):
            return rejected("RC4003", "호가단위 오류")
        held = self.held.get(ticket.stock_code)
        if ticket.side is Side.SELL and ticket.quantity > (self._sellable(held) if held else 0):
            return rejected("800033", "매도가능수량 부족", not_enough=True)
        if ticket.side is Side.BUY and ticket.quantity * ticket.price > self._orderable():
            return rejected("RC4025", "증거금 부족")
        return None

    def _stands(self, outcome: Outcome) -> bool:
        if outcome.status is OutcomeStatus.UNKNOWN:
            return self.taken
        return outcome.status is OutcomeStatus.ACKED

    def stand(self, ticket: OrderTicket) -> int:
        """Put an order at the broker as if placed by another client; returns its number."""
        number = self._number()
        self.rows[number] = BrokerOrder(
            ord_no=f"{number:07d}",
            original_ord_no="",
            stock_code=ticket.stock_code,
            stock_name=NAMES.get(ticket.stock_code, ticket.stock_code),
            side=ticket.side,
            order_type=ticket.order_type,
            quantity=ticket.quantity,
            price=ticket.price,
            open_quantity=ticket.quantity,
            filled_quantity=0,
            fill_price=0,
            status="RECEIVED",
            at=self.clock.now(),
        )
        return number

    def _number(self) -> int:
        self._next += 1
        return self._next

    def amend(self, ticket: AmendTicket) -> Outcome:
        return self._change(ticket, "AMEND")

    def cancel(self, ticket: CancelTicket) -> Outcome:
        return self._change(ticket, "CANCEL")

    def _change(self, ticket: AmendTicket | CancelTicket, kind: str) -> Outcome:
        self.sent.append(ticket)
        if self.on_sent is not None:
            self.on_sent()
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None and not self._stands(outcome):
            return outcome
        row = self.rows.get(int(ticket.ord_no))
        if row is None:
            return rejected("RC4061", "주문번호 오류")
        if not row.open_quantity:
            return rejected("RC4033", "정정/취소할 수량이 없습니다")
        price = ticket.price if isinstance(ticket, AmendTicket) else row.price
        number = self._child(row, kind, ticket.quantity or row.open_quantity, price)
        root = row
        while root.original_ord_no:
            root = self.rows[int(root.original_ord_no)]
        done = acked(f"{number:07d}", self.rows[number].quantity)
        return outcome or replace(done, original_ord_no=root.ord_no)

    def _child(self, row: BrokerOrder, kind: str, quantity: int, price: int) -> int:
        number = self._number()
        self.rows[int(row.ord_no)] = replace(row, open_quantity=row.open_quantity - quantity)
        self.rows[number] = replace(
            row,
            ord_no=f"{number:07d}",
            original_ord_no=row.ord_no,
            quantity=quantity,
            price=price,
            open_quantity=quantity if kind == "AMEND" else 0,
            filled_quantity=0,
            status="CONFIRMED",
            kind=kind,
            confirmed_quantity=quantity,
            at=self.clock.now(),
        )
        return number

    # what happens

    def fill(self, number: int | str, quantity: int, price: int) -> OrderNotice:
        """Shares of an order trade: the account changes; the frame that the stream would show."""
        row = self.rows[int(number)]
        left = row.open_quantity - quantity
        assert left >= 0
        self.rows[int(number)] = replace(
            row, open_quantity=left, filled_quantity=row.filled_quantity + quantity
        )
        now = self.clock.now()
        self.fills.append(
            Execution(
                ord_no=row.ord_no,
                original_ord_no=row.original_ord_no,
                stock_code=row.stock_code,
                stock_name=row.stock_name,
                side=row.side,
                order_quantity=row.quantity,
                order_price=row.price,
                quantity=quantity,
                price=price,
                open_quantity=left,
                fee=0,
                tax=0,
                at=now,
            )
        )
        self.hold(row.stock_code, quantity if row.side is Side.BUY else -quantity, price)
        self.cash -= quantity * price * (1 if row.side is Side.BUY else -1)
        return OrderNotice(
            ord_no=row.ord_no,
            original_ord_no=row.original_ord_no,
            stock_code=row.stock_code,
            stock_name=row.stock_name,
            status="FILL",
            side=row.side,
            quantity=row.quantity,
            price=row.price,
            open_quantity=left,
            at=now,
            exec_no=str(len(self.fills)),
            fill_quantity=quantity,
            fill_price=price,
            intent=row.kind,
        )

    def hold(self, code: str, quantity: int, price: int) -> None:
        """Shares arrive or leave."""
        had = self.held.get(code)
        cost = (had.cost if had else 0) + quantity * price
        now = (had.quantity if had else 0) + quantity
        self.held[code] = Holding(
            stock_code=code,
            stock_name=NAMES.get(code, code),
            quantity=now,
            sellable=now,
            average_price=cost // now if now else 0,
            price=price,
            cost=cost if now else 0,
            value=now * price,
            profit=0,
            profit_pct=0.0,
        )


def acked(ord_no: str, quantity: int = 0) -> Outcome:
    return Outcome(
        status=OutcomeStatus.ACKED, evidence="return_code 0", ord_no=ord_no, quantity=quantity
    )


def rejected(code: str = "RC4025", message: str = "증거금 부족", **more: Any) -> Outcome:
    return Outcome(
        status=OutcomeStatus.REJECTED, evidence="return_code 20", code=code, message=message, **more
    )


def unknown(evidence: str = "read timeout") -> Outcome:
    return Outcome(status=OutcomeStatus.UNKNOWN, evidence=evidence)


def not_placed(*, retryable: bool = False) -> Outcome:
    return Outcome(
        status=OutcomeStatus.NOT_PLACED,
        evidence="HTTP 429" if retryable else "connect timeout",
        code="1700" if retryable else "",
        retryable=retryable,
    )


class FakeStream:
    """A stream that says what the test says. `refuse` is raised by `start`."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.refuse = refuse
        self.sink: Callable[[StreamEvent], None] | None = None
        self.subscribed: dict[StreamKind, set[str]] = {}
        self.closed = False

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.sink = sink

    def say(self, event: StreamEvent) -> None:
        assert self.sink is not None
        self.sink(event)

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        for kind in kinds:
            self.subscribed.setdefault(kind, set()).update(stock_codes)

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        for kind in kinds:
            self.subscribed.get(kind, set()).difference_update(stock_codes)

    def close(self) -> None:
        self.closed = True


class ListNotifier:
    """Records the notifications: (level, title, text)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def notify(self, level: str, title: str, text: str) -> None:
        self.told.append((level, title, text))


class ScriptedAnalyst:
    """Answers `decide` with `answers` in order (the last one for ever), as decision objects by
    stock code; what is not scripted is held. `block`, when set, is waited for first."""

    name = "scripted"
    model = "script-1"

    def __init__(self, clock: ManualClock, *answers: dict[str, dict[str, Any]]) -> None:
        self.clock = clock
        self.answers = list(answers) or [{}]
        self.faults: list[tuple[str, ...]] = []
        self.briefs: list[AnalystRequest] = []
        self.picks: tuple[dict[str, Any], ...] | None = None
        self.advice: dict[str, dict[str, Any]] = {}
        self.questions: list[AdviceRequest] = []
        self.error = ""
        self.tokens = 0
        self.cost = 0.0
        self.fallback: Analyst | None = None
        self.block: threading.Event | None = None
        self.asked = threading.Event()

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        self.briefs.append(brief)
        self.faults.append(tuple(faults))
        self.asked.set()
        if self.block is not None:
            self.block.wait(30)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        objects = tuple(
            decision(stock.stock_code, stock.stock_name) | said.get(stock.stock_code, {})
            for stock in brief.stocks
        )
        return self._answer("decide", () if self.error else objects)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        picks = self.picks
        if picks is None:
            picks = tuple(
                {"stock_code": c.stock_code, "score": c.score, "reason": "scripted"}
                for c in candidates[:count]
            )
        return self._answer("shortlist", () if self.error else picks)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """As the offline analyst, except for the fields in `advice`, by subject."""
        self.questions.append(request)
        self.faults.append(tuple(faults))
        self.asked.set()
        if self.block is not None:
            self.block.wait(30)
        objects = advice_objects(request, buy_at=101.0, sell_at=-1.0, room_pct=3.0)
        said = tuple(one | self.advice.get(one["ref"], {}) for one in objects)
        return self._answer(request.topic.value, () if self.error else said)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return PromptPreview(version="scripted.1", text=f"about {len(brief.stocks)} stocks")

    def probe(self) -> AnalystReply | None:
        return self._answer("probe", ())

    def _answer(self, purpose: str, objects: tuple[dict[str, Any], ...]) -> AnalystReply:
        return AnalystReply(
            key=f"{purpose}-{len(self.briefs) + len(self.questions)}",
            purpose=purpose,
            analyst=self.name,
            model=self.model,
            objects=objects,
            raw="",
            prompt="",
            parameters={},
            asked_at=self.clock.now(),
            data_at=self.clock.now(),
            latency_ms=1,
            asked_model=self.model,
            tokens_in=self.tokens,
            cost_usd=self.cost,
            error=self.error,
        )


def decision(code: str, name: str, action: str = "HOLD", **more: Any) -> dict[str, Any]:
    """The decision object of docs/architecture.md#decision-object."""
    return {
        "action": action,
        "stock_code": code,
        "stock_name": name,
        "quantity": 0,
        "price": 0,
        "reason": "scripted",
        "confidence": 0.9,
        "risk_level": "LOW",
    } | more


def buy(price: int = 70_000, quantity: int = 10, **more: Any) -> dict[str, Any]:
    return {"action": "BUY", "price": price, "quantity": quantity} | more


def sell(price: int = 70_000, quantity: int = 10, **more: Any) -> dict[str, Any]:
    return {"action": "SELL", "price": price, "quantity": quantity} | more


class PumpedClock(ManualClock):
    """Moved by hand; after every second that it moves, its listeners hear of it."""

    def __init__(self, at: datetime, step: float = 1.0) -> None:
        super().__init__(at)
        self.step = step
        self.listeners: list[Callable[[], None]] = []

    def advance(self, seconds: float) -> None:
        while seconds > 0:
            part = min(seconds, self.step)
            super().advance(part)
            seconds -= part
            for listener in self.listeners:
                listener()


class ExchangeStream:
    """The in-process exchange's events of one account as a Stream, pumped by the clock. Only the
    trades of the first `most` stocks are watched: making prices is most of a simulated day."""

    def __init__(
        self, exchange: Exchange, clock: PumpedClock, key: str, *, most: int = 100
    ) -> None:
        self.most = most
        self.exchange = exchange
        self.clock = clock
        self.key = key
        self.codes: list[str] = []
        self.sink: Callable[[StreamEvent], None] | None = None
        self.muted = False

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        self.sink = sink
        self.clock.listeners.append(self.pump)
        sink(StreamState(state="connected", at=self.clock.now()))

    def pump(self) -> None:
        for key, event in self.exchange.advance():
            if key in (None, self.key) and self.sink is not None and not self.muted:
                self.sink(event)

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        if StreamKind.TRADE in kinds:
            self.codes += stock_codes
            self.exchange.watch(set(self.codes[: self.most]))

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        if StreamKind.TRADE in kinds:
            self.codes = [code for code in self.codes if code not in set(stock_codes)]
            self.exchange.watch(set(self.codes[: self.most]))

    def close(self) -> None:
        if self.pump in self.clock.listeners:
            self.clock.listeners.remove(self.pump)
        self.sink = None


def ticket(
    side: Side = Side.BUY,
    code: str = SAMSUNG,
    quantity: int = 10,
    price: int = 70_000,
    order_type: OrderType = OrderType.LIMIT,
) -> OrderTicket:
    return OrderTicket(
        side=side, stock_code=code, quantity=quantity, order_type=order_type, price=price
    )


def intent(*args: Any, origin: Origin = Origin.MANUAL, **fields: Any) -> OrderIntent:
    """An order somebody wants, by the arguments of `ticket`."""
    return wanted(ticket(*args, **fields), origin)


def wanted(ticket: OrderTicket, origin: Origin = Origin.MANUAL) -> OrderIntent:
    return OrderIntent(
        side=ticket.side,
        stock_code=ticket.stock_code,
        quantity=ticket.quantity,
        price=ticket.price,
        order_type=ticket.order_type,
        origin=origin,
    )


@cache
def new_journal() -> bytes:
    """The file of a journal without rows, made once: to create one runs all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kt.db"
        SqliteJournal(path, ManualClock(OPEN), path.with_name("halt.json"), "sim").close()
        return path.read_bytes()


class World:
    """A context over fakes, with each fake at hand."""

    def __init__(
        self, folder: Path, config: Config | None = None, *, at: datetime = OPEN, clock: Any = None
    ) -> None:
        self.clock = clock or ManualClock(at)
        self.folder = folder
        self.market = FakeMarket(self.clock)
        self.broker = FakeBroker(self.clock)
        self.analyst = ScriptedAnalyst(self.clock)
        self.notifier = ListNotifier()
        self.config = config or Config()
        self.journal = self.open()
        self.ctx = self.context()

    def open(self) -> SqliteJournal:
        path = self.folder / "kt.db"
        if not path.exists():
            create_private(path)
            path.write_bytes(new_journal())
        return SqliteJournal(
            path,
            self.clock,
            self.folder / "halt.json",
            "sim",
            tell=self.notifier.notify,
        )

    def context(self, **changes: Any) -> Context:
        parts: dict[str, Any] = {
            "run": "RUN",
            "config": self.config,
            "clock": self.clock,
            "market": self.market,
            "broker": self.broker,
            "journal": self.journal,
            "analyst": self.analyst,
            "baseline": RulesAnalyst(self.clock),
            "notifier": self.notifier,
        }
        parts |= changes
        return Context(**({"gateway": SealedGateway(parts["broker"])} | parts))

    def configure(self, **sections: Any) -> Context:
        """The same world under another configuration."""
        from msgspec.structs import replace as changed

        self.config = changed(self.config, **sections)
        self.ctx = self.context()
        return self.ctx

    def restart(self) -> Context:
        """A new process: nothing is left but what is on disk and at the broker."""
        self.journal.close()
        self.journal = self.open()
        self.ctx = self.context()
        return self.ctx

    def close(self) -> None:
        self.journal.close()
