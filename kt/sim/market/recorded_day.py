"""Replays recorded minute bars in place of seeded prices.

The file is CSV in UTF-8 with the header `code,at,open,high,low,close,volume`: six-character
stock codes, `at` is the bar's start in ISO 8601 (Korean time if it has no zone), prices in won,
volume in shares. Bars from 09:00 to 15:19 are the continuous session; one at 15:30 (or 15:20 to
15:30) is the closing auction. Minutes without a bar had no trades. A stock's days are replayed
in order from session 0 on; after them the seeded market continues from the last close.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from kt.errors import InputError
from kt.records import KST, MarketName
from kt.rules import ticks
from kt.sim.market.bar_tables import BarRow
from kt.sim.market.bars_to_path import path_of_bars
from kt.sim.market.listing import Listing
from kt.sim.market.path import SessionPath

HEADER = ("code", "at", "open", "high", "low", "close", "volume")
_CODE = re.compile(r"[0-9A-Z]{6}")
_WHOLE = re.compile(r"[0-9]{1,12}")
_HINT = "`kt help simulator` shows the form of the file."


class RecordedDay(list[BarRow]):
    """One stock's bars of one day, sorted by minute."""

    def path(self, listing: Listing, *, key: int, base: int) -> SessionPath:
        return path_of_bars(SessionPath, self, listing, key=key, base=base)


class Recording:
    """The days of a replay file by stock, oldest first."""

    def __init__(self, days: dict[str, list[RecordedDay]]) -> None:
        self._days = days

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self._days)

    def day(self, code: str, session: int) -> RecordedDay | None:
        days = self._days.get(code, [])
        return days[session] if 0 <= session < len(days) else None

    def base(self, code: str) -> int:
        """The recorded stock's first base price in won: its first open, rounded to a tick."""
        return ticks.round_up(self._days[code][0][0].open)

    def listings(self, known: tuple[Listing, ...]) -> tuple[Listing, ...]:
        """The known stocks, with base prices from the recording, plus recorded stocks that are not
        among them."""
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
        return (*usual, *(self._unlisted(code) for code in missing))

    def _unlisted(self, code: str) -> Listing:
        """A listing for a recorded stock that is not among the known ones."""
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
    """Read a recording from a file. Raises InputError with the line number if it is invalid."""
    found: dict[str, dict[date, dict[int, BarRow]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                if rows.line_num == 1:
                    _require(tuple(row) == HEADER, f"the first line is not {','.join(HEADER)}")
                elif row:
                    code, day, bar = _bar(row)
                    bars = found.setdefault(code, {}).setdefault(day, {})
                    _require(bar.minute not in bars, f"a second bar of {code} at {row[1]}")
                    bars[bar.minute] = bar
            _require(bool(found), "the file has no bars")
        except (UnicodeDecodeError, ValueError, csv.Error) as error:
            line = rows.line_num + isinstance(error, UnicodeDecodeError)
            raise InputError(f"{path}, line {max(1, line)}: {_reason(error)}", hint=_HINT) from None
    return Recording(
        {
            code: [RecordedDay(bars[minute] for minute in sorted(bars)) for bars in _in_order(days)]
            for code, days in found.items()
        }
    )


def _in_order(days: dict[date, dict[int, BarRow]]) -> Iterator[dict[int, BarRow]]:
    return (days[day] for day in sorted(days))


def _bar(row: list[str]) -> tuple[str, date, BarRow]:
    """Parse a line into (code, day, bar). Raises ValueError with the reason."""
    _require(len(row) == len(HEADER), f"{len(row)} fields where {len(HEADER)} should be")
    code, moment, *figures = row
    _require(bool(_CODE.fullmatch(code)), f"{code!r} is not a stock code of six characters")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise ValueError(f"{moment!r} is not a time like 2026-11-23T09:00") from None
    at = at.astimezone(KST) if at.tzinfo else at.replace(tzinfo=KST)
    minute = at.hour * 60 + at.minute - 540
    _require(0 <= minute <= 390, f"{moment} is outside 09:00 to 15:30")
    wrong = [figure for figure in figures if not _WHOLE.fullmatch(figure)]
    _require(not wrong, f"{(wrong or [''])[0]!r} is not a whole number")
    opening, high, low, close, volume = map(int, figures)
    _require(
        0 < low <= min(opening, close) <= max(opening, close) <= high,
        f"not a bar: open {opening}, high {high}, low {low}, close {close}",
    )
    return code, at.date(), BarRow(minute, opening, high, low, close, volume, 0)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _reason(error: Exception) -> str:
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
