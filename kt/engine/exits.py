"""What a price does to a position: a stop or a target that is due leaves at once."""

from __future__ import annotations

from kt.engine import emergency, orders, work
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.records import Origin, Position, Tick, ViNotice
from kt.rules import exit_prices as rules
from kt.rules import trading_phases
from kt.steps.orders import exits
from kt.steps.orders.exits import Left
from kt.steps.portfolio import daily_pnl, position_book
from kt.steps.results import Exit

ASK_AGAIN = 60.0
"""Seconds for which the analyst's word to keep a position past its target counts."""


# prices


def on_tick(runtime: Runtime, tick: Tick) -> None:
    """A held stock's stop and target come first; what is odd about the price, after."""
    state = runtime.state
    state.prices[tick.stock_code] = tick.price
    position = state.positions.get(tick.stock_code)
    if position is not None:
        _at_price(runtime, position, tick.price)
    emergency.raise_if(runtime, runtime.watchdog.tick(tick, held=position is not None))


def on_interruption(runtime: Runtime, notice: ViNotice) -> None:
    """A held stock's volatility interruption: what it refused may be taken once it is over."""
    if notice.stock_code not in runtime.state.positions:
        return
    state = "is interrupted" if notice.active else "trades again"
    runtime.say(f"{notice.stock_code} {state} (volatility) at {notice.price:,}")
    if not notice.active:
        runtime.state.wake(notice.stock_code)
        QUOTES.start(runtime)


def at_last_prices(runtime: Runtime) -> None:
    """What is due by the newest price, though no trade says so again: an exit that was
    refused while the stock does not trade, a position that was held for too long."""
    for position in tuple(runtime.state.positions.values()):
        _at_price(runtime, position, runtime.state.prices.get(position.stock_code, 0))


def _at_price(runtime: Runtime, position: Position, price: int) -> None:
    """What a price in won does to a position: it may be due, or its trailing stop rises."""
    due = exits.due_at(runtime.ctx, position, price) if _may_exit(runtime) else None
    if due is not None:
        on_exit(runtime, due)
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
    runtime.state.prices.update(prices)
    at_last_prices(runtime)


QUOTES = Job("quotes", "the prices of what is held", daily_pnl.quotes, _on_prices)


def ask_prices(runtime: Runtime) -> None:
    """What the stream does not tell, for what is held."""
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


def on_exit(runtime: Runtime, due: Exit) -> None:
    """Sell at once; a profit may be confirmed by the analyst first. Both elsewhere: this
    thread waits for nobody's answer."""
    if runtime.state.not_before.get((due.position.stock_code, due.origin), 0.0) > runtime.seconds:
        return
    if exits.wants_confirmation(runtime.ctx, due):
        PROFIT.start(runtime, due)
    else:
        _leave(runtime, due)


def close_positions(runtime: Runtime) -> None:
    """Sell everything at its last price."""
    for position in tuple(runtime.state.positions.values()):
        price = runtime.state.prices.get(position.stock_code, position.price)
        on_exit(runtime, Exit(position, Origin.CLOSE, price, "sold before the close"))


def _leave(runtime: Runtime, due: Exit) -> None:
    _wait(runtime, due, exits.FIRST_WAIT)
    EXIT.start(runtime, due, runtime.state.notice)


def _wait(runtime: Runtime, due: Exit, seconds: float) -> None:
    """Until then this exit is not tried again."""
    runtime.state.not_before[due.position.stock_code, due.origin] = runtime.seconds + seconds


def _left(runtime: Runtime, left: Left) -> None:
    """An exit that left, or one that waits for its next try."""
    for order in left.taken_back:
        runtime.tell(order)
    if left.again_in:
        _wait(runtime, left.due, left.again_in)
    if left.order is not None:
        orders.placed(runtime, left.order)


EXIT = Job(
    "exit",
    "an exit",
    work.leave,
    _left,
    about=lambda due, notice: due.position.stock_code,
    orders=True,
)


def _confirmed(runtime: Runtime, answer: tuple[Exit, bool]) -> None:
    """The analyst's word about a profit; the position may be gone by now."""
    due, take = answer
    if not take:
        _wait(runtime, due, ASK_AGAIN)
    elif due.position.stock_code in runtime.state.positions:
        _leave(runtime, due)


PROFIT = Job(
    "profit",
    "the question about a profit",
    work.ask_profit,
    _confirmed,
    about=lambda due: due.position.stock_code,
)
