"""Minute bars made for tests: small tables of CSV, of which every figure is known or drawn from a
fixed seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

from kt.records import KST
from kt.rules import ticks
from kt.sim.market.draw import snap

HEADER = "code,at,open,high,low,close,volume\n"
DAYS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
"""Three trading days; the first one's closes are base prices."""

Line = tuple[str, datetime, int, int, int, int, int]
"""code, at, open, high, low, close, volume."""


def at(day: date, minute: int) -> datetime:
    """A time so many minutes after 09:00."""
    return datetime.combine(day, time(9), KST) + timedelta(minutes=minute)


def walk(
    code: str, start: int, days: Sequence[date], seed: int, minutes: Iterable[int] = range(380)
) -> list[Line]:
    """A random walk with a closing auction a day: rises of some minutes on a large volume."""
    rng, price, found = Random(f"{code}:{seed}"), start, []
    minutes = tuple(minutes)
    for day in days:
        lift = {minute: 0.0 for minute in minutes}
        for begun in (72, 76, 80, 200):  # rises begin at about 10:12 and 12:20
            length = rng.randrange(8, 16)
            lift |= {minute: 0.002 for minute in range(begun, begun + length) if minute in lift}
        for minute in minutes:
            close = snap(price * (1 + lift[minute] + rng.gauss(0, 0.0006)))
            tick = ticks.tick_size(price)
            high = max(price, close) + tick * rng.randrange(3)
            low = min(price, close) - tick * rng.randrange(3)
            volume = rng.randrange(2_000, 4_000) * (8 if lift[minute] else 1)
            found.append((code, at(day, minute), price, high, low, close, volume))
            price = close
        found.append((code, at(day, 390), price, price, price, price, 50_000))
        price = snap(price * (1 + rng.gauss(-0.01, 0.005)))
    return found


def write(path: Path, lines: Iterable[Line]) -> Path:
    """The lines as a CSV file."""
    rows = (
        ",".join([code, f"{moment:%Y-%m-%dT%H:%M}", *map(str, figures)])
        for code, moment, *figures in lines
    )
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def other_future(lines: Iterable[Line], since: datetime, seed: int = 5) -> list[Line]:
    """The same lines up to `since`, and another market from then on: other prices and volumes,
    and some minutes without trades."""
    rng, found = Random(seed), []
    for line in lines:
        code, moment, opening, _, _, close, volume = line
        if moment < since:
            found.append(line)
        elif rng.random() < 0.9:
            price = snap((opening + close) / 2 * (1 + 0.04 * rng.random() - 0.02))
            found.append((code, moment, price, price, price, price, volume // 3 + 1))
    return found
