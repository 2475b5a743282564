"""kt status: what runs, what stops it, what is held, open and unknown; asks the broker nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt.cli.lazy import command, pass_session

if TYPE_CHECKING:
    from kt.cli.session import Session
    from kt.steps.context import Context


@command(
    "status",
    help="""Show whether `kt run` runs, which stop is in force, what is held, open and
    unknown, and today's result; from the journal, without asking the broker.
    Prints an `events` document in a pipe.
    """,
)
@pass_session
def status(session: Session) -> None:
    run_status(session)


def run_status(session: Session) -> None:
    from kt.cli.documents import emit

    ctx = session.context("status")
    emit(session, "events", [read_status(session, ctx)], run=ctx.run)


def read_status(session: Session, ctx: Context) -> dict[str, Any]:
    """One row; times as ISO text, money in won."""
    from kt.cli.instance import holder
    from kt.records import OPEN_STATES, UNRESOLVED_STATES

    today = ctx.clock.now().date()
    stop = ctx.journal.stop()
    positions = ctx.journal.positions()
    orders = ctx.journal.orders(day=today)
    runner = holder(session.profile_folder)
    return {
        "kind": "status",
        "profile": ctx.profile,
        "time": ctx.clock.now().isoformat(timespec="seconds"),
        "running": runner is not None,
        "pid": runner.pid if runner else None,
        "since": runner.since if runner else None,
        "command": runner.command if runner else None,
        "stop": stop.mode.value,
        "stop_reason": stop.reason if stop.mode != "running" else "",
        "stop_until": stop.until and stop.until.isoformat(),
        "positions": len(positions),
        "invested": sum(position.cost for position in positions),
        "unrealised": sum(position.profit for position in positions),
        "realised_today": sum(
            trade.profit for trade in ctx.journal.trades(since=today, until=today)
        ),
        "orders_today": len(orders),
        "orders_open": sum(order.state in OPEN_STATES for order in orders),
        "orders_unknown": len(ctx.journal.orders(states=UNRESOLVED_STATES)),
        "locked": [lock.stock_code for lock in ctx.journal.locks()],
        "analyst": ctx.analyst.name,
        "dry_run": ctx.config.dry_run,
        "state_folder": str(session.profile_folder),
    }
