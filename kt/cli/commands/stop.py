"""kt halt, reduce, flatten, resume: the three stops and the way back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import Denied, JournalError, KtError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Position, Stop
    from kt.steps.context import Context

LOOK = 1.0
"""Real seconds for which the preview of a flatten waits for the broker's list of holdings."""


def _reason(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--reason", default="", help="Why; kept in the journal.")(function)


@command(
    "halt",
    help="""Send no new order of any kind until `kt resume`. Cancels stay allowed.
    What is held stays held: not even a stop-loss leaves. `kt reduce` keeps the
    exits alive.

    Works even when the disk is full, and when the database is broken, locked or
    gone: the stop is a file first, then a row.
    """,
)
@_reason
@pass_cli
def halt(cli: CliContext, reason: str) -> None:
    _stop(cli, "halt", reason)


@command(
    "reduce",
    help="""Let positions only shrink until `kt resume`: sells and cancels, no buys.
    Stop-losses and take-profits stay alive.
    """,
)
@_reason
@pass_cli
def reduce(cli: CliContext, reason: str) -> None:
    _stop(cli, "reduce", reason)


@command(
    "flatten",
    help="""Cancel all open buys, sell everything at market, then halt.

    Goes to the end: while the broker cannot be reached it waits (Ctrl-C leaves the
    rest to `kt run`). Stocks that refuse are named; the stop stays `flatten` then.
    Asks first on mock and real, after showing what is held.
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
    preview = "Everything below is sold at market; open buys are cancelled; then kt halts.\n"
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
    cli.say("orders leave again")


def _stop(cli: CliContext, verb: str, reason: str) -> None:
    """The flag file first, without the broker and without the database; then the row."""
    from kt.records import Stop, StopMode

    mode = StopMode(verb)
    why = reason or "by hand"
    flagged = Stop(mode=mode, reason=why, by="owner", at=cli.now())
    _write_flag(cli, flagged)
    said = "no new order leaves" if mode is StopMode.HALT else "positions can only shrink"
    cli.say(f"{said} until `kt resume`")
    run, stop = "", flagged
    try:
        ctx = cli.context(verb)
        run, stop = ctx.run, _steps(verb)(ctx, why)
    except (KtError, OSError) as failure:
        _note(cli, flagged, failure)
    _show(cli, run, stop)


def _held(ctx: Context) -> tuple[Position, ...]:
    """What the broker says is held; what kt last knew when it does not answer at once."""
    from kt.ports.patience import within
    from kt.steps.portfolio.balance import merged

    try:
        with within(LOOK):
            return merged(ctx, ctx.broker.holdings())
    except KtError:
        return ctx.journal.positions()


def _halt_instead(cli: CliContext, failure: KtError) -> None:
    """What cannot be sold now must not be bought either: the flag file, then the row if that is
    possible."""
    from kt.records import Stop, StopMode

    if cli.config.dry_run:
        return
    why = f"flatten could not begin: {failure.message}"
    stop = Stop(mode=StopMode.HALT, reason=why, by="owner", at=cli.now())
    _write_flag(cli, stop)
    with contextlib.suppress(KtError):
        cli.app.journal.set_stop(stop)
    cli.console.warn("kt: nothing was sold; no new order leaves until `kt resume`.")


def _report(cli: CliContext, ctx: Context, done: Any) -> None:
    """The orders that were sold and cancelled; what could not be sold is an error."""
    from kt.cli.support.order_outcome import finish

    stopped = []
    if done.left:
        lines = "".join(f"\n  {text}" for text in done.left)
        stopped = [
            Denied(f"not everything was sold:{lines}\n", hint="`kt flatten` again, once it can be.")
        ]
    finish(cli, ctx.run, [*done.cancelled, *done.sold], stopped=stopped)
    if done.done:
        cli.say("nothing is held; no new order leaves until `kt resume`")


def _steps(verb: str) -> Callable[[Context, str], Stop]:
    from kt.steps.risk import stops

    return stops.halt if verb == "halt" else stops.reduce


def _write_flag(cli: CliContext, stop: Stop) -> None:
    """Before anything that can fail: a stricter stop in force stays."""
    from kt.rules.risk.stop_rules import stricter
    from kt.store.stop_flag import read_flag, write_flag

    path = cli.paths.halt_flag
    before = read_flag(path, stop.at)
    write_flag(path, stop if before is None else stricter(before, stop))


def _note(cli: CliContext, stop: Stop, failure: KtError | OSError) -> None:
    """The row alone, when a run cannot be had: a stop needs no analyst and no broker. Without a
    journal the flag file is enough: it is in force, and stays so until `kt resume`."""
    from kt.cli.support.messages import sentence

    try:
        if isinstance(failure, JournalError | OSError):
            raise failure
        cli.app.journal.set_stop(stop)
    except (KtError, OSError) as unkept:
        cli.stopped = True
        said = f"{stop.mode} is in force by its flag file; the journal could not note it: {unkept}"
        cli.console.warn(sentence(said, getattr(unkept, "hint", None)))


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
