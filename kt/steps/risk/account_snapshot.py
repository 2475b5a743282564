"""What the pre-trade check fetches from the broker and the market, in one parallel request.

What cannot be fetched stays None, and a rule that needs it denies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
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

MAX_SINGLE_QUOTES = 5
"""Up to so many quotes are fetched one by one (ka10001, with price limits); more in batches of 100
(ka10095)."""
_STOCK_CODE = re.compile("[0-9A-Z]{6}")
"""A stock code. An invalid one would make the whole batch fail."""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The account at one time; None = could not be fetched, or was not requested."""

    deposit: Deposit | None = None
    holdings: Holdings | None = None
    open_orders: tuple[BrokerOrder, ...] | None = None
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    orderable: Mapping[tuple[str, int], Orderable | None] = field(default_factory=dict)
    """Buying power by stock code and price, where it was prefetched; None as in `ports.Broker`."""
    notice: SessionNotice | None = None
    """The newest session message of the market (0s), which overrides the calendar."""
    asked_at: datetime | None = None
    """When it was requested: what exits sold later is not in the holdings."""

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
    """Fetch it in parallel; with `everything` false only the holdings, for an exit.

    `buying` are the prices in won, by stock code, of planned buys: their buying power is fetched
    too. Failures are journaled. Raises AuthError and JournalError.
    """
    questions: dict[str, Callable[[], Any]] = {"holdings": ctx.broker.holdings}
    wanted = tuple(dict.fromkeys(codes))
    if everything:
        questions |= {"deposit": ctx.broker.deposit, "open_orders": ctx.broker.open_orders}
        if len(wanted) <= MAX_SINGLE_QUOTES:
            questions |= {f"quote.{code}": _quote_of(ctx, code) for code in wanted}
        else:
            questions["quotes"] = lambda: ctx.market.quotes(
                tuple(filter(_STOCK_CODE.fullmatch, wanted))
            )
    orderable_of = {f"orderable.{code}": (code, price) for code, price in (buying or {}).items()}
    questions |= {name: _orderable_of(ctx, *what) for name, what in orderable_of.items()}
    asked_at = ctx.clock.now()
    answers = gather(ctx, "check", questions).answers
    return AccountSnapshot(
        asked_at=asked_at,
        deposit=answers.get("deposit"),
        holdings=answers.get("holdings"),
        open_orders=answers.get("open_orders"),
        quotes=_quotes(answers),
        orderable={what: answers[name] for name, what in orderable_of.items() if name in answers},
        notice=notice,
    )


def _quotes(answers: Mapping[str, Any]) -> dict[str, Quote]:
    """By stock code, from the one request or from those of single stocks."""
    single = {
        name.removeprefix("quote."): quote
        for name, quote in answers.items()
        if name.startswith("quote.")
    }
    return {quote.stock_code: quote for quote in answers.get("quotes", ())} | single


def _quote_of(ctx: Context, code: str) -> Callable[[], Quote]:
    return lambda: ctx.market.quote(code)


def _orderable_of(ctx: Context, code: str, price: int) -> Callable[[], Orderable | None]:
    return lambda: ctx.broker.orderable(code, price)
