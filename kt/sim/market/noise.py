"""Pseudo-random numbers that are the same on every machine: exact arithmetic only, no libm."""

from __future__ import annotations

import hashlib
import random

_MASK = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """A 64-bit key for a name, such as (seed, stock code)."""
    text = ":".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def scatter(key: int, step: int) -> int:
    """64 pseudo-random bits for one step of a key (the splitmix64 finalizer)."""
    z = (key + step * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def share(key: int, step: int) -> float:
    """A uniform number in [0, 1)."""
    return (scatter(key, step) >> 11) / (1 << 53)


def hundredths(value: float) -> float:
    """`round(value, 2)`, but faster: only ties need its exact decimals."""
    scaled = abs(value) * 100
    whole = int(scaled + 0.5)
    if whole and 1e-5 < abs(scaled - whole + 0.5) < 1 - 1e-5 and scaled < 1e9:
        return whole / 100 if value > 0 else -whole / 100
    return round(value, 2)


def bell(key: int, step: int) -> float:
    """An approximately normal number: mean 0, standard deviation 1, never beyond 3.5."""
    bits = scatter(key, step)
    total = (
        (bits & 0xFFFF)
        + ((bits >> 16) & 0xFFFF)
        + ((bits >> 32) & 0xFFFF)
        + ((bits >> 48) & 0xFFFF)
    )
    return (total / 65536 - 2) * 1.7320508075688772


def bells(rng: random.Random, count: int) -> list[float]:
    """`count` approximately normal numbers with standard deviation 1, fast in pure Python.

    random.gauss() uses log and cos, whose last bit differs between C libraries.
    """
    draw = rng.random
    return [(draw() + draw() + draw() - 1.5) * 2 for _ in range(count)]
