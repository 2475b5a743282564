"""Figures and texts in as few characters as they need, for a model's prompt.

`-` stands for what is not known. Rounded: percentages to one decimal, amounts of shares and money
that need not be exact to two digits (`1.2m`); prices and what may be spent stay exact.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

NOT_KNOWN = "-"
NAME_LENGTH = 40
_UNITS = ((10**12, "t"), (10**9, "b"), (10**6, "m"), (10**3, "k"))
_HARMLESS = str.maketrans({"|": "/", "<": "‹", ">": "›"})
"""Signs that would end a cell or the fence."""


def neutral(text: str, length: int = NAME_LENGTH) -> str:
    """One line of at most `length` visible characters: no line breaks, no control characters,
    nothing that hides text or reverses its direction."""
    visible = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs") else sign
        for sign in unicodedata.normalize("NFC", text)
    )
    line = " ".join(visible.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def cell(text: str, length: int = NAME_LENGTH) -> str:
    """Foreign text as one cell of a table: `neutral`, and without `|`, `<` and `>`."""
    return neutral(text.translate(_HARMLESS), length)


def decimal(value: float | None, digits: int = 1) -> str:
    """At most `digits` decimals, and no zeros at the end: 1.25 is `1.2`, 3.0 is `3`."""
    if value is None:
        return NOT_KNOWN
    text = f"{value:.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def rough(value: float | None) -> str:
    """Two digits: 12.84 is `13`, 1.28 is `1.3`."""
    return decimal(value, 1 if value is None or abs(value) < 9.95 else 0)


def amount(value: float | None) -> str:
    """Two digits and a unit: 1,234,567 is `1.2m`, 45,600 is `46k`; below 1,000 as it is."""
    if value is None:
        return NOT_KNOWN
    for size, unit in _UNITS:
        if abs(value) >= size * 0.995:
            return f"{rough(value / size)}{unit}"
    return decimal(value, 0)


def price(value: int) -> str:
    """Exact; 0 is a price that is not known."""
    return str(value) if value else NOT_KNOWN


def percent(part: float | None, whole: float | None) -> float | None:
    """`part` of `whole` in percent."""
    return 100 * part / whole if part is not None and whole else None


def above(value: float | None, base: float | None) -> float | None:
    """How far `value` is above `base`, in percent."""
    return 100 * (value / base - 1) if value and base else None


def age(at: datetime | None, asof: datetime) -> str:
    """Whole seconds before `asof`."""
    return NOT_KNOWN if at is None else str(max(0, round((asof - at).total_seconds())))


def exact(number: int | None) -> str:
    """All digits."""
    return NOT_KNOWN if number is None else str(number)


def table(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`name: column|column` and a line for each row; empty without rows."""
    lines = ["|".join(row) for row in rows]
    return "\n".join([f"{name}: {'|'.join(columns)}", *lines]) if lines else ""
