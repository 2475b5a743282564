"""A backtest for people: its figures, then its days, exits and hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show import columns, pnl
from kt.cli.show.cells import money, percent, plain, signed
from kt.cli.show.table import Column, heading, pairs, render
from kt.records import Backtest, BacktestData

if TYPE_CHECKING:
    from kt.cli.support.console import Console

COUNTS = (
    Column("trades", lambda row: money(row.trades), right=True),
    Column("wins", lambda row: money(row.wins), right=True),
    columns.gain("profit"),
)
EXITS = (Column("why sold", lambda row: row.reason), *COUNTS)
SHOWN = 3
"""How many days or stocks are named."""
PRICES = {
    "open": "a bar's open",
    "worse": "the worse of a bar's open and close",
    "extreme": "a bar's high to buy, its low to sell",
}
HOURS = (Column("hour", lambda row: f"{row.hour:02d}:00"), *COUNTS)


def backtests(rows: Sequence[Backtest], console: Console) -> str:
    """Each backtest, its parts under headings."""
    return "\n".join(_backtest(row, console) for row in rows)


def _backtest(row: Backtest, console: Console) -> str:
    parts = [
        ("Result", pairs(_figures(row), console)),
        ("Days", render(pnl.DAYS, row.days, console)),
        ("Exits", render(EXITS, row.exits, console)),
        ("Hours", render(HOURS, row.hours, console)),
    ]
    if row.data is not None:
        parts.append(("Data", pairs(_data(row.data), console)))
    return "\n".join(f"{heading(title, console)}{text}" for title, text in parts)


def _data(row: BacktestData) -> list[tuple[str, str]]:
    """The bars, how orders filled on them, and what bars cannot tell."""
    beyond = "touched" if row.limit_touch else "traded through"
    told = [
        ("bars", f"{money(row.bars)} of {money(row.stocks)} stocks, {row.source}"),
        ("market orders", PRICES[row.market_price]),
        ("slippage", "1 tick" if row.slippage_ticks == 1 else f"{row.slippage_ticks} ticks"),
        ("limit orders", f"when {beyond}, never better than a market order"),
        ("volume", f"at most {plain(row.participation_pct)}% of a bar's"),
        ("order book", "not in bars: one tick between bid and ask, no place in the queue"),
        ("who bought", "not in bars: no flows, member firms, sectors"),
    ]
    if row.rounded:
        told.append(("off tick", f"{money(row.rounded)} prices, moved to the nearest tick"))
    if row.missing_days:
        told.append(("no bars", f"not run: {_several(row.missing_days)}"))
    if row.left_out:
        told.append(("left out", f"no bar before the first day: {_several(row.left_out)}"))
    return told


def _several(items: Sequence[object]) -> str:
    """The first few, and how many more there are."""
    few = ", ".join(map(str, items[:SHOWN]))
    return few if len(items) <= SHOWN else f"{few} and {len(items) - SHOWN} more"


def _figures(row: Backtest) -> list[tuple[str, str]]:
    """The numbers; what is not known is said to be."""
    one = row.performance
    market = "KOSPI" if row.data is None else "KOSPI stocks of the data"
    told = [
        ("days", f"{row.first} to {row.last}, seed {row.seed}, {money(row.capital)} won"),
        ("profit", f"{signed(one.profit)} won realised, after costs"),
        ("on equity", percent(one.return_pct)),
        ("index", "" if row.index_pct is None else f"{percent(row.index_pct)}, {market}"),
        ("buy and hold", "" if row.hold_pct is None else f"{percent(row.hold_pct)}, all stocks"),
        ("drawdown", percent(one.max_drawdown_pct)),
        ("Sharpe", plain(one.sharpe, 2)),
        ("Sortino", plain(one.sortino, 2)),
        ("trades", f"{money(one.trades)} ({money(one.wins)} won)"),
        ("win rate", _part(one.win_rate_pct)),
        ("profit factor", plain(one.profit_factor, 2)),
        ("mean trade", _mean(
            row.mean_profit_pct, row.profit_low_pct, row.profit_high_pct, row.p_value
        )),
        ("mean day", _mean(row.mean_day_pct, row.day_low_pct, row.day_high_pct, row.day_p_value)),
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


def _mean(mean: float | None, low: float | None, high: float | None, p: float | None) -> str:
    if mean is None or low is None or high is None:
        return percent(mean)
    return f"{percent(mean)}, 95% interval {percent(low)} to {percent(high)}, p {plain(p, 4)}"
