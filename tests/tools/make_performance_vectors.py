"""Writes tests/data/performance/empyrical.json: what empyrical-reloaded 0.7.1 makes of returns.

    python -m venv v && v/bin/pip install empyrical-reloaded==0.7.1
    v/bin/python tests/tools/make_performance_vectors.py

The library brings 337 MB with it, too much for the tests' extra, so its figures are kept instead.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "data" / "performance" / "empyrical.json"


def series() -> list[list[float]]:
    """Quiet, wild, falling, rising and short series; some days without a change."""
    draw = random.Random(12)
    found: list[list[float]] = [[], [0.01], [-0.02], [0.01, -0.01], [0.0, 0.0, 0.0]]
    found += [[0.01, 0.02, 0.03], [-0.01, -0.02, -0.03], [0.5, -0.9, 2.0], [0.0, -0.05, 0.0]]
    for days, spread, drift in (
        (5, 0.01, 0),
        (21, 0.02, 0.001),
        (63, 0.005, -0.001),
        (252, 0.03, 0),
    ):
        found += [[round(draw.gauss(drift, spread), 8) for _ in range(days)] for _ in range(3)]
    return found


def vector(returns: list[float]) -> dict[str, Any]:
    import empyrical
    import numpy

    values = numpy.array(returns)

    def told(figure: float) -> float | None:
        return float(figure) if math.isfinite(figure) else None

    with numpy.errstate(all="ignore"):
        return {
            "returns": returns,
            "total_return": told(empyrical.cum_returns_final(values)) if returns else None,
            "max_drawdown": told(empyrical.max_drawdown(values)),
            "sharpe": told(empyrical.sharpe_ratio(values)),
            "sortino": told(empyrical.sortino_ratio(values)),
        }


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    rows = [json.dumps(vector(returns)) for returns in series()]
    TARGET.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
