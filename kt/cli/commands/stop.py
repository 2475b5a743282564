"""kt halt, reduce, flatten, resume: the three stops, and ending them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.messages import sentence
from kt.errors import Denied, JournalError, KtError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Position, Stop
    from kt.steps.context import Context

PREVIEW_TIMEOUT = 1.0
"""Real seconds that the preview of a flatten waits for the broker's list of holdings."""


def _reason(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--reason", default="", help="The reason, stored in the journal.")(function)


@command(
    "halt",
    help="""Send no new orders until `kt resume`. Cancels stay allowed.
    Positions stay as they are: not even a stop-loss is sent. `kt reduce` keeps the
    exits active.

    Works even if the disk is full or the database is damaged, locked or missing:
    the stop is written to a file first, then to the database.
    """,
)
@_reason
@pass_cli
def halt(cli: CliContext, reason: str) -> None:
    _stop(cli, "halt", reason)


@command(
    "reduce",
    help="""Allow only sells and cancels, no buys, until `kt resume`.
    Stop-losses and take-profits stay active.
    """,
)
@_reason
@pass_cli
def reduce(cli: CliContext, reason: str) -> None:
    _stop(cli, "reduce", reason)


@command(
    "flatten",
    help="""Cancel all open buys, sell everything at market, then halt.

    Continues until done: it waits while the broker cannot be reached (after Ctrl-C,
    `kt run` does the rest). If stocks cannot be sold, they are listed and the stop
    stays `flatten`. On mock and real, shows the positions and asks first.
    """,
)
@_reason
@pass_cli
def flatten(cli: CliContext, reason: str) -> None:
    from kt.cli.show.account import positions
    from kt.cli.support import confirmation
    from kt.cli.support.sending import sending, watching
    from kt.steps.orders import flatten as step

    try:
        ctx = cli.context("flatten")
    except KtError as failure:
        _halt_instead(cli, failure)
        raise
    held = _held(ctx)
    preview = "All positions below are sold at market, open buys cancelled, then kt halts.\n"
    confirmation.confirm(cli, preview + positions(held, cli.console), "Sell everything?")
    if ctx.config.dry_run:
        return
    with watching(cli, True, waits=False) as events, sending(ctx):
        done = step.flatten(ctx, reason or "by hand", events=events)
    _report(cli, ctx, done)


@command("resume", help="End the stop in force and trade again.")
@_reason
@pass_cli
def resume(cli: CliContext, reason: str) -> None:
    from kt.steps.risk import stops

    ctx = cli.context("resume")
    _show(cli, ctx.run, stops.resume(ctx, reason))
    cli.say("orders are sent again")


def _stop(cli: CliContext, verb: str, reason: str) -> None:
    """Write the flag file first, which needs neither broker nor database; then the journal row."""
    from kt.records import Stop, StopMode

    mode = StopMode(verb)
    why = reason or "by hand"
    flagged = Stop(mode=mode, reason=why, by="owner", at=cli.now())
    _write_flag(cli, flagged)
    effect = "no new orders are sent" if mode is StopMode.HALT else "only sells are sent"
    cli.say(f"{effect} until `kt resume`")
    run, stop = "", flagged
    try:
        ctx = cli.context(verb)
        run, stop = ctx.run, _steps(verb)(ctx, why)
    except (KtError, OSError) as failure:
        _note(cli, flagged, failure)
    _show(cli, run, stop)


def _held(ctx: Context) -> tuple[Position, ...]:
    """The broker's holdings; the journal's positions when the broker does not answer in time."""
    from kt.ports.patience import within
    from kt.steps.portfolio.balance import merged

    try:
        with within(PREVIEW_TIMEOUT):
            return merged(ctx, ctx.broker.holdings())
    except KtError:
        return ctx.journal.positions()


def _halt_instead(cli: CliContext, failure: KtError) -> None:
    """Halt when a flatten cannot start: the flag file, then the journal row if possible."""
    from kt.records import Stop, StopMode

    if cli.config.dry_run:
        return
    why = f"flatten could not start: {failure.message}"
    stop = Stop(mode=StopMode.HALT, reason=why, by="owner", at=cli.now())
    _write_flag(cli, stop)
    with contextlib.suppress(KtError):
        cli.app.journal.set_stop(stop)
    cli.console.warn(sentence("nothing was sold; no new orders are sent until `kt resume`", None))


def _report(cli: CliContext, ctx: Context, done: Any) -> None:
    """Print the cancelled and sold orders; raise Denied for what could not be sold."""
    from kt.cli.support.order_outcome import finish

    stopped = []
    if done.left:
        lines = "".join(f"\n  {text}" for text in done.left)
        stopped = [
            Denied(f"not everything was sold:{lines}\n", hint="Run `kt flatten` again later.")
        ]
    finish(cli, ctx.run, [*done.cancelled, *done.sold], stopped=stopped)
    if done.done:
        cli.say("nothing is held; no new orders are sent until `kt resume`")


def _steps(verb: str) -> Callable[[Context, str], Stop]:
    from kt.steps.risk import stops

    return stops.halt if verb == "halt" else stops.reduce


def _write_flag(cli: CliContext, stop: Stop) -> None:
    """Write the stop's flag file, keeping a stricter stop that is already in force."""
    from kt.rules.risk.stop_rules import stricter
    from kt.store.stop_flag import read_flag, write_flag

    path = cli.paths.halt_flag
    before = read_flag(path, stop.at)
    write_flag(path, stop if before is None else stricter(before, stop))


def _note(cli: CliContext, stop: Stop, failure: KtError | OSError) -> None:
    """Write only the journal row, when no run could be started (say, without keys). If the journal
    fails as well, the flag file alone keeps the stop in force until `kt resume`."""

    try:
        if isinstance(failure, JournalError | OSError):
            raise failure
        cli.app.journal.set_stop(stop)
    except (KtError, OSError) as error:
        cli.stopped = True
        text = f"{stop.mode} is in force by its flag file; the journal could not store it: {error}"
        cli.console.warn(sentence(text, getattr(error, "hint", None)))


def _show(cli: CliContext, run: str, stop: Stop) -> None:
    from kt.cli.support.pipe_documents import emit

    row = {
        "kind": "stop",
        "mode": stop.mode.value,
        "reason": stop.reason,
        "by": stop.by,
        "at": stop.at.isoformat(timespec="seconds"),
        "until": stop.until and stop.until.isoformat(),
    }
    emit(cli, "events", [row], run=run)
