"""kt run: one trading cycle, or the whole trading day; one at a time for each profile."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_session
from kt.errors import AuthError, Busy, Halted, KtError, OutcomeUnknown, Unreachable, UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.engine.cycle import CycleReport, StepSummary
    from kt.engine.feed import Feed
    from kt.records import StreamEvent
    from kt.steps.context import Context


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
@click.option(
    "--replay-analyst", is_flag=True, help="The journal answers for the analyst; nobody is asked."
)
@pass_session
def run(
    session: CliContext,
    once: bool,
    until_close: bool,
    skip_if_running: bool,
    replay_analyst: bool,
) -> None:
    from kt.cli.support.run_lock import only_one

    session.app.replaying = replay_analyst
    if once and until_close:
        raise UsageError("give --once or --until-close, not both")
    allow(session)
    name = "run --once" if once else "run"
    try:
        with only_one(session.app.paths, name, session.app.clock.now()) as own:
            ctx = session.context(name)
            own.add("database", session.app.database)
            if once:
                run_once(session, ctx, own.still_ours)
            else:
                from kt.cli.commands.trading_day import run_day

                run_day(session, ctx, own.still_ours, until_close=until_close)
    except Busy as busy:
        if busy.code == "RUNNING":
            _alive(session)
        if not (skip_if_running and busy.code == "RUNNING"):
            raise
        session.say(f"{busy.message}; nothing was done")


def _alive(session: CliContext) -> None:
    """Who is kept out by a run that hangs must hear that, cron's mail above all. Raises Busy."""
    from kt.cli.support.exit_watch import look

    watch = look(session)
    if watch.silent:
        raise Busy(watch.silence, hint=watch.remedy, code="SILENT")


def allow(session: CliContext) -> None:
    """Real money needs its yes before the first order, and one that covers all of them."""
    from kt.cli.show.cells import money
    from kt.cli.show.width import paragraph
    from kt.cli.support import confirmation

    if session.config.profile == "sim":
        confirmation.require_live(session)
        return
    limits = session.config.limits
    preview = (
        f"kt trades by itself on the profile {session.config.profile}: at most "
        f"{money(limits.per_stock)} won a stock, {money(limits.total)} won in all, "
        f"{money(limits.daily_loss)} won loss a day."
    )
    confirmation.confirm(session, paragraph(preview, session.console.width), "Start?")


def run_once(session: CliContext, ctx: Context, still_ours: Callable[[], str | None]) -> None:
    from kt.cli.order.sending import sending
    from kt.engine.cycle import run_cycle
    from kt.engine.emergency import tell_disowned

    def announce(step: StepSummary) -> None:
        progress(session, step)
        ctx.journal.heartbeat(ctx.run, step.name, ctx.clock.now())
        if lost := still_ours():
            raise tell_disowned(ctx, lost)

    events: queue.Queue[StreamEvent] = queue.Queue()
    with feeding(session, ctx, events) as feed, sending(ctx):
        report = run_cycle(ctx, events, watch=feed.watch, announce=announce)
    _show(session, ctx, report)
    raise_for(ctx, report)


@contextmanager
def feeding(session: CliContext, ctx: Context, events: queue.Queue[StreamEvent]) -> Iterator[Feed]:
    """The stream of one cycle; without it orders are followed by the broker's lists."""
    from kt.engine.feed import Feed

    feed = Feed(ctx, session.app.stream, events.put)
    try:
        feed.start()
    except (Unreachable, AuthError) as error:
        session.say(f"no live stream ({error.message}); asking the broker's lists instead")
    try:
        yield feed
    finally:
        feed.drop()


def progress(session: CliContext, step: StepSummary) -> None:
    """One line a step, to stderr, as it ends."""
    from kt.cli.show.width import paragraph
    from kt.text import visible

    mark = "" if step.outcome == "done" else f"{step.outcome}: "
    head = f"{step.name:<10} {step.seconds:6.1f} s  "
    text = paragraph(f"{mark}{visible(step.detail)}", session.console.width, taken=len(head))
    session.console.say(head + text)


def _show(session: CliContext, ctx: Context, report: CycleReport) -> None:
    from kt.cli.show.report import report_row, report_text
    from kt.cli.support.pipe_documents import emit

    if session.output == "table":
        session.console.show("\n" + report_text(ctx, report, session.console))
    else:
        emit(session, "events", [report_row(ctx, report)], run=ctx.run)


def raise_for(ctx: Context, report: CycleReport) -> None:
    """What a script must know: an unknown order first, then a halt, then failed steps."""
    from kt.rules.risk.stop_rules import halts

    if report.unknown:
        lost = report.unknown[0]
        raise OutcomeUnknown(
            f"nobody knows what became of {len(report.unknown)} order(s), the first is "
            f"{lost.side} {lost.stock_code} ({lost.order_id})",
            hint="Do not send it again; see `kt order list --unknown`.",
        )
    stop = ctx.journal.stop()
    if halts(stop.mode):
        raise Halted(f"kt is halted: {stop.reason}", hint="`kt resume` is the way back.")
    if report.failed:
        names = ", ".join(step.name for step in report.failed)
        raise KtError(f"{len(report.failed)} step(s) failed: {names}", hint="See `kt log`.")
