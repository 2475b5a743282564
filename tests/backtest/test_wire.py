"""Wire and no wire agree: the same short day over sockets at the speed of the wall clock and in one
process on the virtual clock has the same decisions and orders. What may differ, and why, is in
docs/virtual-clock.md#wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.backtest import wire_day
from tests.backtest.wire_day import rows

pytestmark = pytest.mark.timeout(240)

DECISIONS = """
    SELECT action, stock_code, quantity, price, confidence, risk_level, reference_price, reason
    FROM decisions ORDER BY seq
"""
CHECKS = """
    SELECT stock_code, passed, denied_by, side, quantity, price, order_type
    FROM checks WHERE action = 'BUY' ORDER BY seq
"""
BUYS = """
    SELECT stock_code, order_type, quantity, planned_price, state, filled_quantity, filled_value,
           origin, ord_no
    FROM orders WHERE side = 'BUY' ORDER BY seq
"""
SALES = """
    SELECT stock_code, order_type, quantity, planned_price, state, filled_quantity, filled_value,
           origin
    FROM orders WHERE side = 'SELL' ORDER BY stock_code
"""
TIMES = "SELECT side, created_at FROM orders"


@pytest.fixture(scope="module")
def _days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("days")
    live = wire_day.over_sockets(folder / "live", lambda line: None)
    yield live, wire_day.in_one_process(folder / "virtual", lambda line: None)


def test_the_same_decisions_and_the_same_orders(_days: tuple[Path, Path]) -> None:
    live, virtual = _days
    decided = changes(rows(live, DECISIONS))
    assert decided == changes(rows(virtual, DECISIONS))
    assert [row[0] for row in decided].count("BUY") > 1, "something was decided"
    for sql in (CHECKS, BUYS, SALES):
        assert rows(live, sql) == rows(virtual, sql)
        assert len(rows(live, sql)) > 1, "something was bought, and an exit sold it"
    for journal in (live, virtual):
        for side, at in rows(journal, TIMES):
            moved = datetime.fromisoformat(at) >= wire_day.STEP
            assert moved == (side == "SELL"), "each within the same step of the market"


def changes(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each decision that differs from the one about the same stock before it: how many cycles
    there were is a matter of speed."""
    last: dict[str, tuple[Any, ...]] = {}
    kept = []
    for row in found:
        if last.get(row[1]) != row:
            kept.append(row)
        last[row[1]] = row
    return kept
