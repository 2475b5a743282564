"""kt status: the run, stops, positions, open and unknown orders, from the journal only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import Whole
from kt.errors import KtError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.cli.support.exit_watch import Watch
    from kt.records import Position
    from kt.steps.context import Context


@command(
    "status",
    help="""Show whether `kt run` is running and responsive, who monitors the exits of
    held positions, which stop is in force, open and unknown orders, and today's
    result; from the journal, without asking the broker.
    Prints an `events` document in a pipe.

    For a monitor, --max-age 60 exits with 1 when neither `kt run` has given a sign
    of life nor `kt run --once` has looked at the exits within so many seconds
    (`kt run` gives one every 30; with cron take 120).
    """,
)
@click.option(
    "--max-age",
    type=Whole(1, 86_400),
    metavar="SECONDS",
    help="Exit with 1 without a sign of life that is so fresh.",
)
@pass_cli
def status(cli: CliContext, max_age: int | None) -> None:
    from kt.cli.support.exit_watch import read_watch, warn
    from kt.cli.support.pipe_documents import emit

    ctx = cli.context("status")
    watch = read_watch(cli)
    row = read_status(cli, ctx, watch)
    emit(cli, "events", [row], run=ctx.run)
    warn(cli, watch, row["unwatched"])
    if max_age is not None:
        _alive(ctx, watch, max_age)


def _alive(ctx: Context, watch: Watch, max_age: int) -> None:
    """Raises KtError without a sign of life of these last seconds, in the clock's time."""
    from kt.cli.support.exit_watch import HELP

    signs = [at for at in (watch.runner and watch.seen, watch.cron) if at]
    if not signs:
        raise KtError("no sign of life: no `kt run` is at work", hint=HELP)
    age = (ctx.clock.now() - max(signs)).total_seconds()
    if age > max_age:
        raise KtError(
            f"the last sign of life is {age:,.0f} s old, at most {max_age:,} s is allowed",
            hint=watch.remedy if watch.silent else HELP,
        )


def read_status(cli: CliContext, ctx: Context, watch: Watch) -> dict[str, Any]:
    """One row; times as ISO text, money in won. `running` means running and responsive."""
    from kt.records import OPEN_STATES, UNRESOLVED_STATES

    today = ctx.clock.now().date()
    stop = ctx.journal.stop()
    positions = ctx.journal.positions()
    orders = ctx.journal.orders(day=today)
    runner = watch.runner
    return {
        "kind": "status",
        "profile": ctx.profile,
        "time": ctx.clock.now().isoformat(timespec="seconds"),
        "running": runner is not None and not watch.silent,
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
        "doubted": [doubt.stock_code for doubt in ctx.journal.doubts()],
        "locked": [lock.stock_code for lock in ctx.journal.locks()],
        **analyst(ctx),
        "dry_run": ctx.config.dry_run,
        "state_folder": str(cli.paths.folder),
        **watched(watch, positions),
    }


def analyst(ctx: Context) -> dict[str, Any]:
    """The configured analyst and its usage today."""
    from kt.steps.analyst_outages import health

    found = health(ctx.journal, ctx.analyst, ctx.clock.now())
    until = found.paused_until
    return {
        "analyst": ctx.analyst.name,
        "analyst_model": ctx.analyst.model,
        "analyst_asked": found.asked,
        "analyst_failed": found.failed,
        "analyst_error": found.error,
        "analyst_paused_until": until and until.isoformat(timespec="seconds"),
        "analyst_tokens": found.tokens,
        "analyst_usd": round(found.usd, 6),
    }


def watched(watch: Watch, positions: Sequence[Position]) -> dict[str, Any]:
    """Whether the run is responsive, and who monitors the exits of held positions."""
    return {
        "silent": watch.silent,
        "heartbeat": watch.seen and watch.seen.isoformat(timespec="seconds"),
        "heartbeat_age": round(watch.age) if watch.seen else None,
        "watched_by": watch.by,
        "unwatched": watch.unwatched(positions),
    }
