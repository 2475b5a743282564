"""Step 4: the pre-trade check: whether an order may be sent, or every reason why not, with the
figures.

Decisions, manual orders, exits and amends all go through the same rules. In test mode a check
passes with TEST_MODE among its results, and `place` sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict, replace

from kt.errors import KtError
from kt.ids import new_id
from kt.records import (
    EXITS,
    Action,
    Check,
    CheckResult,
    Decision,
    Order,
    OrderIntent,
    OrderType,
    Origin,
    Provenance,
    SessionNotice,
    Side,
)
from kt.rules import fees, position_size
from kt.rules.risk import validation
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.risk.account_exposure import Exposure, exposure_of
from kt.steps.risk.account_snapshot import AccountSnapshot, snapshot
from kt.steps.risk.risk_inputs import exit_facts, facts_for, with_orderable

MAX_CLOCK_SKEW = 30.0
"""Seconds by which this machine's clock may differ from the broker's."""


def check(
    ctx: Context,
    decisions: Sequence[Decision],
    *,
    origin: Origin = Origin.CYCLE,
    account: AccountSnapshot | None = None,
    notice: SessionNotice | None = None,
) -> tuple[Check, ...]:
    """Size and check each BUY and SELL, in order; other actions need no check, and a shadow's
    decisions get none.

    Money that an earlier decision of the batch needs is not available to a later one. Without
    `account` a snapshot is fetched. The checks are journaled.
    """
    wanted = [
        decision
        for decision in decisions
        if decision.action.trades and decision.provenance is not Provenance.SHADOW
    ]
    if not wanted:
        return ()
    codes = [decision.stock_code for decision in wanted]
    exposure = exposure_of(ctx, account or snapshot(ctx, codes, notice=notice))
    checks = tuple(_of_decision(ctx, exposure, decision, origin) for decision in wanted)
    ctx.journal.checks(ctx.run, checks)
    return checks


def check_order(
    ctx: Context,
    intent: OrderIntent,
    *,
    account: AccountSnapshot | None = None,
    notice: SessionNotice | None = None,
) -> Check:
    """Check an order with exactly its quantity: passed or denied, never resized.

    For the market sell of an exit only the holdings are fetched, to be quick. Without `account` a
    snapshot is fetched. The check is journaled.
    """
    everything = intent.origin not in EXITS or intent.order_type is not OrderType.MARKET
    if account is None:
        account = snapshot(ctx, [intent.stock_code], everything=everything, notice=notice)
    exposure = exposure_of(ctx, account)
    name = intent.stock_name or _name(exposure, intent.stock_code)
    checked = _judge(ctx, exposure, replace(intent, stock_name=name))
    ctx.journal.checks(ctx.run, (checked,))
    return checked


def again(ctx: Context, earlier: Check) -> Check:
    """Check the same decision (sized again) or the same order, with a new snapshot."""
    if earlier.decision is not None:
        return check(ctx, (earlier.decision,), origin=earlier.origin)[0]
    return check_order(ctx, earlier.intent)


def check_exit(
    ctx: Context, intent: OrderIntent, held: int, notice: SessionNotice | None = None
) -> Check:
    """Check an exit without any request. `held` is the quantity in kt's books; if the broker has
    fewer shares it rejects the order."""
    checked = _verdict(ctx, intent, validation.validate(exit_facts(ctx, intent, held, notice)))
    ctx.journal.checks(ctx.run, (checked,))
    return checked


def check_amend(
    ctx: Context,
    order: Order,
    *,
    price: int,
    quantity: int = 0,
    notice: SessionNotice | None = None,
) -> Check:
    """Check a new price (won) and quantity for an open order; the order itself is left out of the
    sums. The check is journaled."""
    intent = OrderIntent(
        side=order.side,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        quantity=quantity or order.open_quantity,
        price=price,
        order_type=OrderType.LIMIT,
        origin=Origin.MANUAL,
        reason=f"amend of {order.ord_no}",
    )
    exposure = exposure_of(ctx, snapshot(ctx, [order.stock_code], notice=notice))
    checked = _judge(ctx, exposure, intent, without=order)
    ctx.journal.checks(ctx.run, (checked,))
    return checked


def check_clock(ctx: Context) -> None:
    """Raises KtError(CLOCK) when this clock and the broker's disagree, and the broker's errors
    when it has to be asked and cannot be."""
    off = ctx.broker.skew()
    if abs(off) < MAX_CLOCK_SKEW:
        return
    where = "ahead of" if off > 0 else "behind"
    raise KtError(
        f"this machine's clock is {abs(off):,.0f} s {where} the broker's: nothing is sent",
        hint="Let it be set from the network (NTP); `kt doctor` shows how far it is off.",
        code="CLOCK",
    )


def _of_decision(ctx: Context, exposure: Exposure, decision: Decision, origin: Origin) -> Check:
    sized = _size(ctx, exposure, decision)
    intent = OrderIntent(
        side=Side(decision.action),
        stock_code=decision.stock_code,
        stock_name=decision.stock_name,
        quantity=sized.quantity,
        price=decision.price,
        order_type=OrderType.LIMIT,
        origin=origin,
        reason=decision.reason,
        decision=decision,
    )
    return _judge(ctx, exposure, intent, sized=sized)


def _size(ctx: Context, exposure: Exposure, decision: Decision) -> position_size.PositionSize:
    if decision.action is Action.SELL:
        return position_size.sell_size(
            decision, (exposure.holding(decision.stock_code) or (0, 0))[1]
        )
    room = exposure.room(decision.stock_code)
    if room is None:
        return position_size.PositionSize(0, "0: what the account can bear is not known")
    return position_size.buy_size(
        decision,
        decision.price,
        cash=room.cash,
        per_stock_left=room.per_stock,
        total_left=room.total,
        sizing=ctx.config.sizing,
        stop_loss_pct=ctx.config.exits.stop_loss_pct,
        quote=exposure.account.quotes.get(decision.stock_code),
        commission_pct=ctx.config.server.commission_pct,
    )


def _judge(
    ctx: Context,
    exposure: Exposure,
    intent: OrderIntent,
    *,
    sized: position_size.PositionSize | None = None,
    without: Order | None = None,
) -> Check:
    facts = facts_for(ctx, exposure, intent, without)
    results = validation.validate(facts)
    if _allowed(results):
        results = validation.validate(with_orderable(ctx, exposure, facts, without))
    if sized is not None:
        results = (CheckResult(code="SIZE", passed=True, detail=sized.detail), *results)
    checked = replace(
        _verdict(ctx, intent, results),
        buys_seen=exposure.buys_seen,
        exits_seen=exposure.exits_offered(intent.stock_code),
    )
    if checked.passed and intent.side is Side.BUY:
        value = fees.buy_cost(intent.quantity * intent.price, ctx.config.server.commission_pct)
        exposure.reserved[intent.stock_code] = exposure.reserved.get(intent.stock_code, 0) + value
    exposure.passed += checked.passed
    return checked


def _verdict(ctx: Context, intent: OrderIntent, results: tuple[CheckResult, ...]) -> Check:
    """The check with its results; in test mode an order that would have been sent passes."""
    now = ctx.clock.now()
    return Check(
        **asdict(intent),
        passed=_allowed(results),
        results=results,
        checked_at=now,
        check_id=new_id(now),
    )


def _allowed(results: tuple[CheckResult, ...]) -> bool:
    """Whether all results passed, apart from TEST_MODE."""
    return all(result.passed for result in results if result.code != Code.TEST_MODE)


def _name(exposure: Exposure, code: str) -> str:
    quote, held = exposure.account.quotes.get(code), exposure.account.held(code)
    return quote.stock_name if quote else held.stock_name if held else ""
