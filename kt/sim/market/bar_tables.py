"""Minute bars in memory, by stock and day (`kt/backtest/bar_files.py` reads them from files)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

_FIELDS = 7


class BarRow(NamedTuple):
    """One minute's bar: prices in won, volume in shares. `minute` counts as the market's seconds
    do, from 380 minutes before the closing auction; `line` is its place in the file."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    line: int


class BarDay:
    """One stock's bars of one day by minute, kept as plain numbers."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._numbers = array("q")

    def add(self, row: tuple[int, ...]) -> None:
        """Append the numbers of a `BarRow`."""
        self._numbers.extend(row)

    def __len__(self) -> int:
        return len(self._numbers) // _FIELDS

    def __iter__(self) -> Iterator[BarRow]:
        numbers = self._numbers
        return (BarRow(*numbers[at : at + _FIELDS]) for at in range(0, len(numbers), _FIELDS))

    def sort(self) -> None:
        """Bring the bars into the order of their minutes."""
        rows = sorted(self, key=lambda row: (row.minute, row.line))
        self._numbers = array("q", (number for row in rows for number in row))

    @property
    def close(self) -> int:
        """The last price of a sorted day, in won."""
        return self._numbers[4 - _FIELDS]

    @property
    def volume(self) -> int:
        """The shares of the whole day."""
        return sum(self._numbers[5::_FIELDS])


@dataclass(slots=True)
class StockBars:
    """All bars of one stock; `name`, `market` and `kind` are empty where no column says them."""

    code: str
    name: str = ""
    market: str = ""
    kind: str = ""
    days: dict[date, BarDay] = field(default_factory=dict)


@dataclass(slots=True)
class BarTables:
    """What the files held. `rounded` counts prices off the tick grid, moved to the nearest tick."""

    source: Path
    stocks: dict[str, StockBars] = field(default_factory=dict)
    bars: int = 0
    rounded: int = 0

    @property
    def days(self) -> tuple[date, ...]:
        """The days with bars of any stock, in order."""
        return tuple(sorted({day for stock in self.stocks.values() for day in stock.days}))
