"""What the safety rules must know, fresh from the broker, the market and the journal.

What cannot be had stays unknown, and a rule that needs it denies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kt.records import (
    BrokerOrder,
    Deposit,
    Holding,
    Holdings,
    Orderable,
    Quote,
    SessionNotice,
)
from kt.steps.context import Context
from kt.steps.fan_out import gather

FEW = 5
"""Stocks whose quotes are asked for one by one; those of more come a hundred in one answer."""
_CODE = re.compile("[0-9A-Z]{6}")
"""One code that is none would cost the others of its answer."""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The account at one time; None = could not be had (or was not asked for)."""

    deposit: Deposit | None = None
    holdings: Holdings | None = None
    open_orders: tuple[BrokerOrder, ...] | None = None
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    orderable: Mapping[tuple[str, int], Orderable | None] = field(default_factory=dict)
    """Buying power by stock and price, where it was asked for ahead; None as in `ports.Broker`."""
    notice: SessionNotice | None = None
    """The newest word of the market about its own phase."""

    def held(self, stock_code: str) -> Holding | None:
        items = self.holdings.items if self.holdings else ()
        return next((held for held in items if held.stock_code == stock_code), None)


def snapshot(
    ctx: Context,
    codes: Iterable[str],
    *,
    everything: bool = True,
    notice: SessionNotice | None = None,
    buying: Mapping[str, int] | None = None,
) -> AccountSnapshot:
    """Ask for all of it at once. With `everything` false, only what an exit needs: holdings.

    `buying` are the prices in won by stock at which buys are wanted: their buying power is asked
    for as well, so that the check need not wait for it.
    """
    questions: dict[str, Callable[[], Any]] = {"holdings": ctx.broker.holdings}
    wanted = tuple(dict.fromkeys(codes))
    if everything:
        questions |= {"deposit": ctx.broker.deposit, "open_orders": ctx.broker.open_orders}
        if len(wanted) <= FEW:
            questions |= {f"quote.{code}": _quote_of(ctx, code) for code in wanted}
        else:
            questions["quotes"] = lambda: ctx.market.quotes(tuple(filter(_CODE.fullmatch, wanted)))
    asked = {f"orderable.{code}": (code, price) for code, price in (buying or {}).items()}
    questions |= {name: _orderable_of(ctx, *what) for name, what in asked.items()}
    had = gather(ctx, "check", questions).answers
    return AccountSnapshot(
        deposit=had.get("deposit"),
        holdings=had.get("holdings"),
        open_orders=had.get("open_orders"),
        quotes={quote.stock_code: quote for quote in had.get("quotes", ())}
        | {
            name.removeprefix("quote."): quote
            for name, quote in had.items()
            if name.startswith("quote.")
        },
        orderable={what: had[name] for name, what in asked.items() if name in had},
        notice=notice,
    )


def _quote_of(ctx: Context, code: str) -> Callable[[], Quote]:
    return lambda: ctx.market.quote(code)


def _orderable_of(ctx: Context, code: str, price: int) -> Callable[[], Orderable | None]:
    return lambda: ctx.broker.orderable(code, price)
