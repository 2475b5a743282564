"""Two journals of one day for people: the sums first, then each difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.show import columns
from kt.cli.show.cells import clock, money, signed, updown
from kt.cli.show.table import Column, heading, pairs, render
from kt.records import Cause, ComparedSide, Comparison, DayDifference
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

COUNTS = (
    Column("", lambda row: row.what),
    Column("live", lambda row: money(row.live), right=True),
    Column("backtest", lambda row: money(row.backtest), right=True),
    Column("equal", lambda row: money(row.equal), right=True),
)
CAUSES = (
    Column("cause", lambda row: _cause(row.cause)),
    Column("differences", lambda row: money(row.differences), right=True),
    columns.gain("cost"),
)


def _cause(cause: Cause) -> str:
    words = {
        Cause.DATA: tr("data"),
        Cause.MODEL: tr("model"),
        Cause.LIMIT: tr("limit"),
        Cause.REFUSAL: tr("refusal"),
        Cause.LATENCY: tr("latency"),
    }
    return words.get(cause, tr("unknown"))


def _what(what: str) -> str:
    words = {"decision": tr("decision"), "order": tr("order")}
    return words.get(what, tr("held"))


def comparisons(rows: Sequence[Comparison], console: Console) -> str:
    """Each comparison, its parts under headings."""
    return "\n".join(_comparison(row, console) for row in rows)


def _comparison(row: Comparison, console: Console) -> str:
    parts = (
        ("Result", pairs(_figures(row), console)),
        ("Counts", render(COUNTS, row.counts, console)),
        ("Causes", render(CAUSES, row.causes, console)),
        ("Differences", _differences(row.differences, console)),
    )
    return "\n".join(f"{heading(title, console)}{text}" for title, text in parts)


def _figures(row: Comparison) -> list[tuple[str, str]]:
    return [
        ("day", f"{row.day}, decisions matched within {row.window_minutes} min"),
        ("live", row.live),
        ("backtest", row.backtest),
        ("live profit", f"{signed(row.live_realised)} won realised"),
        ("backtest profit", f"{signed(row.backtest_realised)} won realised"),
        ("difference", f"{signed(row.difference)} won, the sum of the costs below"),
    ]


def _differences(rows: Sequence[DayDifference], console: Console) -> str:
    """A table of the two sides, and on a terminal below it one of the reasons, because both beside
    each other are wider than 80 columns."""
    numbered = list(enumerate(rows, 1))
    if console.markdown or not rows:
        return render((*SIDES, *REASONS[1:]), numbered, console)
    reasons = render(REASONS, numbered, console)
    return f"{render(SIDES, numbered, console)}\n{heading('Reasons', console)}{reasons}"


def side(one: ComparedSide | None) -> str:
    """`09:31:02 BUY 10 @ 70,100`: what was filled at which price, or what was wanted."""
    if one is None:
        return "-"
    quantity, price = (one.filled, one.fill_price) if one.filled else (one.quantity, one.price)
    told = f"{clock(one.at)} {one.action}"
    if quantity:
        told += f" {money(quantity)}"
    return f"{told} @ {price:,.0f}" if quantity and price else told


def _of(read: Callable[[DayDifference], str]) -> Callable[[Any], str]:
    return lambda numbered: read(numbered[1])


NUMBER = Column("#", lambda numbered: str(numbered[0]), right=True)
SIDES = (
    NUMBER,
    Column("what", _of(lambda row: _what(row.what))),
    Column("code", _of(lambda row: row.stock_code)),
    Column("live", _of(lambda row: side(row.live)), shorten=16),
    Column("backtest", _of(lambda row: side(row.backtest)), shorten=16),
)
REASONS = (
    NUMBER,
    Column("cause", _of(lambda row: _cause(row.cause))),
    Column(
        "cost",
        _of(lambda row: signed(row.cost)),
        right=True,
        color=lambda numbered: updown(numbered[1].cost),
    ),
    Column("why", _of(lambda row: row.detail), shorten=16),
)
