"""Steers single stocks: where they trade, halts, volatility interruptions, limit locks.

A request takes effect in the next second, for which nothing has been published yet. A price that
was set holds until the stock is freed or steered again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kt.errors import UsageError
from kt.records import Side
from kt.rules import price_time_priority, ticks
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.matching import by_priority
from kt.sim.market.depth import down, up
from kt.sim.market.noise import scatter
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND
from kt.sim.market.steered import SteeringStep

INTERRUPTED = 120
"""Seconds of a volatility interruption, before its random end
(docs/market-rules.md#interruptions)."""
RANDOM_END = 30
_META = "steered"


class Steer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to steer a stock; at least one of these fields is set.

    `price`: trade at this price in won from now on (after a halt or an interruption that is in
    force). `side` is the aggressor side: with `BUY` the price is the best offer, with `SELL` the
    best bid. With `shares`, only so many trade, against the accounts' resting orders, and then
    nothing until the stock is steered again. `free`: follow the market again. `halt`: suspend or
    resume trading. `vi`: start a volatility interruption. `lock`: no more bids (`lower`) or offers
    (`upper`), at the price limit; an empty text ends it, one tick off the limit.
    """

    stock_code: str
    price: int | None = None
    side: Side | None = None
    shares: Annotated[int, Meta(gt=0)] | None = None
    free: bool = False
    halt: bool | None = None
    vi: bool = False
    lock: Literal["", "lower", "upper"] | None = None


class Steered(msgspec.Struct, frozen=True, kw_only=True):
    """A stock's state from `at` on. `vi_until` is the end of its interruption; `waiting` are the
    accounts' resting limit orders as (side, price in won, open shares), by priority."""

    stock_code: str
    stock_name: str
    at: datetime
    price: int
    halted: bool
    locked: bool
    vi_until: datetime | None
    waiting: tuple[tuple[Side, int, int], ...]


def steer(ledger: Ledger, request: Steer, at: datetime) -> None:
    """Add the steps for the request, and save; no steps if the stock is already in that state.
    Raises UsageError for what is impossible in the market."""
    code, second, path = _locate(ledger, request.stock_code, at)
    _check(second <= CLOSING_SECOND, "the session is over: there is nothing to steer")
    _check(request != Steer(stock_code=code), "say what to do: price, free, halt, vi or lock")
    steps = list(_steps(ledger, request, path, second))
    if steps:
        before = ledger.board.chain.steps(code, ledger.session)
        _apply(ledger, code, ledger.session, [*before, *steps])
        _save(ledger)


def state(ledger: Ledger, code: str, at: datetime) -> Steered:
    code, second, path = _locate(ledger, code, at)
    call = path.interruption(second)
    days, session = ledger.board.days, ledger.session
    return Steered(
        stock_code=code,
        stock_name=ledger.board.listing(code).name,
        at=days.at(session, second),
        price=path.model_price(second),
        halted=path.halted(second),
        locked=path.locked(second),
        vi_until=days.at(session, call.end) if call else None,
        waiting=tuple(
            (order.side, order.price, order.open)
            for order in by_priority(ledger.open_orders(code=code))
        ),
    )


def _locate(ledger: Ledger, code: str, at: datetime) -> tuple[str, int, SessionPath]:
    """(stock code, the next second, the stock's path)."""
    if not ledger.board.knows(code):
        raise UsageError(f"no such stock on the embedded exchange: {code!r}")
    return code, ledger.board.moment(at).second + 1, ledger.board.path(code, ledger.session)


# --- from a request to steps ----------------------------------------------------------------------


def _steps(
    ledger: Ledger, request: Steer, path: SessionPath, second: int
) -> Iterator[SteeringStep]:
    """The steps in the order of effect: halt or interrupt, set the price, resume."""
    halted, calling = path.halted(second), path.interruption(second) is not None
    locked = path.locked(second)
    if request.shares:
        _check(
            not (halted or calling or locked), "the stock does not trade: no order can be filled"
        )
    if request.halt and not halted:
        yield SteeringStep(second=second, action="halt")
    if request.vi:
        _check(path.skip * 60 <= second < AUCTION_SECOND, "an interruption needs a running session")
        _check(
            not (halted or calling or locked), "the stock does not trade: it cannot be interrupted"
        )
        random_end = scatter(path.key, second) % (RANDOM_END + 1)
        until = min(second + INTERRUPTED + random_end, AUCTION_SECOND)
        yield SteeringStep(second=second, action="interrupt", until=until)
    if request.lock:
        _check(not (halted or calling), "the stock does not trade: it cannot be locked")
        limit = path.lower if request.lock == "lower" else path.upper
        yield _moving(ledger, request, second, "lock", limit)
    price = _price(request, path, second)
    if price:
        action: Literal["free", "price"] = "free" if request.free else "price"
        yield _moving(ledger, request, second, action, price)
    if request.halt is False and halted:
        yield _moving(ledger, request, second, "resume", price or path.model_price(second))


def _price(request: Steer, path: SessionPath, second: int) -> int:
    """The price that the request sets; 0 if it sets none."""
    given = [request.price is not None, request.free, request.lock is not None]
    _check(sum(given) <= 1, "give one of price, free and lock")
    loose = request.price is None and (request.side or request.shares)
    _check(not loose, "side and shares go with a price")
    if request.price is not None:
        _check(
            path.lower <= request.price <= path.upper,
            f"{request.price} is outside the day's limits, {path.lower} to {path.upper}",
        )
        near = ticks.round_down(request.price, path.kind)
        _check(
            near == request.price, f"{request.price} is between two ticks, {near} and {up(near)}"
        )
        return request.price
    last = path.model_price(second)
    ends_lock = path.locked(second) and (request.free or request.lock == "")
    if ends_lock:
        return up(last, path.kind) if last == path.lower else down(last, path.kind)
    return last if request.free else 0


def _moving(
    ledger: Ledger,
    request: Steer,
    second: int,
    action: Literal["price", "free", "lock", "resume"],
    price: int,
) -> SteeringStep:
    """A step that trades at once, with enough shares for every order that the price crosses or
    reaches. With `shares` it trades only that many, all against the accounts' orders."""
    met = [
        order
        for order in ledger.open_orders(code=request.stock_code)
        if order.price and price_time_priority.crosses(order.side, order.price, price)
    ]
    if request.shares:
        for order in met:
            order.ahead = 0
            ledger.queue_moved(order)
        quantity = request.shares
    else:
        unit = ledger.board.unit(request.stock_code)
        quantity = unit + sum(order.open + order.ahead for order in met)
    return SteeringStep(
        second=second,
        action=action,
        price=price,
        quantity=quantity,
        side=request.side,
        only=request.shares is not None,
    )


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(message)


# --- saved for restarts --------------------------------------------------------------------------


def _apply(ledger: Ledger, code: str, session: int, steps: list[SteeringStep]) -> None:
    board = ledger.board
    board.chain.steer(board.listing(code), session, board.skip(session), steps)


def _save(ledger: Ledger) -> None:
    ledger.meta[_META] = msgspec.json.encode(ledger.board.chain.all_steps()).decode()
    ledger.save()


def load(ledger: Ledger) -> None:
    """Apply the saved steps to the market again, oldest session first."""
    kept = msgspec.json.decode(
        ledger.meta.get(_META, "[]"), type=list[tuple[str, int, list[SteeringStep]]]
    )
    for code, session, steps in sorted(kept, key=lambda row: row[1]):
        if ledger.board.knows(code):
            _apply(ledger, code, session, steps)
