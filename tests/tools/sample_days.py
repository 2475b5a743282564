"""A journal with a rich trading day in it, the same at every run: for the report page's tests and
for its picture. Prices are seeded walks, trades are made of them, and the figures follow."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kt.clock import ManualClock
from kt.records import (
    KST,
    Action,
    CashNote,
    Decision,
    DecisionOutcome,
    Equity,
    Position,
    RiskLevel,
    ScanSummary,
    Side,
    Stop,
    StopMode,
    SymbolLock,
    Trade,
)
from kt.steps.context import Context
from kt.steps.portfolio import daily_pnl
from kt.store.journal import SqliteJournal
from tests.store import make

OPENS = datetime(2026, 11, 23, 9, 0, tzinfo=KST)
MINUTES = 385
CASH = 10_000_000
RUN = "01SAMPLE"
REASONS = {
    "005930": "Buyers lead: strength 131, foreigners +5,000 shares; score 71 of 100.",
    "000660": "Book ratio 1.8 and rising volume; score 68 of 100.",
    "035720": "Institutions sell, strength 82; score 34 of 100.",
}


@dataclass(frozen=True)
class Walk:
    """One stock's day: where its price begins, its drift a minute, and its trades by minute."""

    code: str
    name: str
    price: int
    tick: int
    drift: float
    trades: tuple[tuple[int, int | None], ...]
    """Bought at this minute, sold at that one; None: still held."""
    quantity: int

    def prices(self) -> list[int]:
        walk = random.Random(self.code)
        found, price = [], float(self.price)
        for _ in range(MINUTES):
            price *= 1 + self.drift + walk.gauss(0, 0.0012)
            found.append(round(price / self.tick) * self.tick)
        return found


WALKS = (
    Walk("005930", "삼성전자", 70_000, 100, 0.0001, ((12, 95), (150, 262)), 14),
    Walk("000660", "SK하이닉스", 180_000, 500, -0.00012, ((30, 121),), 5),
    Walk("035720", "카카오", 45_000, 50, 0.00006, ((60, 214), (301, None)), 22),
)


def at(minute: int, second: int = 0) -> datetime:
    return OPENS + timedelta(minutes=minute, seconds=second)


def fill(ctx: Context, names: dict[str, str] | None = None, reason: str = "") -> None:
    """Fill the journal with the day; `names` replaces names of stocks, `reason` every reason and
    every other text of the day. The clock must be a ManualClock; it ends at 15:25."""
    journal, clock = ctx.journal, ctx.clock
    assert isinstance(journal, SqliteJournal) and isinstance(clock, ManualClock)
    clock.set(OPENS)
    journal.start_run(RUN, "run", "0")
    journal.put_cash_note(CashNote(cash=CASH, won=0, fills=0, outside=0, at=OPENS))
    journal.put_equity(Equity(at=OPENS - timedelta(hours=18), cash=CASH, value=0, equity=CASH))
    walks = [(walk, (names or {}).get(walk.code, walk.name)) for walk in WALKS]
    trades = [_trade(journal, walk, name, number, reason)
              for walk, name in walks for number in range(len(walk.trades))]  # fmt: skip
    _curve(journal, [trade for pair in trades for trade in pair])
    for walk, name in walks:
        _decisions(journal, walk, name, reason)
    _trouble(journal, reason)
    clock.set(at(MINUTES))
    daily_pnl.close_day(ctx, {walk.code: walk.prices()[-1] for walk in WALKS})
    journal.flush()


@dataclass(frozen=True)
class Held:
    """Shares between two minutes, for the equity curve."""

    walk: Walk
    bought: int
    sold: int | None
    paid: int
    got: int


def _trade(journal: SqliteJournal, walk: Walk, name: str, number: int, reason: str) -> list[Held]:
    """Both orders of a trade with their fills, the stop and target, and what came of it."""
    bought, sold = walk.trades[number]
    prices = walk.prices()
    buy = _filled(journal, walk, name, Side.BUY, bought, f"B{walk.code}{number}", reason)
    cost = buy * walk.quantity + round(buy * walk.quantity * 0.00015)
    base = {"stock_code": walk.code, "stock_name": name, "quantity": walk.quantity}
    held = Position(
        **base, average_price=buy, cost=cost, opened_at=at(bought, 7), updated_at=at(bought, 7),
        stop_price=round(buy * 0.985 / walk.tick) * walk.tick,
        target_price=round(buy * 1.02 / walk.tick) * walk.tick, sellable=walk.quantity, price=buy,
    )  # fmt: skip
    journal.exit_set(held, "opened", at(bought, 8))
    for minute in range(max(0, bought - 30), min(MINUTES, (sold or MINUTES) + 30)):
        journal.minute_prices(at(minute), {walk.code: prices[minute]})
    if sold is None:
        journal.put_position(held)
        return [Held(walk, bought, None, cost, 0)]
    sell = _filled(journal, walk, name, Side.SELL, sold, f"S{walk.code}{number}", reason)
    value = sell * walk.quantity
    fee, tax = round(value * 0.00015), round(value * 0.0015)
    profit = value - fee - tax - cost
    buy_fee = cost - buy * walk.quantity
    journal.add_trade(
        Trade(
            **base, buy_price=buy, sell_price=sell, bought=buy * walk.quantity, buy_fee=buy_fee,
            fee=fee, tax=tax, profit=profit, profit_pct=round(100 * profit / cost, 2),
            opened_at=at(bought, 7), closed_at=at(sold, 9), order_id=f"S{walk.code}{number}",
            origin="take_profit" if profit > 0 else "stop_loss", decision_id="",
        )
    )  # fmt: skip
    return [Held(walk, bought, sold, cost, value - fee - tax)]


def _filled(
    journal: SqliteJournal, walk: Walk, name: str, side: Side, minute: int, order_id: str,
    reason: str,
) -> int:  # fmt: skip
    """An order and its fill at that minute's price; returns the price."""
    price = walk.prices()[minute]
    number = str(1_000 + len(journal.orders()))
    decision = f"D{walk.code}{minute}" if side is Side.BUY else f"X{order_id}"
    make.placed(
        journal, order_id, number, side=side, stock_code=walk.code, stock_name=name, price=price,
        quantity=walk.quantity, created_at=at(minute), updated_at=at(minute), decision_id=decision,
        reason=reason or REASONS[walk.code],
    )  # fmt: skip
    done = make.fill(
        0, walk.quantity, order_id, fill_id=f"{order_id}:1", ord_no=number, side=side, price=price,
        stock_code=walk.code, stock_name=name, at=at(minute, 7 if side is Side.BUY else 9),
        fee=round(price * walk.quantity * 0.00015),
        tax=0 if side is Side.BUY else round(price * walk.quantity * 0.0015),
    )  # fmt: skip
    journal.record(make.fill_event(done))
    return price


def _curve(journal: SqliteJournal, held: list[Held]) -> None:
    """The equity of every minute."""
    prices = {walk.code: walk.prices() for walk in WALKS}
    for minute in range(MINUTES):
        cash, value = CASH, 0
        for one in held:
            if minute >= one.bought:
                cash -= one.paid
            if one.sold is not None and minute >= one.sold:
                cash += one.got
            elif minute >= one.bought:
                value += prices[one.walk.code][minute] * one.walk.quantity
        journal.put_equity(Equity(at=at(minute), cash=cash, value=value, equity=cash + value))


def _decisions(journal: SqliteJournal, walk: Walk, name: str, reason: str) -> None:
    """A decision every ten minutes: BUY where a trade begins, else HOLD, each with its verdict."""
    luck, prices = random.Random(f"{walk.code} decisions"), walk.prices()
    buys = {bought for bought, _ in walk.trades}
    for minute in sorted({*range(5, MINUTES - 60, 10), *buys}):
        action = Action.BUY if minute in buys else Action.HOLD
        if walk.code == "035720" and minute == 105:
            action = Action.BUY  # denied below
        confidence = round(min(0.95, max(0.3, luck.gauss(0.66, 0.14))), 2)
        made = Decision(
            action=action, stock_code=walk.code, stock_name=name, quantity=walk.quantity,
            price=prices[minute] if action is Action.BUY else 0,
            reason=reason or REASONS[walk.code], confidence=confidence,
            risk_level=RiskLevel.MEDIUM, decision_id=f"D{walk.code}{minute}", analyst="gemini",
            model="gemini-flash-latest", prompt_version="decide.en.4", decided_at=at(minute),
            reference_price=prices[minute],
        )  # fmt: skip
        journal.decisions(RUN, [made])
        if action is Action.BUY and minute not in buys:
            journal.checks(RUN, [make.check(f"C{walk.code}{minute}", passed=False, of=made)])
        journal.put_outcome(_verdict(made, prices[minute], prices[min(minute + 60, MINUTES - 1)]))


def _verdict(one: Decision, then: int, later: int) -> DecisionOutcome:
    move = 100 * (later - then) / then
    edge = move - 0.18 if one.action is Action.BUY else 0.18 - move
    assert one.decided_at is not None
    return make.outcome(
        one.decision_id, stock_code=one.stock_code, action=one.action, confidence=one.confidence,
        analyst=one.analyst, model=one.model, prompt_version=one.prompt_version,
        decided_at=one.decided_at, horizon_at=one.decided_at + timedelta(hours=1),
        price_then=then, entry_price=float(then), price_later=later,
        return_pct=round(move - 0.18, 2) if one.action is Action.BUY else 0.0,
        edge_pct=round(edge, 2), hit=edge > 0, buy_hold_pct=round(move, 2),
        entry="filled" if one.action is Action.BUY else "none",
    )  # fmt: skip


def _trouble(journal: SqliteJournal, reason: str) -> None:
    """What went wrong that day: errors, calls that failed, a stop, a lock, a doubt, warnings."""
    journal.error(RUN, "network", "scan.ka10023", reason or "HTTP 503", at(41))
    journal.error(RUN, "rate", "collect.ka10079", reason or "1700 too many requests", at(88))
    for minute in range(0, MINUTES, 5):
        for api_id, took in (("ka10095", 62), ("ka10080", 48), ("kt00001", 71)):
            status = 503 if (minute, api_id) == (40, "ka10095") else 200
            journal.api_call(RUN, api_id, at(minute), took, status, "0", "")
    for number in range(24):
        asked = make.answer(
            f"k{number}", analyst="gemini", model="gemini-flash-latest", asked_at=at(15 * number),
            error="deadline exceeded" if number == 7 else "",
        )  # fmt: skip
        journal.answer(RUN, asked)
    told: dict[str, Any] = {"by": "kt", "reason": reason or "daily loss 31,200 >= limit 30,000"}
    journal.set_stop(Stop(mode=StopMode.REDUCE, at=at(122), **told))
    lifted = Stop(mode=StopMode.RUNNING, reason=reason or "resumed", by="owner", at=at(140))
    journal.set_stop(lifted)
    journal.lock_symbol(
        SymbolLock(stock_code="000660", order_id="B0006600", at=at(122), until=at(600),
                   reason=reason or "no answer to a buy order: its outcome is unknown")
    )  # fmt: skip
    journal.put_doubt(make.doubt(stock_code="000660", stock_name="SK하이닉스", since=at(200)))
    journal.notice(RUN, "warning", reason or "the stream was lost", reason or "reconnected", at(90))
    summary = ScanSummary()
    journal.scan(RUN, "fast", at(1), [make.candidate(stage="fast")], summary)
