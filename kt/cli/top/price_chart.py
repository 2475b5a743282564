"""A price chart in text cells: each cell is 2 x 4 Braille dots, each column of dots a few minutes
from their lowest to their highest price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from kt.cli.show.cells import FALL, RISE, money
from kt.cli.show.width import width_of
from kt.cli.top.ink import BOLD, DIM, PLAIN
from kt.records import Bar
from kt.rules.chart_periods import joined

BLANK = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a Braille cell by column and row."""
MOST_WIDE = 4
"""Columns of dots that one minute takes at most."""
NEAR = 0.5
"""A level is drawn if it is no further outside the prices than this part of their span."""


@dataclass(frozen=True)
class PriceLevel:
    """A line across the chart; the price in won, 0 for none."""

    name: str
    price: int


@dataclass(frozen=True)
class _Frame:
    """The part of the chart that the prices are drawn in."""

    width: int
    height: int
    low: int
    high: int

    def dot(self, price: int) -> int:
        """The row of dots of a price, 0 at the top."""
        rows = self.height * 4 - 1
        return round((self.high - price) * rows / max(1, self.high - self.low))

    def row(self, price: int) -> int:
        return self.dot(price) // 4


def draw(
    bars: Sequence[Bar],
    levels: Sequence[PriceLevel],
    size: tuple[int, int],
    styles: dict[str, str],
) -> Text:
    """The chart of these minutes, oldest first, in `size` columns and rows; the last row is the
    time. `styles` by RISE and FALL; none draws without colours. Empty without room or bars."""
    columns, rows = size
    if not bars or columns < 20 or rows < 3:
        return Text()
    inside = visible_levels(bars, levels)
    prices = [price for bar in bars for price in (bar.low, bar.high)]
    prices += [level.price for level in inside]
    low, high = min(prices), max(prices)
    margin = max(len(money(high)), len(money(low))) + 1
    frame = _Frame(columns - margin, rows - 1, low, high)
    drawn = merged(bars, frame.width * 2)
    cells = _cells(drawn, frame)
    right = _labels(frame, inside, bars[-1].close)
    lines = [_line(row, frame, cells, inside, styles) for row in range(frame.height)]
    for row, line in enumerate(lines):
        label, style = right.get(row, ("", PLAIN))
        line.append(label.rjust(margin), style)
    lines.append(_times(bars, min(frame.width, -(-len(drawn) // 2))))
    return Text("\n").join(lines)


def visible_levels(bars: Sequence[Bar], levels: Sequence[PriceLevel]) -> list[PriceLevel]:
    """The levels near enough to the prices to be drawn."""
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    room = max(1, int((high - low) * NEAR))
    return [one for one in levels if one.price and low - room <= one.price <= high + room]


def merged(bars: Sequence[Bar], columns: int) -> list[Bar]:
    """One bar for each column of dots: several minutes together, or one minute several times."""
    if len(bars) <= columns:
        times = max(1, min(MOST_WIDE, columns // len(bars)))
        return [bar for bar in bars for _ in range(times)]
    each = -(-len(bars) // columns)
    return [joined(bars[start : start + each]) for start in range(0, len(bars), each)]


def _cells(bars: Sequence[Bar], frame: _Frame) -> dict[tuple[int, int], tuple[int, str]]:
    """By row and column of a cell: its dots, and whether its last bar rose or fell."""
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for place, bar in enumerate(bars[: frame.width * 2]):
        column, side = divmod(place, 2)
        for dot in range(frame.dot(bar.high), frame.dot(bar.low) + 1):
            at = (dot // 4, column)
            bits = cells.get(at, (0, ""))[0] | DOTS[side][dot % 4]
            cells[at] = (bits, RISE if bar.close >= bar.open else FALL)
    return cells


def _line(
    row: int,
    frame: _Frame,
    cells: dict[tuple[int, int], tuple[int, str]],
    levels: Sequence[PriceLevel],
    styles: dict[str, str],
) -> Text:
    line = Text()
    name = next((level.name for level in levels if frame.row(level.price) == row), None)
    words = f"{name} " if name is not None else ""
    column = 0
    while column < frame.width:
        found = cells.get((row, column))
        room = all((row, column + step) not in cells for step in range(width_of(words)))
        if found is not None:
            line.append(chr(BLANK + found[0]), styles.get(found[1], ""))
        elif words and room and column + width_of(words) <= frame.width:
            line.append(words, DIM)
            column, words = column + width_of(words), ""
            continue
        else:
            line.append(" " if name is None else "┈", DIM)
        column += 1
    return line


def _labels(frame: _Frame, levels: Sequence[PriceLevel], last: int) -> dict[int, tuple[str, Style]]:
    """By row, the price at its right; the last price is what matters most."""
    shown = {0: (money(frame.high), DIM), frame.height - 1: (money(frame.low), DIM)}
    shown |= {frame.row(level.price): (money(level.price), DIM) for level in levels}
    return shown | {frame.row(last): (money(last), BOLD)}


def _times(bars: Sequence[Bar], width: int) -> Text:
    """When the bars begin and end, at the ends of the columns that they fill."""
    first, last = f"{bars[0].at:%H:%M}", f"{bars[-1].at:%H:%M}"
    gap = " " * max(1, width - len(first) - len(last))
    return Text(f"{first}{gap}{last}", DIM)
