"""A backtest for people: its figures, then its days, exits and hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show import columns, pnl
from kt.cli.show.cells import money, percent, plain, signed
from kt.cli.show.table import Column, heading, pairs, render
from kt.records import Backtest

if TYPE_CHECKING:
    from kt.cli.support.console import Console

COUNTS = (
    Column("trades", lambda row: money(row.trades), right=True),
    Column("wins", lambda row: money(row.wins), right=True),
    columns.gain("profit"),
)
EXITS = (Column("why sold", lambda row: row.reason), *COUNTS)
HOURS = (Column("hour", lambda row: f"{row.hour:02d}:00"), *COUNTS)


def backtests(rows: Sequence[Backtest], console: Console) -> str:
    """Each backtest, its parts under headings."""
    return "\n".join(_backtest(row, console) for row in rows)


def _backtest(row: Backtest, console: Console) -> str:
    parts = (
        ("Result", pairs(_figures(row), console)),
        ("Days", render(pnl.DAYS, row.days, console)),
        ("Exits", render(EXITS, row.exits, console)),
        ("Hours", render(HOURS, row.hours, console)),
    )
    return "\n".join(f"{heading(title, console)}{text}" for title, text in parts)


def _figures(row: Backtest) -> list[tuple[str, str]]:
    """The numbers; what is not known is said to be."""
    one = row.performance
    told = [
        ("days", f"{row.first} to {row.last}, seed {row.seed}, {money(row.capital)} won"),
        ("profit", f"{signed(one.profit)} won realised, after costs"),
        ("on equity", percent(one.return_pct)),
        ("index", "" if row.index_pct is None else f"{percent(row.index_pct)}, KOSPI"),
        ("buy and hold", "" if row.hold_pct is None else f"{percent(row.hold_pct)}, all stocks"),
        ("drawdown", percent(one.max_drawdown_pct)),
        ("Sharpe", plain(one.sharpe, 2)),
        ("Sortino", plain(one.sortino, 2)),
        ("trades", f"{money(one.trades)} ({money(one.wins)} won)"),
        ("win rate", _part(one.win_rate_pct)),
        ("profit factor", plain(one.profit_factor, 2)),
        ("mean trade", _mean(row)),
        ("exposure", _part(row.exposure_pct)),
        ("turnover", "" if row.turnover is None else f"{row.turnover:.2f} times the equity"),
        ("costs", f"{money(row.fees + row.taxes)} won: fees {money(row.fees)}, "
                  f"taxes {money(row.taxes)}"),
        ("orders", f"{money(row.orders)}, {money(row.calls)} calls"),
        ("stopped", row.stopped or "no"),
        ("journal", row.folder),
        ("digest", row.digest),
    ]  # fmt: skip
    return [(name, value or "not known") for name, value in told]


def _part(rate: float | None) -> str:
    """A part of a whole: without a sign."""
    return "" if rate is None else f"{plain(rate)}%"


def _mean(row: Backtest) -> str:
    if row.mean_profit_pct is None:
        return ""
    mean = percent(row.mean_profit_pct)
    if row.profit_low_pct is None or row.profit_high_pct is None:
        return mean
    inside = f"{percent(row.profit_low_pct)} to {percent(row.profit_high_pct)}"
    return f"{mean}, 95% interval {inside}, p {plain(row.p_value, 4)}"
