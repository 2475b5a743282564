"""The scans beat random picks where the market has signals, and do not where it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.steps.scan_proof import STAGES, TIMES, excess, look

DAYS = range(1, 21)


def test_the_picks_of_one_morning_beat_random_ones_by_the_signals_alone(tmp_path: Path) -> None:
    gain = {}
    for signals in (True, False):
        found = look(tmp_path / str(signals), 1, TIMES[0], signals=signals)
        gain[signals] = found.by_stage["ai"] - found.random
    assert gain[True] > 0.5
    assert abs(gain[False]) < 0.5


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("signals", [True, False])
def test_twenty_days(tmp_path: Path, signals: bool) -> None:
    moments = [
        look(tmp_path / f"{seed}-{time:%H}", seed, time, signals=signals)
        for seed in DAYS
        for time in TIMES
    ]
    found = [excess(moments, stage) for stage in STAGES]
    print(f"\nsignals {'on' if signals else 'off'}: {len(DAYS)} days, {len(moments)} scans")
    print("\n".join(map(str, found)))
    for one in found[1:]:  # the fast scan alone is not expected to choose well
        if signals:
            assert one.low > 0
        else:
            assert one.low < 0 < one.high
