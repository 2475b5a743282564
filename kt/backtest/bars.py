"""The bars of a backtest: which days of the data are run, and what the report says of them."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path

from kt.backtest import bar_files
from kt.config.model import BarFills
from kt.errors import UsageError
from kt.records import BacktestData
from kt.rules import calendar
from kt.rules.bar_fill import FillModel
from kt.sim.market.bar_board import BarMarket
from kt.sim.market.bar_tables import BarTables


def load(
    path: Path, settings: BarFills, days: int | None, first: date | None, last: date | None
) -> tuple[BarMarket, tuple[date, ...]]:
    """The market of a file or a folder, and the days to run on it. Raises InputError for bars that
    cannot be used and UsageError for days that they do not have."""
    tables = bar_files.read(path)
    chosen = days_of(tables, days, first, last)
    model = FillModel(
        market_price=settings.market_price,
        slippage_ticks=settings.slippage_ticks,
        limit_touch=settings.limit_touch,
        participation_pct=settings.participation_pct,
    )
    return BarMarket(tables, chosen[0], model), chosen


def days_of(
    tables: BarTables, count: int | None, first: date | None, last: date | None
) -> tuple[date, ...]:
    """The days of the data from `first` to `last`, at most `count`. The data's first day is not
    run: its closes are the base prices of the next."""
    opening, *usable = tables.days
    if not usable:
        raise UsageError(
            f"{tables.source} has bars of {opening} only",
            hint="Two days are needed: the first one's closes are the base prices of the second.",
        )
    for given in (first, last):
        if given is not None and not usable[0] <= given <= usable[-1]:
            raise UsageError(
                f"{given} is not among the days of {tables.source}",
                hint=f"They are {usable[0]} to {usable[-1]}, after a day of base prices.",
            )
    found = [day for day in usable if (first or day) <= day <= (last or day)]
    if not found:
        raise UsageError(f"{tables.source} has no bars from {first} to {last}")
    return tuple(found[:count])


def described(market: BarMarket, days: tuple[date, ...]) -> BacktestData:
    """What the report says about the data and the model."""
    tables, model, used = market.tables, market.model, set(days)
    every = calendar.trading_days_between(days[0], days[-1])
    return BacktestData(
        source=str(tables.source),
        stocks=len(market.stocks),
        bars=tables.bars,
        rounded=tables.rounded,
        missing_days=tuple(day for day in every if day not in used),
        left_out=market.left_out,
        market_price=model.market_price,
        slippage_ticks=model.slippage_ticks,
        limit_touch=model.limit_touch,
        participation_pct=model.participation_pct,
        sha256=_digest(tables),
    )


def _digest(tables: BarTables) -> str:
    """The same for the same bars, however they are divided into files and lines."""
    found = sha256()
    for code, stock in sorted(tables.stocks.items()):
        for day, bars in sorted(stock.days.items()):
            found.update(f"{code} {day}".encode())
            for row in bars:
                found.update(repr(row[:-1]).encode())
    return found.hexdigest()
