"""Steers single stocks: where they trade, halts, volatility interruptions, limit locks.

A request takes effect in the next second, in which nothing has happened yet. A price that was set
holds until the stock is freed or steered again.
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
from kt.sim.market.steered import Turn

INTERRUPTED = 120
"""Seconds of a volatility interruption, before its random end
(docs/market-rules.md#interruptions)."""
RANDOM_END = 30
_META = "steered"


class Steer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to steer a stock; at least one of these fields.

    `price`: trade there, in won, from now on; in a halt or an interruption, after it. With
    `side`, who crosses the spread: `BUY` makes the price the best offer, `SELL` the best bid.
    With `shares`, so many trade with the accounts' orders that wait there, and then nothing until
    the stock is steered again. `free`: go on as the market does. `halt`: suspend trading, or end
    that. `vi`: a volatility interruption now. `lock`: nobody bids (`lower`) or offers (`upper`)
    any more, at the limit; an empty text ends it, one tick off the limit.
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
    """What holds for a stock from `at` on. `vi_until` is the end of its interruption; `waiting`
    are the accounts' limit orders as (side, price in won, open shares), the first served first."""

    stock_code: str
    stock_name: str
    at: datetime
    price: int
    halted: bool
    locked: bool
    vi_until: datetime | None
    waiting: tuple[tuple[Side, int, int], ...]


def steer(ledger: Ledger, wish: Steer, at: datetime) -> None:
    """Add the turns that the wish means, and save; none when it holds already. Raises
    UsageError."""
    code, second, path = _place(ledger, wish.stock_code, at)
    _need(second <= CLOSING_SECOND, "the session is over: there is nothing to steer")
    _need(wish != Steer(stock_code=code), "say what to do: price, free, halt, vi or lock")
    turns = list(_turns(ledger, wish, path, second))
    if turns:
        before = ledger.board.chain.turns(code, ledger.session)
        _apply(ledger, code, ledger.session, [*before, *turns])
        _save(ledger)


def state(ledger: Ledger, code: str, at: datetime) -> Steered:
    code, second, path = _place(ledger, code, at)
    call = path.interruption(second)
    days, session = ledger.board.days, ledger.session
    return Steered(
        stock_code=code,
        stock_name=ledger.board.listing(code).name,
        at=days.at(session, second),
        price=path.pinned(second),
        halted=path.halted(second),
        locked=path.locked(second),
        vi_until=days.at(session, call.end) if call else None,
        waiting=tuple(
            (order.side, order.price, order.open)
            for order in by_priority(ledger.open_orders(code=code))
        ),
    )


def _place(ledger: Ledger, code: str, at: datetime) -> tuple[str, int, SessionPath]:
    """The stock, the first second in which nothing has happened, and its session."""
    if not ledger.board.knows(code):
        raise UsageError(f"no such stock on the embedded exchange: {code!r}")
    return code, ledger.board.moment(at).second + 1, ledger.board.path(code, ledger.session)


# --- from a request to turns ----------------------------------------------------------------------


def _turns(ledger: Ledger, wish: Steer, path: SessionPath, second: int) -> Iterator[Turn]:
    """In the order of effect: what stops trading, the price, what resumes trading."""
    halted, calling = path.halted(second), path.interruption(second) is not None
    locked = path.locked(second)
    if wish.shares:
        _need(not (halted or calling or locked), "the stock does not trade: nobody can be served")
    if wish.halt and not halted:
        yield Turn(second=second, action="halt")
    if wish.vi:
        _need(path.skip * 60 <= second < AUCTION_SECOND, "an interruption needs a running session")
        _need(
            not (halted or calling or locked), "the stock does not trade: it cannot be interrupted"
        )
        random_end = scatter(path.key, second) % (RANDOM_END + 1)
        until = min(second + INTERRUPTED + random_end, AUCTION_SECOND)
        yield Turn(second=second, action="interrupt", until=until)
    if wish.lock:
        _need(not (halted or calling), "the stock does not trade: it cannot be locked")
        limit = path.lower if wish.lock == "lower" else path.upper
        yield _moving(ledger, wish, second, "lock", limit)
    price = _price(wish, path, second)
    if price:
        action: Literal["free", "price"] = "free" if wish.free else "price"
        yield _moving(ledger, wish, second, action, price)
    if wish.halt is False and halted:
        yield _moving(ledger, wish, second, "resume", price or path.pinned(second))


def _price(wish: Steer, path: SessionPath, second: int) -> int:
    """The price that the request sets; 0 if it sets none."""
    given = [wish.price is not None, wish.free, wish.lock is not None]
    _need(sum(given) <= 1, "give one of price, free and lock")
    loose = wish.price is None and (wish.side or wish.shares)
    _need(not loose, "side and shares go with a price")
    if wish.price is not None:
        _need(
            path.lower <= wish.price <= path.upper,
            f"{wish.price} is outside the day's limits, {path.lower} to {path.upper}",
        )
        near = ticks.round_down(wish.price, path.kind)
        _need(near == wish.price, f"{wish.price} is between two ticks, {near} and {up(near)}")
        return wish.price
    stands = path.pinned(second)
    ends_lock = path.locked(second) and (wish.free or wish.lock == "")
    if ends_lock:
        return up(stands, path.kind) if stands == path.lower else down(stands, path.kind)
    return stands if wish.free else 0


def _moving(
    ledger: Ledger,
    wish: Steer,
    second: int,
    action: Literal["price", "free", "lock", "resume"],
    price: int,
) -> Turn:
    """A turn that prints at once, with enough shares for every order that the price goes through
    or reaches: there was room for all of them on the way. With `shares` it is no more than those,
    and nobody stands before the orders."""
    met = [
        order
        for order in ledger.open_orders(code=wish.stock_code)
        if order.price and price_time_priority.crosses(order.side, order.price, price)
    ]
    if wish.shares:
        for order in met:
            order.ahead = 0
            ledger.queue_moved(order)
        quantity = wish.shares
    else:
        unit = ledger.board.unit(wish.stock_code)
        quantity = unit + sum(order.open + order.ahead for order in met)
    return Turn(
        second=second,
        action=action,
        price=price,
        quantity=quantity,
        side=wish.side,
        only=wish.shares is not None,
    )


def _need(true: bool, otherwise: str) -> None:
    if not true:
        raise UsageError(otherwise)


# --- kept over restarts --------------------------------------------------------------------------


def _apply(ledger: Ledger, code: str, session: int, turns: list[Turn]) -> None:
    board = ledger.board
    board.chain.steer(board.listing(code), session, board.skip(session), turns)


def _save(ledger: Ledger) -> None:
    ledger.meta[_META] = msgspec.json.encode(ledger.board.chain.all_turns()).decode()
    ledger.save()


def load(ledger: Ledger) -> None:
    """Apply the saved turns to the market again, the older sessions first."""
    kept = msgspec.json.decode(ledger.meta.get(_META, "[]"), type=list[tuple[str, int, list[Turn]]])
    for code, session, turns in sorted(kept, key=lambda row: row[1]):
        if ledger.board.knows(code):
            _apply(ledger, code, session, turns)
