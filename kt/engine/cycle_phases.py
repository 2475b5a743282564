"""What the phases of the day add to a single cycle (`kt run --once`): the plan at 08:30, the
questions at 15:20, and the settlement with its report after the close. Each happens once a day,
whichever cycle comes first."""

from __future__ import annotations

from datetime import date, timedelta

from kt.engine.work import ask_closing, cancel_open
from kt.errors import Denied
from kt.records import OPEN_STATES, Advice, AdviceChoice, Order, Origin, Side, Topic
from kt.rules import trading_phases
from kt.rules.trading_phases import Phase
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.orders import exits
from kt.steps.portfolio import day_plan
from kt.steps.results import Exit

SETTLE_AFTER = timedelta(seconds=60)
"""From the close to the settlement: the closing auction's fills arrive first."""


def phase(ctx: Context) -> Phase:
    return trading_phases.phase(ctx.clock.now(), ctx.config.session)


def plan_is_due(ctx: Context) -> bool:
    """Whether the day has no plan yet and is before its open."""
    today = ctx.clock.now().date()
    wanted = ctx.config.questions.plan.ask and phase(ctx) is Phase.PREPARE
    return wanted and not day_plan.newest(ctx, Topic.PLAN, today)


def settlement_is_due(ctx: Context) -> bool:
    """Whether a trading day is over and its report has not been written since its close."""
    now = ctx.clock.now()
    times = trading_phases.day_plan(now.date(), ctx.config.session)
    if times is None or now < times.close + SETTLE_AFTER:
        return False
    written = ctx.journal.report(now.date())
    return written is None or written.at < times.close


def before_close(ctx: Context) -> tuple[Order, ...]:
    """15:20: open buys are cancelled, and positions sold where that is configured or the analyst
    says so; the orders that were sent or cancelled."""
    today = ctx.clock.now().date()
    listed = ctx.journal.orders(day=today, states=OPEN_STATES)
    ours = (order for order in listed if order.origin is not Origin.EXTERNAL)
    changed = [cancel_open(ctx, order.order_id) for order in ours if order.side is Side.BUY]
    if ctx.config.session.close_positions:
        answers: dict[str, Advice] = {}
    elif ctx.config.questions.closing.ask:
        answers = ask_closing(ctx)
    else:
        return _done(changed)
    changed += [_take_back(ctx, answer, today) for answer in answers.values()]
    for position in ctx.journal.positions():
        said = answers.get(position.stock_code)
        sold = said is not None and said.choice is AdviceChoice.SELL
        if ctx.config.session.close_positions or sold:
            due = Exit(position, Origin.CLOSE, position.price, "sold before the close")
            changed += _sell(ctx, exits.advised(due, said) if said else due)
    return _done(changed)


def _take_back(ctx: Context, answer: Advice, today: date) -> Order | None:
    """Cancel the order that the analyst does not keep."""
    if answer.choice is not AdviceChoice.CANCEL:
        return None
    order = ctx.journal.order_by_number(answer.ref, today)
    return None if order is None else cancel_open(ctx, order.order_id)


def _sell(ctx: Context, due: Exit) -> list[Order | None]:
    code = due.position.stock_code
    if exits.held_back(ctx, due) or exits.wait_left(ctx, code):
        return []
    try:
        left = exits.leave(ctx, due)
    except Denied as denied:
        note_error(ctx, f"closing.{code}", denied)
        return []
    return [*left.taken_back, left.order]


def _done(changed: list[Order | None]) -> tuple[Order, ...]:
    return tuple(order for order in changed if order is not None)
