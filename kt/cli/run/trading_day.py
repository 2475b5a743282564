"""`kt run`: the trading day with its progress on stderr, its signal handling and its report."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from kt.cli.support.termination import calm, caught, hurry
from kt.errors import (
    AuthError,
    BrokerRefused,
    Denied,
    ExitCode,
    Halted,
    KtError,
    OutcomeUnknown,
    Unreachable,
)
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.engine.day import Day
    from kt.engine.state import DayReport
    from kt.steps.context import Context

READABLE = 0o644
"""The metrics file is for another program, which runs as another user; it holds no secret."""
_ERRORS: dict[ExitCode, type[KtError]] = {
    kind.exit_code: kind
    for kind in (KtError, AuthError, Denied, Halted, OutcomeUnknown, BrokerRefused, Unreachable)
}


def run_day(
    cli: CliContext,
    ctx: Context,
    still_ours: Callable[[], str | None],
    *,
    until_close: bool,
) -> None:
    """Trade until the day ends or a signal ends it, then print the report.

    Ctrl-C, SIGTERM and SIGHUP end it in order, with exit code 0. A second signal ends it at once,
    and so does SIGTERM or SIGHUP when the day does not end in time; an order that was being sent
    then has an unknown outcome.
    """
    from kt.cli.support.sending import sending
    from kt.engine.day import Day

    day = Day(
        ctx,
        cli.app.stream,
        until_close=until_close,
        announce=cli.say,
        still_ours=still_ours,
        publish=publisher(cli),
    )
    cli.say(f"trading on {ctx.profile}; Ctrl-C ends it")
    with sending(ctx), stopping(day):
        report = day.run()
    _show(cli, ctx, report)
    if report.exit_code is not ExitCode.DONE:
        raise _ERRORS.get(report.exit_code, KtError)(
            f"the run ended: {report.ended}", hint="See `kt doctor` and `kt log`."
        )
    lost = ctx.journal.orders(states=("UNKNOWN",))
    if lost:
        raise OutcomeUnknown(
            f"the outcome of {len(lost)} order(s) is unknown",
            hint="See `kt order list --unknown`.",
        )


def publisher(cli: CliContext) -> Callable[[str], None] | None:
    """Writes the figures to `notify.metrics_file`; says once why it cannot."""
    from kt.config.load import at_home
    from kt.files import replace_private, trouble

    if not cli.config.notify.metrics_file:
        return None
    path = at_home(cli.config.notify.metrics_file)
    said: set[str] = set()

    def publish(text: str) -> None:
        try:
            replace_private(path, text.encode(), mode=READABLE)
            said.clear()
        except OSError as error:
            why, advice = trouble(error, "name another file: notify.metrics_file")
            if why not in said:
                cli.say(f"the metrics file {path} cannot be written: {why}; {advice}")
            said.add(why)

    return publish


@contextmanager
def stopping(day: Day) -> Iterator[None]:
    """Handle the signals by stopping the day after the current event."""
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        for one, handler in before.items():
            signal.signal(one, signal.default_int_handler if one is signal.SIGINT else handler)
        if number != signal.SIGINT:
            hurry(number)
        day.stop(signal.Signals(number).name)

    for one in (signal.SIGINT, *caught()):
        before[one] = signal.signal(one, stop)
    try:
        yield
    finally:
        calm()
        for one, handler in before.items():
            signal.signal(one, handler)


def _show(cli: CliContext, ctx: Context, report: DayReport) -> None:
    import msgspec

    from kt.cli.show.account import positions
    from kt.cli.show.pnl import DAYS
    from kt.cli.show.table import render
    from kt.cli.support.pipe_documents import emit

    held = ctx.journal.positions()
    if cli.output == "table":
        text = render(DAYS, report.days, cli.console) if report.days else ""
        alarms = "".join(f"{tr(f'alarm: {line}')}\n" for line in report.alarms)
        text += f"\n{tr('Held')}\n{positions(held, cli.console)}"
        cli.console.show(f"{text}{alarms}{tr(f'{report.orders} orders sent; {report.ended}')}\n")
        return
    row = {
        "kind": "day",
        "ended": report.ended,
        "orders": report.orders,
        "alarms": report.alarms,
        "days": msgspec.to_builtins(report.days),
        "positions": msgspec.to_builtins(held),
    }
    emit(cli, "events", [row], run=ctx.run)
