"""Formatting of single values: thousands separators, signed percent, Korean colours."""

from __future__ import annotations

from datetime import datetime

RED, GREEN, YELLOW, BLUE, DIM, BOLD = "31", "32", "33", "34", "2", "1"
RISE, FALL = "rise", "fall"
"""Gain and loss, buy and sell: their colours are the owner's choice (`gain_colors`)."""
PALETTES: dict[str, dict[str, str]] = {
    "red-blue": {RISE: RED, FALL: BLUE},
    "green-red": {RISE: GREEN, FALL: RED},
    "yellow-blue": {RISE: YELLOW, FALL: BLUE},
}
"""Korea's, the West's, and one that tells them apart without red or green."""


def money(won: int | None) -> str:
    """`1,234,000`; empty for None."""
    return "" if won is None else f"{won:,}"


def signed(number: int | None) -> str:
    """`+1,234`, `-1,234`, `0`."""
    return "" if number is None else f"{number:+,}" if number else "0"


def percent(rate: float | None) -> str:
    """`+1.23%`."""
    return "" if rate is None else f"{rate:+.2f}%" if rate else "0.00%"


def plain(number: float | None, digits: int = 1) -> str:
    return "" if number is None else f"{number:.{digits}f}"


def large(won: int) -> str:
    """Traded values in hundred millions of won (억), the market's own unit."""
    return f"{won / 100_000_000:,.0f}억"


def clock(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%H:%M:%S")


def moment(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%m-%d %H:%M:%S")


def updown(number: float | None) -> str | None:
    """Whether it rose or fell, for `paint`; None for neither."""
    if not number:
        return None
    return RISE if number > 0 else FALL


def paint(text: str, color: str | None, palette: str) -> str:
    """The text in a colour of this palette; an empty one paints nothing."""
    if not (palette and color and text):
        return text
    return f"\x1b[{PALETTES[palette].get(color, color)}m{text}\x1b[0m"
