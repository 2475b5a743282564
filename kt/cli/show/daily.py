"""A day's report for people: on a terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show import columns, pnl
from kt.cli.show.cells import clock, money, percent, plain, signed
from kt.cli.show.table import Column, heading, pairs, render
from kt.cli.show.width import paragraph
from kt.records import AnalystUse, DailyReport, Decision
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

DENIALS = (
    Column("rule", lambda row: row.code),
    Column("times", lambda row: money(row.count), right=True),
    Column("name", lambda row: row.stock_name, rank=2, shorten=8),
    Column("detail", lambda row: row.detail, rank=1, shorten=20),
)
ERRORS = (
    Column("kind", lambda row: row.kind),
    Column("place", lambda row: row.place, shorten=10),
    Column("times", lambda row: money(row.count), right=True),
    Column("detail", lambda row: row.message, rank=1, shorten=20),
)
CALLS = (
    Column("API", lambda row: row.api_id),
    Column("times", lambda row: money(row.calls), right=True),
    Column("failed", lambda row: money(row.failed), right=True),
    Column("milliseconds", lambda row: money(row.milliseconds), right=True, rank=1),
)
PLAN = (
    *columns.HELD,
    Column("price", lambda row: money(row.price), right=True, rank=2),
    Column("stop", lambda row: money(row.stop_price or None), right=True, rank=3),
    Column("target", lambda row: money(row.target_price or None), right=True, rank=4),
    Column("why", lambda row: row.reason, rank=1, shorten=20),
)


def reports(rows: Sequence[DailyReport], console: Console) -> str:
    """Each report, its parts under headings; within 80 columns on such a terminal."""
    return "\n".join(_report(row, console) for row in rows)


def _report(row: DailyReport, console: Console) -> str:
    parts = (
        ("Result", pairs(_result(row), console)),
        ("Profit by stock", render(pnl.STOCKS, row.stocks, console)),
        ("Trades", pnl.pnl(row.trades, console)),
        ("Plan of the day", _words(row.day_plan, console)),
        ("Decided", _decided(row, console)),
        ("Denied", render(DENIALS, row.denials, console)),
        ("Errors", render(ERRORS, row.errors, console)),
        ("Calls", _calls(row, console)),
        ("Lesson", _words(row.lesson, console)),
        ("Strategy", _words(f"{row.stance}: {row.strategy}" if row.strategy else "", console)),
        ("Plan", render(PLAN, row.plan, console)),
    )
    return "\n".join(f"{heading(title, console)}{text}" for title, text in parts if text)


def _words(text: str, console: Console) -> str:
    """The analyst's words as a paragraph; empty for none: the part is left out then."""
    return f"{paragraph(text, console.width)}\n" if text else ""


def _result(row: DailyReport) -> list[tuple[str, str]]:
    """The day's numbers; what is not known is said to be."""
    day = row.result
    costs = day.fees + day.taxes
    told = [
        ("day", f"{row.day}, as of {row.at:%H:%M:%S}; the plan is for {row.next_day}"),
        ("realised", f"{signed(day.realised)} won"),
        ("unrealised", f"{signed(day.unrealised)} won"),
        ("total", f"{signed(day.total)} won after costs"),
        ("before costs", "" if day.gross is None else f"{signed(day.gross)} won"),
        ("costs", f"{money(costs)} won: fees {money(day.fees)}, taxes {money(day.taxes)}"),
        ("return", _rates(day.invested_pct, day.gross_pct)),
        ("on equity", _rates(day.equity_pct, day.equity_gross_pct, equity=True)),
        ("index", "" if day.index_pct is None else f"{percent(day.index_pct)}, KOSPI"),
        ("equity", "" if day.equity is None else f"{money(day.equity)} won"),
        ("trades", f"{money(day.trades)} ({money(day.wins)} won)"),
        ("bought and sold", f"{money(day.bought)} and {money(day.sold)} won"),
    ]
    if day.moved:
        told.append(("deposits", f"{signed(day.moved)} won, no profit"))
    return [(name, value or "not known") for name, value in told]


def _rates(after: float | None, before: float | None, *, equity: bool = False) -> str:
    if after is None:
        return ""
    gross = "" if before is None else f", {percent(before)} before costs"
    return f"{percent(after)} of the {'equity' if equity else 'invested'}{gross}"


def _decided(row: DailyReport, console: Console) -> str:
    """How many of each kind; those to trade with their reasons."""
    counts = ", ".join(f"{number} {tr(action)}" for action, number in sorted(row.decided.items()))
    gap = "\n" if console.markdown and row.decisions else ""
    lines = [f"{counts or tr('nothing')}\n{gap}"]
    lines += [f"{'- ' if console.markdown else ''}{_why(one, console)}\n" for one in row.decisions]
    return "".join(lines)


def _why(one: Decision, console: Console) -> str:
    text = (
        f"{clock(one.decided_at)} {one.action} {one.stock_code} {one.stock_name} at "
        f"{money(one.price)}, confidence {one.confidence:.2f}: {one.reason}"
    )
    return paragraph(tr(text), console.width, indent=14)


def _calls(row: DailyReport, console: Console) -> str:
    asked = "".join(f"{_use(one)}\n" for one in row.analysts)
    gap = "\n" if asked and console.markdown else ""
    return f"{asked}{gap}{render(CALLS, row.calls, console)}"


def _use(one: AnalystUse) -> str:
    return tr(
        f"{one.analyst} {one.model}: {money(one.calls)} questions, {money(one.failed)} failed, "
        f"{money(one.tokens)} tokens, {plain(one.cost_usd, 4)} dollars"
    )
