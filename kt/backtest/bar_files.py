"""Reads minute bars from CSV and Parquet files: one file for each stock, or one table of many
(`kt help backtest` describes the form). Every error names the file, the line and the column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import ne
from pathlib import Path
from typing import Any

from kt.errors import InputError, UsageError
from kt.extras import pip_install
from kt.records import KST, MarketName
from kt.rules import calendar, ticks
from kt.sim.market.bar_tables import BarDay, BarTables, StockBars
from kt.sim.market.draw import snap
from kt.sim.market.session_days import CONTINUOUS_MINUTES

PRICES = ("open", "high", "low", "close")
COLUMNS = ("code", "at", *PRICES, "volume", "name", "market", "kind")
"""The columns that are read. `code` may be the file's name; the last three may be missing."""
FIGURES = (*PRICES, "volume")
REQUIRED = ("at", *PRICES, "volume")
FORMS = (".csv", ".parquet")
HINT = "`kt help backtest` describes the form of the data."
DIGITS = 15
"""The longest number that is read."""
NAMED = 20
"""How many stocks an error names."""
KEPT = 4_096
"""Times that are remembered: in a table they come again with every stock."""
_CODE = re.compile(r"[0-9A-Z]{6}")
_WHOLE = re.compile(r"([0-9]{1,15})(?:\.0*)?")
_MARKETS = {market.value: market for market in (MarketName.KOSPI, MarketName.KOSDAQ)}

Row = tuple[int, Sequence[Any]]
"""A line number, and its values in the order of COLUMNS (None: no such column)."""


class _Bad(Exception):
    """A value that cannot be used: its column (empty: the whole line) and the reason."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def read(path: Path) -> BarTables:
    """Read a file, or all .csv and .parquet files of a folder. Raises InputError for what the files
    hold, UsageError for a path without bars or where pyarrow is missing."""
    tables = BarTables(path)
    try:
        files = _files(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    for file in files:
        rows = _csv_rows(file) if file.suffix.lower() == ".csv" else _parquet_rows(file)
        line = 1
        try:
            for line, values in rows:
                _add(tables, file, line, values)
        except _Bad as bad:
            raise _refused(file, line, bad.column, bad) from None
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
    if not tables.bars:
        raise InputError(f"{path} has no bars", hint=HINT)
    _check_stocks(tables)
    return tables


def _check_stocks(tables: BarTables) -> None:
    """Raise the first stock's error, with the codes of all stocks that have one."""
    bad: dict[str, InputError] = {}
    for code, stock in tables.stocks.items():
        try:
            _check_days(stock)
        except InputError as error:
            bad[code] = error
    if bad:
        first, *others = bad
        if others:
            some = ", ".join(others[:NAMED]) + (", …" if len(others) > NAMED else "")
            bad[first].hint = f"Bars that cannot be used have {len(others)} more stocks: {some}."
        raise bad[first]


def _refused(file: Path, line: int, column: str, reason: object) -> InputError:
    """The error about a value, with its place: lines of CSV, rows of Parquet."""
    csv_file = file.suffix.lower() == ".csv"
    place = f"{file}, line {line}" if csv_file else f"{file}, row {line}"
    if column:
        return InputError(f"{place}, column {column}: {reason}", hint=HINT)
    return InputError(f"{place}: {reason}", hint=HINT)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}")
    if path.is_file():
        if path.suffix.lower() not in FORMS:
            raise UsageError(f"{path} is neither .csv nor .parquet", hint=HINT)
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMS)
    if not found:
        raise UsageError(f"the folder {path} has no .csv and no .parquet file", hint=HINT)
    return found


def _places(file: Path, header: Sequence[str]) -> list[int | None]:
    """Where each of COLUMNS is in the file."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in REQUIRED if name not in names]
    if "code" not in names and not _CODE.fullmatch(file.stem):
        missing.insert(0, "code")
    if missing:
        raise _Bad(missing[0], f"missing; the columns are {', '.join(names) or 'none'}")
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise _Bad(twice[0], "there are two columns of this name")
    return [names.index(name) if name in names else None for name in COLUMNS]


def _csv_rows(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.reader(opened)
        try:
            header = next(rows, [])
            places = _places(file, header)
            for row in rows:
                if len(row) == len(header):
                    values = [None if place is None else row[place].strip() for place in places]
                    yield rows.line_num, values
                elif row:
                    yield rows.line_num, _uneven(len(row), len(header))
        except (UnicodeDecodeError, csv.Error) as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise InputError(f"{file}, line {rows.line_num + 1}: {reason}", hint=HINT) from None


def _uneven(given: int, wanted: int) -> list[Any]:
    """A line with too few or too many fields, which is refused with its own number."""
    return [_Bad("", f"{given} fields where the first line has {wanted}")]


def _parquet_rows(file: Path) -> Iterator[Row]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        install = pip_install("parquet")
        raise UsageError(
            f"{file}: Parquet needs pyarrow", hint=f"`{install}`, or use CSV."
        ) from None
    try:
        opened = parquet.ParquetFile(file)
        names = opened.schema_arrow.names
        places = _places(file, names)
        wanted = [names[place] for place in places if place is not None]
        line = 0
        for batch in opened.iter_batches(columns=wanted):
            held = dict(zip(batch.schema.names, batch.columns, strict=True))
            lists = [
                [None] * batch.num_rows if place is None else _plain(arrow, held[names[place]])
                for place in places
            ]
            for values in zip(*lists, strict=True):
                line += 1
                yield line, values
    except (arrow.ArrowException, ValueError) as error:
        raise InputError(f"{file} is not a Parquet file that can be read: {error}") from None


def _plain(arrow: Any, column: Any) -> list[Any]:
    """A Parquet column as Python values; times without their nanoseconds."""
    kind = column.type
    if arrow.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(arrow.timestamp("us", tz=kind.tz), safe=False)
    found: list[Any] = column.to_pylist()
    return found


def _add(tables: BarTables, file: Path, line: int, values: Sequence[Any]) -> None:
    """Take one row in. Raises _Bad."""
    if isinstance(values[0], _Bad):
        raise values[0]
    code, moment, *figures, name, market, kind = values
    code = file.stem if code is None else str(code)
    stock = tables.stocks.get(code)
    if stock is None:
        stock = tables.stocks[code] = _described(code, name, market, kind)
    day, minute = _time(moment)
    *prices, volume = map(_whole, FIGURES, figures)
    if not volume:
        return  # a minute without trades, as if it had no line
    _check_shape(*prices)
    on_grid = _on_grid(prices, stock.kind or "STOCK")
    if on_grid is not prices:
        tables.rounded += sum(map(ne, on_grid, prices))
    row = (minute, *on_grid, volume, line)
    found = stock.days.get(day)
    if found is None:
        found = stock.days[day] = BarDay(file)
    elif found.file != file:
        raise _Bad("code", f"{code} on {day} is in {found.file} too")
    found.add(row)
    tables.bars += 1


def _described(code: str, name: Any, market: Any, kind: Any) -> StockBars:
    """A stock from its first row."""
    if not _CODE.fullmatch(code):
        raise _Bad("code", f"{code!r} is not a stock code of six characters, written as text")
    if market and market not in _MARKETS:
        raise _Bad("market", f"{market!r} is no market: write KOSPI or KOSDAQ")
    if kind and kind not in ticks.KINDS:
        raise _Bad("kind", f"{kind!r} is not one of {', '.join(sorted(ticks.KINDS))}")
    return StockBars(code, str(name or ""), market or "", kind or "")


def _on_grid(prices: list[int], kind: str) -> list[int]:
    """The prices on the tick grid; the same list when they all are."""
    opening, high, low, close = prices
    tick = ticks.tick_size(high, kind)
    if tick == ticks.tick_size(low, kind) and not any(
        (opening % tick, high % tick, low % tick, close % tick)
    ):
        return prices
    found = [snap(price, kind) for price in prices]
    return prices if found == prices else found


def _time(given: Any) -> tuple[date, int]:
    if isinstance(given, datetime):
        return _session_minute(given)
    try:
        return _read_time(str(given))
    except ValueError:
        reason = f"{str(given)!r} is not a time like 2026-01-05T09:00"
        raise _Bad("at", reason) from None


@lru_cache(maxsize=KEPT)
def _read_time(text: str) -> tuple[date, int]:
    return _session_minute(datetime.fromisoformat(text))


@lru_cache(maxsize=KEPT)
def _session_minute(at: datetime) -> tuple[date, int]:
    """The day and the minute of a bar's start; times without a zone are Korean."""
    at = at.replace(tzinfo=KST) if at.tzinfo is None else at.astimezone(KST)
    hours = calendar.hours(at.date())
    if hours is None:
        raise _Bad("at", f"{at:%Y-%m-%d} is not a trading day")
    if at.second or at.microsecond:
        raise _Bad("at", f"{at:%Y-%m-%d %H:%M:%S} is not the start of a minute")
    if not hours.open <= at <= hours.close:
        opens, closes = f"{hours.open:%H:%M}", f"{hours.close:%H:%M}"
        reason = f"{at:%Y-%m-%d %H:%M} is outside the session, {opens} to {closes} in Korea"
        raise _Bad("at", reason)
    origin = hours.closing_auction - timedelta(minutes=CONTINUOUS_MINUTES)
    return at.date(), (at - origin) // timedelta(minutes=1)


def _whole(column: str, given: Any) -> int:
    """A whole number, also as 70200.0."""
    if type(given) is int and given >= 0:
        return given
    if type(given) is str and given.isascii() and given.isdecimal() and len(given) <= DIGITS:
        return int(given)
    matched = _WHOLE.fullmatch(str(given))
    if matched is None:
        raise _Bad(column, f"{str(given)!r} is not a whole number")
    return int(matched[1])


def _check_shape(opening: int, high: int, low: int, close: int) -> None:
    if low <= 0:
        raise _Bad("low", "a price is above 0")
    least, most = min(opening, close), max(opening, close)
    if low > least:
        raise _Bad("low", f"{low} is above the open or close, {least}")
    if high < most:
        raise _Bad("high", f"{high} is below the open or close, {most}")


def _check_days(stock: StockBars) -> None:
    """Sort each day; refuse two bars of a minute, and prices beyond the day's limits."""
    before: int | None = None
    for day in sorted(stock.days):
        bars = stock.days[day]
        bars.sort()
        _check_twice(stock.code, day, bars)
        if before is not None:
            market = stock.market or MarketName.KOSPI
            limits = ticks.price_limits(before, market, stock.kind or "STOCK")
            _check_limits(stock.code, day, bars, before, limits)
        before = bars.close


def _check_twice(code: str, day: date, bars: BarDay) -> None:
    last = -1
    for row in bars:
        if row.minute == last:
            what = f"a second bar of {code} for the same minute of {day}"
            raise _refused(bars.file, row.line, "at", what)
        last = row.minute


def _check_limits(code: str, day: date, bars: BarDay, before: int, limits: tuple[int, int]) -> None:
    lower, upper = limits
    for row in bars:
        if lower <= row.low and row.high <= upper:
            continue
        column, price = ("low", row.low) if row.low < lower else ("high", row.high)
        what = (
            f"{price} is beyond {code}'s limits on {day}, {lower} to {upper}: its last close was "
            f"{before}; adjust earlier prices for splits and rights, or leave the stock out"
        )
        raise _refused(bars.file, row.line, column, what)
