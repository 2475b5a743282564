"""Results as text for a terminal: one table layout per document kind. No I/O, no steps, and of the
rest of the command line only the Console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.show import (
    account,
    backtest,
    comparison_table,
    daily,
    decisions,
    latency_table,
    orders,
    pnl,
    sweep,
    trail,
)

if TYPE_CHECKING:
    from kt.cli.support.console import Console

LAYOUTS: dict[str, Callable[[Sequence[Any], Console], str]] = {
    "candidates": decisions.candidates,
    "decisions": decisions.decisions,
    "checks": decisions.checks,
    "orders": orders.orders,
    "fills": orders.fills,
    "positions": account.positions,
    "balance": account.balance,
    "pnl": pnl.pnl,
    "reports": daily.reports,
    "trails": trail.trails,
    "backtests": backtest.backtests,
    "sweeps": sweep.sweeps,
    "latencies": latency_table.latencies,
    "comparisons": comparison_table.comparisons,
    "events": pnl.events,
}


def table_of(kind: str, items: Sequence[Any], console: Console) -> str:
    """The table of one document's items, with a newline at its end."""
    return LAYOUTS[kind](items, console)
