"""Recorded minute bars in place of the seeded path.

The file is CSV in UTF-8 with the header `code,at,open,high,low,close,volume`: six-character
stock codes, `at` the bar's start as ISO 8601 (Korean time when it names no zone), prices in won,
volume in shares. Bars from 09:00 to 15:19 are the continuous session; one at 15:30 (or 15:20 to
15:30) is the closing auction. Minutes without a bar did not trade. A stock's days are played in
their order from session 0 on; afterwards the seeded market goes on from the last close.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from kt.errors import InputError
from kt.records import KST, MarketName
from kt.rules import ticks
from kt.sim.market.days import CONTINUOUS_MINUTES
from kt.sim.market.listing import Listing
from kt.sim.market.path import SessionPath

HEADER = ("code", "at", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """One minute as the file has it; `minute` counts from 09:00."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class RecordedDay(list[RecordedBar]):
    """One stock's bars of one day, in order."""

    def path(self, listing: Listing, *, key: int, base: int) -> SessionPath:
        by_minute = {bar.minute: bar for bar in self if bar.minute < CONTINUOUS_MINUTES}
        closing = [bar for bar in self if bar.minute >= CONTINUOUS_MINUTES]
        last = base
        bars: list[RecordedBar] = []
        for minute in range(CONTINUOUS_MINUTES):
            bar = by_minute.get(minute)
            if bar is None:
                bar = RecordedBar(minute, last, last, last, last, 0)
            bars.append(bar)
            last = bar.close
        return SessionPath(
            key=key,
            base=base,
            limits=ticks.price_limits(base, listing.market, listing.kind),
            opening=self[0].open,
            closes=[bar.close for bar in bars],
            volumes=[bar.volume for bar in bars],
            closing_price=self[-1].close,
            closing_volume=sum(bar.volume for bar in closing),
            kind=listing.kind,
            opens=[bar.open for bar in bars],
            extremes=[(bar.high, bar.low) for bar in bars],
        )


class Recording:
    """The days of a replay file, by stock, in order."""

    def __init__(self, days: dict[str, list[RecordedDay]]) -> None:
        self._days = days

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self._days)

    def day(self, code: str, session: int) -> RecordedDay | None:
        days = self._days.get(code, [])
        return days[session] if 0 <= session < len(days) else None

    def base(self, code: str) -> int:
        """The price the recorded stock starts from, in won: its first open, on the grid."""
        return ticks.round_up(self._days[code][0][0].open)

    def listings(self, known: tuple[Listing, ...]) -> tuple[Listing, ...]:
        """The known stocks with the recorded ones' base prices, and any unknown recorded ones."""
        missing = [code for code in self._days if code not in {item.code for item in known}]
        usual = [
            Listing(
                code=item.code,
                name=item.name,
                market=item.market,
                base_price=self.base(item.code) if item.code in self._days else item.base_price,
                shares=item.shares,
                usual_volume=item.usual_volume,
                kind=item.kind,
            )
            for item in known
        ]
        return (*usual, *(self._stranger(code) for code in missing))

    def _stranger(self, code: str) -> Listing:
        volume = sum(bar.volume for bar in self._days[code][0])
        return Listing(
            code=code,
            name=code,
            market=MarketName.KOSPI,
            base_price=self.base(code),
            shares=max(1_000_000, 100 * volume),
            usual_volume=max(1, volume),
        )


def read(path: Path) -> Recording:
    """The recording in a file. Raises InputError, naming the line, when it cannot be used."""
    found: dict[str, dict[date, RecordedDay]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != HEADER:
            raise InputError(
                f"{path}: the first line is not {','.join(HEADER)}",
                hint="see the documentation of --replay for the file's form",
            )
        for number, row in enumerate(rows, start=2):
            try:
                day, bar = _bar(row)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: {error}") from None
            found.setdefault(row["code"], {}).setdefault(day, RecordedDay()).append(bar)
    days = {code: [by_day[day] for day in sorted(by_day)] for code, by_day in found.items()}
    for recorded in (day for several in days.values() for day in several):
        recorded.sort(key=lambda bar: bar.minute)
    return Recording(days)


def _bar(row: dict[str, str]) -> tuple[date, RecordedBar]:
    at = datetime.fromisoformat(row["at"])
    at = at.astimezone(KST) if at.tzinfo else at.replace(tzinfo=KST)
    minute = at.hour * 60 + at.minute - 540
    if not 0 <= minute <= 390:
        raise ValueError(f"{row['at']} is outside 09:00 to 15:30")
    opening, high, low, close = (int(row[name]) for name in ("open", "high", "low", "close"))
    volume = int(row["volume"])
    if not 0 < low <= min(opening, close) <= max(opening, close) <= high or volume < 0:
        raise ValueError(f"not a bar: {opening}, {high}, {low}, {close}, volume {volume}")
    return at.date(), RecordedBar(minute, opening, high, low, close, volume)
