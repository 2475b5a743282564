"""What will happen, in words, before a yes: the order, its costs, what it does to limits, cash and
the position, and which exits guard it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kt.cli.show.cells import RED, money, paint, percent, signed
from kt.cli.show.table import pairs
from kt.errors import KtError
from kt.records import Check, OrderType, Position, Side
from kt.rules import fees
from kt.rules.exit_prices import exit_prices
from kt.text import harmless

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context

REAL_MONEY = "REAL MONEY: this goes to the broker's real server."
SHOWN_LIMITS = {
    "PER_STOCK_LIMIT": "this stock",
    "TOTAL_LIMIT": "all stocks",
    "DAILY_LOSS": "day's loss",
    "CASH": "cash",
    "SELLABLE": "sellable",
}
"""The rules whose arithmetic a person wants to see before saying yes."""


@dataclass(frozen=True)
class PreviewFacts:
    """What the previews of one command rest on. `last` are the market's last prices in won;
    `watched_by` is empty when nobody watches exits."""

    last: dict[str, int] = field(default_factory=dict)
    held: dict[str, Position] = field(default_factory=dict)
    watched_by: str = ""


def surroundings(cli: CliContext, ctx: Context, checks: Sequence[Check]) -> PreviewFacts:
    """One question to the market for all of them; what cannot be had is left out."""
    from kt.cli.support.exit_watch import read_watch

    codes = [check.stock_code for check in checks if check.passed]
    try:
        quotes = ctx.market.quotes(codes) if codes else ()
    except KtError:
        quotes = ()
    return PreviewFacts(
        last={quote.stock_code: quote.price for quote in quotes if quote.price},
        held={position.stock_code: position for position in ctx.journal.positions()},
        watched_by=read_watch(cli).by,
    )


def preview(cli: CliContext, ctx: Context, checks: Sequence[Check]) -> str:
    """Every order as it would be sent, a paragraph each; on `real` it says so first."""
    around = surroundings(cli, ctx, checks)
    text = "\n".join(_one(cli, ctx, check, around) for check in harmless(checks))
    if ctx.profile != "real":
        return text
    return f"{paint(REAL_MONEY, RED, cli.console.color)}\n{text}"


def _one(cli: CliContext, ctx: Context, check: Check, around: PreviewFacts) -> str:
    last = around.last.get(check.stock_code, 0)
    price = last if check.order_type is OrderType.MARKET else check.price
    held = around.held.get(check.stock_code)
    rows = [
        ("stock", f"{check.stock_code} {check.stock_name}".rstrip()),
        ("side", str(check.side)),
        ("quantity", f"{money(check.quantity)} shares"),
        ("price", _price(check, last)),
    ]
    if price:
        rows += _amount(ctx, check, price, held)
    rows += [
        (SHOWN_LIMITS[item.code], item.detail)
        for item in check.results
        if item.passed and item.code in SHOWN_LIMITS
    ]
    if price and check.passed:
        rows += _afterwards(ctx, check, price, held, around.watched_by)
    return pairs([*rows, ("profile", cli.config.profile)], cli.console)


def _price(check: Check, last: int) -> str:
    """With its distance from the market: above it a buy fills at once, below it waits."""
    if check.order_type is OrderType.MARKET:
        return f"market (last {money(last)})" if last else "market"
    if not last:
        return f"{money(check.price)} won"
    if check.price == last:
        return f"{money(check.price)} won, the last price"
    away = (check.price - last) * 100 / last
    return f"{money(check.price)} won, {percent(away)} from the last {money(last)}"


def _amount(ctx: Context, check: Check, price: int, held: Position | None) -> list[tuple[str, str]]:
    """The value, the costs, and what they come to; of a sale its profit too."""
    from kt.steps.instruments import instrument

    value = check.quantity * price
    known = instrument(ctx, check.stock_code)
    costs = fees.costs(
        check.side,
        value,
        market=known.market if known else "KOSPI",
        kind=known.kind if known else "STOCK",
        trade_date=ctx.clock.now().date(),
        commission_pct=ctx.config.server.commission_pct,
    )
    about = "about " if check.order_type is OrderType.MARKET else ""
    tax = f" + tax about {money(costs.tax)}" if costs.tax else ""
    rows = [
        ("amount", f"{about}{money(value)} won"),
        ("costs", f"fee about {money(costs.fee)}{tax} won"),
    ]
    if check.side is Side.BUY:
        return [*rows, ("to pay", f"about {money(value + costs.total)} won")]
    rows.append(("to receive", f"about {money(value - costs.total)} won"))
    if held is not None and held.quantity:
        paid = held.cost * check.quantity // held.quantity
        rows.append(("profit", f"about {signed(value - costs.total - paid)} won after all costs"))
    return rows


def _afterwards(
    ctx: Context, check: Check, price: int, held: Position | None, watched_by: str
) -> list[tuple[str, str]]:
    """The position when all of it has filled, its exits, and who watches them."""
    had = held.quantity if held else 0
    if check.side is Side.SELL:
        left = max(had - check.quantity, 0)
        if not left or held is None:
            return [("afterwards", "nothing is held; its exits end")]
        return [
            ("afterwards", f"{money(left)} of {money(had)} shares are held"),
            *_exits(held.stop_price, held.target_price, watched_by),
        ]
    cost = had * (held.average_price if held else 0) + check.quantity * price
    average = round(cost / (had + check.quantity))
    at = exit_prices(average, ctx.config.exits)
    return [
        ("afterwards", f"{money(had + check.quantity)} shares at {money(average)} on average"),
        *_exits(at.stop, at.target, watched_by),
    ]


def _exits(stop: int, target: int, watched_by: str) -> list[tuple[str, str]]:
    if not (stop or target):
        return [("exits", "none")]
    said = f"stop-loss at {money(stop)}, take-profit at {money(target)}"
    return [("exits", said), ("watched by", watched_by or "NOBODY: start `kt run`")]
