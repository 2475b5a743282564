"""Start and end of order commands: reconcile first; at the end print the orders and raise for the
worst outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.support.messages import sentence
from kt.errors import (
    AuthError,
    BrokerRefused,
    Denied,
    Halted,
    KtError,
    NotKept,
    OutcomeUnknown,
    Unreachable,
)
from kt.records import UNRESOLVED_STATES, Check, Order, OrderState, Origin
from kt.rules.risk.causes import causes
from kt.rules.risk.denials import Code
from kt.text import visible

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context

_RANK = (OutcomeUnknown, NotKept, Halted, Unreachable, BrokerRefused, Denied)
"""Errors by severity, the worst first: the worst decides the exit code."""


def begin(cli: CliContext, command: str, *, alone: bool = False, repeats: str = "") -> Context:
    """Start the run of an order command by reconciling with the broker.

    Raises what reconcile raises: without the broker no order is placed. Commands that only read
    (`alone`), and a client id that `repeats` an earlier order, continue with the journal's data
    when the broker cannot be reached.
    """
    from kt.cli.support.fields import check_fields
    from kt.steps.reconcile.startup import reconcile

    check_fields(cli, "orders")
    ctx = cli.context(command)
    try:
        found = reconcile(ctx, patience=0.0) if alone else reconcile(ctx)
    except (Unreachable, AuthError) as error:
        if not alone and ctx.journal.order_of_client(repeats) is None:
            raise
        message = f"{error.message.rstrip('.')}; showing kt's last known state"
        cli.console.warn(sentence(message, None))
        return ctx
    for line in found.lines(notified=False):
        cli.console.warn(sentence(line, None))
    return ctx


def finish(
    cli: CliContext,
    run: str,
    orders: Sequence[Order],
    checks: Sequence[Check] = (),
    stopped: Sequence[KtError] = (),
    before: Sequence[Order] = (),
) -> None:
    """Print the orders, then raise the worst error, if any.

    `stopped` are the errors that kept further orders from being sent; `before` are earlier orders
    of decisions that were ordered before: their outcome is not an error of this command.
    """
    from kt.cli.support.exit_watch import warn_after_buys
    from kt.cli.support.pipe_documents import emit

    emit(cli, "orders", [*before, *orders], run=run)
    cli.sent = any(order.ord_no for order in orders)
    warn_after_buys(cli, [order for order in orders if order.run == run])
    by_order = {(check.decision_id, check.stock_code): check for check in checks}
    failures = [
        failure_of(order, by_order.get((order.decision_id, order.stock_code))) for order in orders
    ]
    found = [*stopped, *(failure for failure in failures if failure is not None)]
    if not found:
        return
    found.sort(key=_rank)
    for failure in found[1:]:
        cli.console.warn(sentence(failure.message, None))
    raise found[0]


def _rank(failure: KtError) -> int:
    kinds = (index for index, kind in enumerate(_RANK) if isinstance(failure, kind))
    return next(kinds, len(_RANK))


def failure_of(order: Order, check: Check | None = None) -> KtError | None:
    """The error for this order's state; None when it is open, filled or cancelled."""
    what = f"{order.side} {order.quantity:,} {order.stock_code} {order.stock_name}".rstrip()
    if order.state in UNRESOLVED_STATES:
        return OutcomeUnknown(
            f"the outcome of {what} (order {order.order_id}) is unknown: "
            f"{order.message or 'no clear answer'}",
            hint=f"Do not send it again: {order.stock_code} is locked. kt looks for it at the "
            f"broker; see `kt order list --unknown`, or `kt order resolve {order.order_id}`.",
            code=order.code or None,
        )
    if order.state is OrderState.REJECTED:
        reason = f"[{order.code}] {order.message}" if order.code else order.message
        return BrokerRefused(f"the broker refused {what}: {reason}", code=order.code or None)
    if order.state is OrderState.NOT_PLACED:
        return Unreachable(
            f"{what} was not placed: {order.message or order.code}",
            hint=f"It did not reach the broker and may be sent again{_how_again(order)}.",
            code=order.code or None,
        )
    return _denied(order, check, what) if order.state is OrderState.DENIED else None


def _how_again(order: Order) -> str:
    ways = ["with a new --client-id"] if order.client_id else []
    ways += ["with --again"] if order.origin is Origin.PIPE and order.decision_id else []
    return f", {' and '.join(ways)}" if ways else ""


def _denied(order: Order, check: Check | None, what: str) -> KtError | None:
    if order.code == Code.TEST_MODE:
        return None
    reasons = [(order.code, order.message)]
    if check is not None and not check.passed:
        reasons = denials(check) or reasons
    text = listed(reasons)
    if halted(reasons):
        return Halted(
            f"{what} was denied: {text}",
            hint="`kt status` shows the stop, `kt resume` ends it.",
            code="HALTED",
        )
    return Denied(
        f"{what} was denied: {text}".replace(": \n", ":\n"),
        hint="See `kt help denials`.",
        code=order.code or None,
    )


def denials(check: Check) -> list[tuple[str, str]]:
    """The causes of a check's denial as (code, detail), without the note that test mode is on."""
    found = [item for item in check.denials if item.code != Code.TEST_MODE]
    return [(item.code, item.detail) for item in causes(found)]


def halted(reasons: Sequence[tuple[str, str]]) -> bool:
    """Whether a stop is among the reasons: it has its own exit code."""
    return any(code == Code.HALTED for code, _ in reasons)


def listed(reasons: Sequence[tuple[str, str]]) -> str:
    """One reason inline; several on indented lines of their own."""
    lines = [visible(f"{code}: {detail}") for code, detail in reasons]
    if len(lines) == 1:
        return lines[0]
    return "".join(f"\n  {line}" for line in lines) + "\n"
