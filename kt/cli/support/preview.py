"""The preview of an order before it is confirmed: the order, its costs, its effect on limits, cash
and the position, and the exits of the resulting position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kt.cli.show.cells import RED, money, paint, percent, signed
from kt.cli.show.table import pairs
from kt.errors import KtError
from kt.records import Check, OrderType, Origin, Position, Side
from kt.rules import fees
from kt.rules.exit_prices import exit_prices
from kt.text import harmless
from kt.translation import tr

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
"""The checks whose figures are shown before the order is confirmed."""


@dataclass(frozen=True)
class PreviewFacts:
    """The data for the previews of one command. `last` are the last prices in won by stock code;
    `watched_by` is empty when no process watches the exits."""

    last: dict[str, int] = field(default_factory=dict)
    held: dict[str, Position] = field(default_factory=dict)
    watched_by: str = ""


def preview_facts(cli: CliContext, ctx: Context, checks: Sequence[Check]) -> PreviewFacts:
    """The data for these checks, with one quotes request; prices that cannot be fetched are left
    out."""
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
    """Every order as it would be sent, one paragraph each; on `real` a warning comes first."""
    facts = preview_facts(cli, ctx, checks)
    text = "\n".join(_one(cli, ctx, check, facts) for check in harmless(checks))
    if ctx.profile != "real":
        return text
    return f"{paint(tr(REAL_MONEY), RED, cli.console.color)}\n{text}"


def _one(cli: CliContext, ctx: Context, check: Check, facts: PreviewFacts) -> str:
    last = facts.last.get(check.stock_code, 0)
    price = last if check.order_type is OrderType.MARKET else check.price
    held = facts.held.get(check.stock_code)
    rows = [
        ("stock", f"{check.stock_code} {check.stock_name}".rstrip()),
        ("side", str(check.side)),
        ("quantity", f"{money(check.quantity)} shares"),
        ("price", _price(check, last)),
    ]
    if check.origin is Origin.MANUAL and check.reason:
        rows.append(("worked out", check.reason))
    if price:
        rows += _amount(ctx, check, price, held)
    rows += [
        (SHOWN_LIMITS[item.code], item.detail)
        for item in check.results
        if item.passed and item.code in SHOWN_LIMITS
    ]
    if price and check.passed:
        rows += _afterwards(ctx, check, price, held, facts.watched_by)
    return pairs([*rows, ("profile", cli.config.profile)], cli.console)


def _price(check: Check, last: int) -> str:
    """The price and its distance from the last price."""
    if check.order_type is OrderType.MARKET:
        return f"market (last {money(last)})" if last else "market"
    if not last:
        return f"{money(check.price)} won"
    if check.price == last:
        return f"{money(check.price)} won, the last price"
    away = (check.price - last) * 100 / last
    return f"{money(check.price)} won, {percent(away)} from the last {money(last)}"


def _amount(ctx: Context, check: Check, price: int, held: Position | None) -> list[tuple[str, str]]:
    """The value, the costs and the total; for a sale also the profit."""
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
    """The position after a complete fill, its exits, and what watches them."""
    held_quantity = held.quantity if held else 0
    if check.side is Side.SELL:
        left = max(held_quantity - check.quantity, 0)
        if not left or held is None:
            return [("afterwards", "nothing is held; its exits end")]
        return [
            ("afterwards", f"{money(left)} of {money(held_quantity)} shares are held"),
            *_exits(held.stop_price, held.target_price, watched_by),
        ]
    cost = held_quantity * (held.average_price if held else 0) + check.quantity * price
    average = round(cost / (held_quantity + check.quantity))
    at = exit_prices(average, ctx.config.exits)
    return [
        (
            "afterwards",
            f"{money(held_quantity + check.quantity)} shares at {money(average)} on average",
        ),
        *_exits(at.stop, at.target, watched_by),
    ]


def _exits(stop: int, target: int, watched_by: str) -> list[tuple[str, str]]:
    if not (stop or target):
        return [("exits", "none")]
    said = f"stop-loss at {money(stop)}, take-profit at {money(target)}"
    return [("exits", said), ("watched by", watched_by or "NOBODY: start `kt run`")]
