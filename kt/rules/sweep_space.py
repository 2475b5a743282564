"""What a sweep searches: axes of configuration values as people write them, windows of days, and
the figure that sets are compared by."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Literal, NamedTuple

from kt.errors import UsageError
from kt.rules import performance

Objective = Literal["return", "sharpe", "sortino"]
MOST_VALUES = 1_000
"""Values of one axis."""
_NUMBER = r"-?\d{1,12}(?:\.\d{1,9})?"
_RANGE = re.compile(rf"({_NUMBER})(?::({_NUMBER}):({_NUMBER})|\.\.({_NUMBER}))")


@dataclass(frozen=True, slots=True)
class Axis:
    """One configuration key and the values it may take: a list, or any number between two."""

    key: str
    values: tuple[str, ...] = ()
    """As the configuration reads them; empty for any number from `low` to `high`."""
    ordered: bool = False
    """Whether the values are the steps of a range."""
    low: float = 0.0
    high: float = 0.0

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that must be valid: all of a list, the first and the last of a range."""
        if not self.values:
            return text_of(self.low), text_of(self.high)
        return (self.values[0], self.values[-1]) if self.ordered else self.values


def text_of(number: float) -> str:
    """A number as the configuration reads it, with six digits: more would only feign precision."""
    return f"{float(f'{number:.6g}'):f}".rstrip("0").rstrip(".") or "0"


def parse_axis(text: str) -> Axis:
    """`KEY=2,3,4`, `KEY=2:6:0.5` (first, last, step), `KEY=2..6` (whole numbers) or
    `KEY=2.0..6.0` (any number between). Raises UsageError."""
    key, sign, words = (part.strip() for part in text.partition("="))
    if not sign or not re.fullmatch(r"\w+(\.\w+)*", key):
        raise UsageError(f"{text}: this is not KEY=VALUES", hint="As in exits.stop_loss_pct=2,3,4")
    given = _RANGE.fullmatch(words)
    values = () if given else tuple(word.strip() for word in words.split(","))
    if not all(values):
        raise UsageError(f"{text}: a value is empty", hint="Write 2,3,4 or 2:6:0.5 or 2..6")
    if len(set(values)) < len(values):
        raise UsageError(f"{text}: a value is named twice", hint="Leave one out.")
    axis = _range(key, *given.groups()) if given else Axis(key, values)
    if axis is None:
        raise UsageError(
            f"{text}: this is not a range", hint="Write the lower number first, and a step above 0."
        )
    if len(axis.values) > MOST_VALUES:
        raise UsageError(f"{text}: more than {MOST_VALUES:,} values", hint="Take larger steps.")
    return axis


def _range(
    key: str, first: str, last: str | None, step: str | None, end: str | None
) -> Axis | None:
    if last is None and "." in f"{first}{end}":
        low, high = float(first), float(end or "")
        return Axis(key, low=low, high=high) if low < high else None
    lowest, highest, width = Decimal(first), Decimal(last or end or ""), Decimal(step or 1)
    if not (lowest < highest and width > 0):
        return None
    count = min(int((highest - lowest) / width), MOST_VALUES) + 1
    values = tuple(f"{lowest + number * width:f}" for number in range(count))
    return Axis(key, values, ordered=True)


def grid(axes: Sequence[Axis]) -> list[dict[str, str]]:
    """Every combination, the last axis fastest; all axes have values."""
    keys = [axis.key for axis in axes]
    return [
        dict(zip(keys, values, strict=True)) for values in product(*(axis.values for axis in axes))
    ]


def grid_size(axes: Sequence[Axis]) -> int:
    return math.prod(len(axis.values) for axis in axes)


class DayWindow(NamedTuple):
    """Days to choose a set by, and the later days that it is tested on."""

    train: tuple[date, ...]
    test: tuple[date, ...]

    @property
    def days(self) -> tuple[date, ...]:
        return self.train + self.test


def windows(days: Sequence[date], train: int, test: int) -> tuple[DayWindow, ...]:
    """Walk forward: `train` days, then `test` days; the next window begins `test` days later. With
    no test days there is one window. Days at the end that fill no window are left out."""
    found = []
    for begin in range(0, len(days) - train - test + 1, test or len(days)):
        middle, end = begin + train, begin + train + test
        found.append(DayWindow(tuple(days[begin:middle]), tuple(days[middle:end])))
    return tuple(found)


def held_back(days: int) -> int:
    """How many days are kept for the test unless a number is given: a fifth."""
    return days // 5


def score(objective: Objective, rates: Sequence[Sequence[float]]) -> float | None:
    """The figure of a set; `rates` are the daily returns as fractions, one row for each seed.

    return: the compounded return in percent, the mean of the seeds. sharpe, sortino: of all days of
    all seeds together, annualised. None when it is not defined."""
    rows = [row for row in rates if row]
    if not rows:
        return None
    if objective == "return":
        grown = [performance.total_return(row) or 0.0 for row in rows]
        return round(100 * math.fsum(grown) / len(grown), 4)
    together = [rate for row in rows for rate in row]
    of = performance.sharpe if objective == "sharpe" else performance.sortino
    found = of(together)
    return None if found is None else round(found, 4)


def set_text(chosen: Mapping[str, str]) -> str:
    """A set in one line, by the last part of each key."""
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in chosen.items())
