"""kt run: one trading cycle or the whole day, one process per profile. Imports no other command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import Busy, UsageError
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "run",
    help="""Trade automatically: scan, analyze, check, order, track fills, manage positions.

    \b
      kt run                       the trading day, until Ctrl-C
      kt run --until-close         today only, then the report
      kt run --once                one cycle, then the report
      kt run --dry-run             everything but sending orders

    Starts by reconciling with the broker, and ends cleanly on Ctrl-C, SIGTERM and
    SIGHUP. One instance can run per profile. Prints an `events` document in a pipe.
    """,
)
@click.option("--once", is_flag=True, help="One cycle, then the report.")
@click.option("--until-close", is_flag=True, help="End after today's settlement.")
@click.option(
    "--skip-if-running", is_flag=True, help="Exit with 0 if another kt run is active (for cron)."
)
@click.option("--replay-analyst", is_flag=True, help="Take the analyst's answers from the journal.")
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Record the run in a new file, for `kt replay`.",
)
@pass_cli
def run(
    cli: CliContext,
    once: bool,
    until_close: bool,
    skip_if_running: bool,
    replay_analyst: bool,
    record: Path | None,
) -> None:
    from kt.cli.support.run_lock import only_one

    cli.app.replaying = replay_analyst
    if once and until_close:
        raise UsageError("give --once or --until-close, not both")
    if cli.output == "md":
        raise UsageError("a run cannot be written as md", hint="`kt report -o md` is the day's.")
    allow(cli)
    name = "run --once" if once else "run"
    try:
        with only_one(cli.app.paths, name, cli.app.clock.now()) as own:
            if record is not None:
                cli.app.record(record, f"{name} --until-close" if until_close else name)
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
            _raise_if_silent(cli)
        if not (skip_if_running and busy.code == "RUNNING"):
            raise
        cli.say(f"{busy.message}; nothing was done")


def _raise_if_silent(cli: CliContext) -> None:
    """Raises Busy when the run that holds the lock shows no activity, so that a second run (and
    cron's mail) reports the hanging one."""
    from kt.cli.support.exit_watch import read_watch

    watch = read_watch(cli)
    if watch.silent:
        raise Busy(watch.silence, hint=watch.remedy, code="SILENT")


def allow(cli: CliContext) -> None:
    """Ask once, before the first order, for all orders of the run. Raises Denied without a yes."""
    from kt.cli.show.cells import money
    from kt.cli.show.width import paragraph
    from kt.cli.support import confirmation

    if cli.config.profile == "sim":
        confirmation.require_live(cli)
        return
    limits = cli.config.limits
    preview = (
        f"kt trades automatically on the profile {cli.config.profile}: at most "
        f"{money(limits.per_stock)} won per stock, {money(limits.total)} won in total, "
        f"{money(limits.daily_loss)} won loss per day."
    )
    confirmation.confirm(cli, paragraph(tr(preview), cli.console.width), "Start?")
