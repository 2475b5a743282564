"""Exits in the running day: prices trigger stop-loss, take-profit and trailing stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kt.engine import emergency, orders, work
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.work import ProfitAnswer
from kt.records import Advice, AdviceChoice, Origin, Position, Tick, ViNotice
from kt.rules import exit_prices as rules
from kt.rules import trading_phases
from kt.rules.standing_answer import still_stands
from kt.steps.orders import exits
from kt.steps.orders.exits import Left
from kt.steps.portfolio import daily_pnl, position_book
from kt.steps.results import Exit

# prices


def on_tick(runtime: Runtime, tick: Tick) -> None:
    """Check the exits of a held stock first, then whether the price is abnormal."""
    state = runtime.state
    state.price({tick.stock_code: tick.price})
    position = state.positions.get(tick.stock_code)
    if position is not None:
        _check_exit(runtime, position, tick.price, tick.received_at)
    emergency.raise_if(runtime, runtime.watchdog.tick(tick, held=position is not None))


def on_interruption(runtime: Runtime, notice: ViNotice) -> None:
    """A volatility interruption of a held stock: an exit refused during it is tried again after
    it."""
    if notice.stock_code not in runtime.state.positions:
        return
    state = "is interrupted" if notice.active else "trades again"
    runtime.say(f"{notice.stock_code} {state} (volatility) at {notice.price:,}")
    if not notice.active:
        runtime.state.retry_exits(notice.stock_code)
        QUOTES.start(runtime)


def check_exits(runtime: Runtime) -> None:
    """Check all exits at the last known prices, for exits that no new tick triggers: one that was
    refused while trading was suspended, or a time stop."""
    for position in tuple(runtime.state.positions.values()):
        _check_exit(runtime, position, runtime.state.prices.get(position.stock_code, 0))


def _check_exit(
    runtime: Runtime, position: Position, price: int, tick_at: datetime | None = None
) -> None:
    """Trigger the exit that is due at a price in won, or raise the trailing stop. `tick_at` is when
    the tick with this price was received."""
    due = exits.due_at(runtime.ctx, position, price) if _may_exit(runtime) else None
    if due is not None:
        on_exit_due(runtime, replace(due, tick_at=tick_at))
        return
    raised = rules.trailed(position, price, runtime.ctx.config.exits)
    if raised is not position:
        runtime.state.positions[position.stock_code] = raised
    if raised.stop_price != position.stop_price:
        TRAIL.start(runtime, position.stock_code, price)


def _may_exit(runtime: Runtime) -> bool:
    now, config = runtime.ctx.clock.now(), runtime.ctx.config.session
    return runtime.state.reconciled and trading_phases.may_order(now, config, runtime.state.notice)


def _on_prices(runtime: Runtime, prices: dict[str, int]) -> None:
    runtime.state.price(prices)
    check_exits(runtime)


QUOTES = Job("quotes", "the prices of what is held", daily_pnl.quotes, _on_prices)


def query_prices(runtime: Runtime) -> None:
    """Query the prices of the positions, when the stream does not deliver them."""
    if runtime.state.positions:
        QUOTES.start(runtime)


def _trailed(runtime: Runtime, _: Position | None) -> None:
    runtime.state.refresh(runtime.ctx)


TRAIL = Job(
    "trail",
    "the trailing stop",
    position_book.book,
    _trailed,
    about=lambda stock_code, price=0: stock_code,
)


# exits


def on_exit_due(runtime: Runtime, due: Exit) -> None:
    """Sell at once, or ask the analyst first whether to take the profit. Both on a worker: this
    thread never waits for an answer."""
    if runtime.state.not_before.get((due.position.stock_code, due.origin), 0.0) > runtime.seconds:
        return
    if not exits.wants_confirmation(runtime.ctx, due):
        _sell(runtime, due)
    elif not _holds_on(runtime, due):
        PROFIT.start(runtime, due)


def _holds_on(runtime: Runtime, due: Exit) -> bool:
    """Whether the analyst wants to hold on to this position and its answer still stands."""
    last = runtime.state.held_on.get(due.position.stock_code)
    question, now = runtime.ctx.config.questions.profit, runtime.ctx.clock.now()
    return last is not None and still_stands(last, due.position, due.price, now, question)


def close_positions(runtime: Runtime) -> None:
    """Sell before the close: all positions where that is configured, else those of which the
    analyst said so."""
    every = runtime.ctx.config.session.close_positions
    for position in tuple(runtime.state.positions.values()):
        said = runtime.state.closing.get(position.stock_code)
        if every or (said is not None and said.choice is AdviceChoice.SELL):
            reason = "sold before the close"
            reason += f"; {said.analyst}: {said.reason}" if said is not None else ""
            price = runtime.state.prices.get(position.stock_code, position.price)
            on_exit_due(runtime, Exit(position, Origin.CLOSE, price, reason))


def _sell(runtime: Runtime, due: Exit) -> None:
    _retry_after(runtime, due, exits.FIRST_WAIT)
    EXIT.start(runtime, due, runtime.state.notice)


def _retry_after(runtime: Runtime, due: Exit, seconds: float) -> None:
    """Do not try this exit again for so many seconds."""
    runtime.state.not_before[due.position.stock_code, due.origin] = runtime.seconds + seconds


def _sold(runtime: Runtime, left: Left) -> None:
    """An exit was sent, or waits for its next try."""
    for order in left.taken_back:
        runtime.announce_order(order)
    if left.again_in:
        _retry_after(runtime, left.due, left.again_in)
    if left.order is not None:
        orders.placed(runtime, left.order)


EXIT = Job(
    "exit",
    "an exit",
    work.leave,
    _sold,
    about=lambda due, notice: due.position.stock_code,
    orders=True,
)


def _confirmed(runtime: Runtime, answer: ProfitAnswer) -> None:
    """The analyst's answer about a profit; the position may be closed by now."""
    due, advice = answer.due, answer.advice
    code = due.position.stock_code
    if advice is None:
        _retry_after(runtime, due, exits.FIRST_WAIT)
    elif advice.choice is AdviceChoice.HOLD:
        runtime.state.held_on[code] = advice
        runtime.say(f"holding on to {due.position.stock_name} at {due.price:,}: {advice.reason}")
    elif code in runtime.state.positions:
        _sell(runtime, exits.advised(due, advice))


PROFIT = Job(
    "profit",
    "the question about a profit",
    work.ask_profit,
    _confirmed,
    about=lambda due: due.position.stock_code,
)


def _before_close(runtime: Runtime, answers: dict[str, Advice]) -> None:
    """The analyst's answers before the close: cancel the orders that it does not keep, and sell
    what it does not hold overnight."""
    runtime.state.closing = answers
    if answers:
        said = (f"{one.choice} {one.stock_name}" for one in answers.values())
        runtime.say(f"the analyst before the close: {', '.join(said)}")
    today = runtime.ctx.clock.now().date()
    for answer in answers.values():
        if answer.choice is AdviceChoice.CANCEL:
            order = runtime.ctx.journal.order_by_number(answer.ref, today)
            if order is not None:
                orders.CANCEL.line_up(runtime, order.order_id)
    close_positions(runtime)


CLOSING = Job("closing", "the question before the close", work.ask_closing, _before_close)
