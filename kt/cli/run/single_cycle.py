"""`kt run --once`: one trading cycle, its progress on stderr, its report."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kt.errors import AuthError, Halted, KtError, OutcomeUnknown, Unreachable

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.engine.cycle import CycleReport, StepSummary
    from kt.engine.feed import Feed
    from kt.records import StreamEvent
    from kt.steps.context import Context


def run_once(cli: CliContext, ctx: Context, still_ours: Callable[[], str | None]) -> None:
    from kt.cli.support.sending import sending
    from kt.engine.cycle import run_cycle
    from kt.engine.emergency import tell_disowned

    def announce(step: StepSummary) -> None:
        progress(cli, step)
        ctx.journal.heartbeat(ctx.run, step.name, ctx.clock.now())
        if lost := still_ours():
            raise tell_disowned(ctx, lost)

    events: queue.Queue[StreamEvent] = queue.Queue()
    with feeding(cli, ctx, events) as feed, sending(ctx):
        report = run_cycle(ctx, events, watch=feed.watch, announce=announce)
    _show(cli, ctx, report)
    raise_for(ctx, report)


@contextmanager
def feeding(cli: CliContext, ctx: Context, events: queue.Queue[StreamEvent]) -> Iterator[Feed]:
    """The live stream for one cycle; without it, fills are tracked by polling the broker."""
    from kt.engine.feed import Feed

    feed = Feed(ctx, cli.app.stream, events.put)
    try:
        feed.start()
    except (Unreachable, AuthError) as error:
        cli.say(f"no live stream ({error.message}); polling the broker instead")
    try:
        yield feed
    finally:
        feed.drop()


def progress(cli: CliContext, step: StepSummary) -> None:
    """One line per finished step, to stderr."""
    from kt.cli.show.width import paragraph
    from kt.text import visible
    from kt.translation import tr

    mark = "" if step.outcome == "done" else f"{step.outcome}: "
    head = f"{step.name:<10} {step.seconds:6.1f} s  "
    text = paragraph(f"{mark}{visible(tr(step.detail))}", cli.console.width, taken=len(head))
    cli.console.say(head + text)


def _show(cli: CliContext, ctx: Context, report: CycleReport) -> None:
    from kt.cli.show.cycle_report import report_row, report_text
    from kt.cli.support.pipe_documents import emit

    if cli.output == "table":
        cli.console.show("\n" + report_text(ctx, report, cli.console))
    else:
        emit(cli, "events", [report_row(ctx, report)], run=ctx.run)


def raise_for(ctx: Context, report: CycleReport) -> None:
    """Raise for the exit code: unknown orders first, then a halt, then failed steps."""
    from kt.rules.risk.stop_rules import halts

    if report.unknown:
        lost = report.unknown[0]
        raise OutcomeUnknown(
            f"the outcome of {len(report.unknown)} order(s) is unknown, the first is "
            f"{lost.side} {lost.stock_code} ({lost.order_id})",
            hint="Do not send it again; see `kt order list --unknown`.",
        )
    stop = ctx.journal.stop()
    if halts(stop.mode):
        raise Halted(f"kt is halted: {stop.reason}", hint="`kt resume` ends the halt.")
    if report.failed:
        names = ", ".join(step.name for step in report.failed)
        raise KtError(f"{len(report.failed)} step(s) failed: {names}", hint="See `kt log`.")
