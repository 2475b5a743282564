"""Formats numbers, codes and times as the broker does: all values are strings."""

from __future__ import annotations

from datetime import datetime

from kt.records import Side

SATURATED = 4_294_967_295
"""The broker's counters saturate at 32 bits; this value means "at least" (recorded: ka10030)."""


def price(value: int, base: int) -> str:
    """A price whose sign is its direction against yesterday's close; a missing price is `-0`."""
    if value > base:
        return f"+{value}"
    return f"-{value}" if value < base else str(value)


def signed(value: int) -> str:
    """A change or a net quantity with its arithmetic sign; zero has none."""
    return f"{value:+d}" if value else "0"


def rate(value: float) -> str:
    """A percentage with two decimals and its arithmetic sign; zero has none."""
    text = f"{value:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text


def plain_rate(value: float) -> str:
    """A percentage without a sign (trade strength, weights)."""
    return f"{value:.2f}"


def padded(value: int, width: int = 15) -> str:
    """Zero-padded; a minus counts in the width (kt00018)."""
    return f"{value:0{width}d}"


def padded_rate(value: float, width: int = 12) -> str:
    """A zero-padded percentage: `000000002.98` (kt00018)."""
    return f"{value:0{width}.2f}"


def counter(value: int) -> str:
    """A quantity in a 32-bit field, saturated."""
    return str(min(value, SATURATED))


def millions(value: int) -> str:
    """Traded value in millions of won, the unit of most APIs."""
    return str(value // 1_000_000)


def direction(value: int, base: int, upper: int = 0, lower: int = 0) -> str:
    """The sign code: 1 upper limit, 2 up, 3 unchanged, 4 lower limit, 5 down."""
    if value > base:
        return "1" if upper and value >= upper else "2"
    if value < base:
        return "4" if lower and value <= lower else "5"
    return "3"


def change_pct(value: int, base: int) -> float:
    return (value - base) / base * 100 if base else 0.0


def day(at: datetime) -> str:
    return at.strftime("%Y%m%d")


def clock(at: datetime) -> str:
    return at.strftime("%H%M%S")


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")


def bare_code(text: str) -> str:
    """The plain stock code, without a leading `A` and without a venue suffix."""
    code = text.strip()
    for suffix in ("_NX", "_AL"):
        code = code.removesuffix(suffix)
    return code[1:] if len(code) == 7 and code.startswith("A") else code


def account_code(code: str) -> str:
    """The stock code as account APIs and live rows write it: `A005930`."""
    return f"A{code}"


def order_number(text: str) -> str:
    """An order number with seven digits."""
    return text.strip().zfill(7)


def number(text: str) -> int:
    """An integer from a request; blank is 0. Raises ValueError on anything else."""
    return int(text.strip() or "0")


SIDE_NAMES = {Side.BUY: "+매수", Side.SELL: "-매도"}
"""Side names in ka10075, ka10076 and live type 00, with the broker's sign."""
