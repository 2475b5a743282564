"""Writes tests/data/indicators/vectors.json: what TA-Lib (and `ta` for the VWAP) computes.

    python -m venv v && v/bin/pip install TA-Lib==0.8.2 ta==0.11.0
    v/bin/python tests/tools/make_indicator_vectors.py

The libraries bring pandas with them, too much for the tests' extra, so their values are kept. The
bars are random walks of whole won from a fixed seed; null = too few bars for it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any

OUT = Path(__file__).parents[1] / "data" / "indicators" / "vectors.json"
LENGTHS = (1, 5, 14, 15, 20, 33, 34, 60, 120)


def bars(seed: int, count: int, step: float) -> list[list[int]]:
    """[open, high, low, close, volume] of each bar."""
    rng, price, found = Random(seed), 50_000.0, []
    for _ in range(count):
        opening = price * (1 + rng.gauss(0, 2 * step))  # a gap, which a true range includes
        price = max(1_000.0, opening * (1 + rng.gauss(0, step)))
        high = max(opening, price) * (1 + abs(rng.gauss(0, step / 2)))
        low = min(opening, price) * (1 - abs(rng.gauss(0, step / 2)))
        volume = rng.randrange(1_000, 900_000)
        found.append([round(opening), round(high), round(low), round(price), volume])
    return found


def vector(rows: list[list[int]]) -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    import talib
    from ta.volume import VolumeWeightedAveragePrice

    _, highs, lows, closes, volumes = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    line, signal, histogram = talib.MACD(closes)
    upper, _, lower = talib.BBANDS(closes, timeperiod=20) if len(rows) >= 20 else ([None],) * 3
    frame = [pd.Series(values) for values in (highs, lows, closes, volumes)]
    found = {
        "sma_5": talib.SMA(closes, 5),
        "sma_20": talib.SMA(closes, 20),
        "sma_60": talib.SMA(closes, 60),
        "rsi": talib.RSI(closes, 14),
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "bollinger_lower": lower,
        "bollinger_upper": upper,
        "atr": talib.ATR(highs, lows, closes, 14),
        "vwap": VolumeWeightedAveragePrice(*frame, window=len(rows)).vwap.to_numpy(),
    }
    return {"bars": rows} | {name: told(values[-1]) for name, values in found.items()}


def told(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def main() -> None:
    made = [vector(bars(length, length, step)) for length in LENGTHS for step in (0.004, 0.03)]
    made.append(vector([[70_000, 70_000, 70_000, 70_000, 10]] * 60))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(row) for row in made) + "\n]\n")


if __name__ == "__main__":
    main()
