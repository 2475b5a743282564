"""kt run: one trading cycle or the whole day, one process per profile. Imports no other command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import Busy, UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "run",
    help="""Trade by itself: scan, analyze, check, order, follow, manage what is held.

    \b
      kt run                       the trading day, until Ctrl-C
      kt run --until-close         today only, then the report
      kt run --once                one cycle, then the report
      kt run --dry-run             everything but sending orders

    Begins by settling what was left open, and ends cleanly on Ctrl-C, SIGTERM
    and SIGHUP.
    One instance runs for each profile. Prints an `events` document in a pipe.
    """,
)
@click.option("--once", is_flag=True, help="One cycle, then the report.")
@click.option("--until-close", is_flag=True, help="End after today's settlement.")
@click.option(
    "--skip-if-running", is_flag=True, help="Exit with 0 when another kt run is at work (cron)."
)
@pass_cli
def run(cli: CliContext, once: bool, until_close: bool, skip_if_running: bool) -> None:
    from kt.cli.support.run_lock import only_one

    if once and until_close:
        raise UsageError("give --once or --until-close, not both")
    allow(cli)
    name = "run --once" if once else "run"
    try:
        with only_one(cli.app.paths, name, cli.app.clock.now()) as own:
            ctx = cli.context(name)
            own.add("database", cli.app.database)
            if once:
                from kt.cli.run.single_cycle import run_once

                run_once(cli, ctx, own.still_ours)
            else:
                from kt.cli.run.trading_day import run_day

                run_day(cli, ctx, own.still_ours, until_close=until_close)
    except Busy as busy:
        if busy.code == "RUNNING":
            _alive(cli)
        if not (skip_if_running and busy.code == "RUNNING"):
            raise
        cli.say(f"{busy.message}; nothing was done")


def _alive(cli: CliContext) -> None:
    """Who is kept out by a run that hangs must hear that, cron's mail above all. Raises Busy."""
    from kt.cli.support.exit_watch import look

    watch = look(cli)
    if watch.silent:
        raise Busy(watch.silence, hint=watch.remedy, code="SILENT")


def allow(cli: CliContext) -> None:
    """Real money needs its yes before the first order, and one that covers all of them."""
    from kt.cli.show.cells import money
    from kt.cli.show.width import paragraph
    from kt.cli.support import confirmation

    if cli.config.profile == "sim":
        confirmation.require_live(cli)
        return
    limits = cli.config.limits
    preview = (
        f"kt trades by itself on the profile {cli.config.profile}: at most "
        f"{money(limits.per_stock)} won a stock, {money(limits.total)} won in all, "
        f"{money(limits.daily_loss)} won loss a day."
    )
    confirmation.confirm(cli, paragraph(preview, cli.console.width), "Start?")
