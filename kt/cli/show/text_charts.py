"""Charts of text cells for a terminal: the course of the equity, and a bar for each day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show.cells import money, paint, percent, signed, updown
from kt.cli.show.table import heading
from kt.cli.show.width import paragraph
from kt.records import DayResult, Equity
from kt.rules.performance import drawdowns, returns
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

HEIGHT = 6
"""Rows of the curve."""
WIDEST = 80
"""Columns of a chart at most, whatever the terminal has."""
NARROWEST = 40
"""Columns below which a terminal gets no chart."""
BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
"""A cell from empty to full: in eighths of its height, and where the encoding has no blocks."""


def pnl_charts(days: Sequence[DayResult], points: Sequence[Equity], console: Console) -> str:
    """The equity of these days above their profits; empty in a pipe, as Markdown, on a narrow
    terminal, and for less than two of either."""
    width = min(console.width, WIDEST)
    if width < NARROWEST:
        return ""
    blocks = BLOCKS if _writes(console, BLOCKS) else PLAIN
    text = ""
    if len(points) > 1:
        text += f"\n{heading('Equity', console)}{_curve(points, width, blocks, console)}"
    if len(days) > 1:
        text += f"\n{heading('Profit by day', console)}{_bars(days, width, blocks, console)}"
    return text


def _writes(console: Console, text: str) -> bool:
    """Whether stdout's encoding has these characters."""
    try:
        text.encode(getattr(console.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _curve(points: Sequence[Equity], width: int, blocks: str, console: Console) -> str:
    """Columns as high as the last equity of their stretch of time, from the lowest to the highest
    one; beside them these two, and below them what came of it."""
    values = [point.equity for point in points]
    low, high = min(values), max(values)
    side = max(len(money(low)), len(money(high)))
    columns = _sampled(values, width - side - 1)
    steps = HEIGHT * (len(blocks) - 1)
    heights = [1 + round((steps - 1) * (one - low) / (high - low or 1)) for one in columns]
    lines = []
    for row in reversed(range(HEIGHT)):
        label = {HEIGHT - 1: money(high), 0: money(low)}.get(row, "")
        cells = (min(max(tall - row * (len(blocks) - 1), 0), len(blocks) - 1) for tall in heights)
        lines.append(f"{label:>{side}} {''.join(blocks[cell] for cell in cells)}".rstrip())
    rates = returns(points)
    worst = min(drawdowns(rates), default=0.0) * 100
    begins, ends = (f"{points[place].at:%m-%d %H:%M}" for place in (0, -1))
    told = tr(f"from {begins} to {ends}, drawdown {percent(worst)}")
    lines.append(paragraph(told, width))
    return "\n".join(lines) + "\n"


def _sampled(values: Sequence[int], count: int) -> list[int]:
    """At most so many of the values, evenly spread, the last one always."""
    if len(values) <= count:
        return list(values)
    return [values[(place + 1) * len(values) // count - 1] for place in range(count)]


def _bars(days: Sequence[DayResult], width: int, blocks: str, console: Console) -> str:
    """A line for each day: losses to the left of the middle, gains to the right of it."""
    amounts = [signed(day.total) for day in days]
    side = max(map(len, amounts))
    room = (width - len("2026-11-23") - side - 3) // 2
    largest = max(abs(day.total) for day in days) or 1
    lines = []
    for day, amount in zip(days, amounts, strict=True):
        length = round(room * abs(day.total) / largest) or (1 if day.total else 0)
        bar = blocks[-1] * length
        halves = (bar if day.total < 0 else "", bar if day.total > 0 else "")
        sign = updown(day.total)
        left = " " * (room - len(halves[0])) + paint(halves[0], sign, console.color)
        right = paint(halves[1], sign, console.color) + " " * (room - len(halves[1]))
        lines.append(f"{day.day} {amount:>{side}} {left}|{right}".rstrip())
    return "\n".join(lines) + "\n"
