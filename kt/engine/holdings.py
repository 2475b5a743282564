"""The broker's holdings compared with kt's books."""

from __future__ import annotations

from collections.abc import Iterable

from kt.engine import emergency
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.timers import Timer
from kt.records import BalanceNotice
from kt.rules.emergency_triggers import Alarm
from kt.steps.reconcile import position_reconciliation
from kt.steps.results import Difference


def on_balance(runtime: Runtime, notice: BalanceNotice) -> None:
    """A balance frame that differs from the books: query the broker's order lists at once."""
    state = runtime.state
    state.balances[notice.stock_code] = notice
    ours = state.positions.get(notice.stock_code)
    if notice.quantity != (ours.quantity if ours else 0):
        runtime.timers.fire_now(Timer.LOOK, runtime.seconds)


def _compared(runtime: Runtime, differences: Iterable[Difference]) -> None:
    """Announce differences; one that nothing explains and that lasted long enough is an
    emergency."""
    runtime.state.refresh(runtime.ctx)
    for difference in differences:
        runtime.say(difference.text())
        if difference.alarming:
            emergency.raise_alarm(runtime, Alarm("MISMATCH", difference.text()))


BOOKS = Job(
    "books", "the look at the holdings", position_reconciliation.reconcile_positions, _compared
)
