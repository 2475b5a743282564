"""The decision thread's hands: what a tick, a frame or an answer makes it do, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from kt.engine import jobs
from kt.engine.jobs import Placed
from kt.engine.state import Judged, Todo
from kt.engine.workers import EXIT
from kt.records import (
    CHANGING_STATES,
    EXITS,
    OPEN_STATES,
    UNRESOLVED_STATES,
    BalanceNotice,
    BookUpdate,
    Check,
    Order,
    OrderNotice,
    OrderState,
    Origin,
    Position,
    Side,
    Tick,
)
from kt.rules import exits as rules
from kt.rules import session
from kt.rules.emergency import Alarm
from kt.steps import exits, follow, ledger, unfilled
from kt.steps.exits import Left
from kt.steps.lost import NOT_FOUND
from kt.steps.reports import Difference, Exit

if TYPE_CHECKING:
    from kt.engine.day import Day

QUEUED = 10.0
"""Seconds after which an exit at market that is still open is said to wait."""
ASK_AGAIN = 60.0
"""Seconds for which the analyst's word to keep a position past its target counts."""


class Desk:
    """Acts on one event at a time. Slow work goes to the day's workers; what comes in several
    pieces is queued piece by piece."""

    def __init__(self, day: Day) -> None:
        self.ctx = day.ctx
        self.state = day.state
        self.watchdog = day.watchdog
        self.alarm = day.alarms.raise_
        self.later = day.workers.start
        self.line_up = day.workers.line_up
        self.say = day.voice.say
        self._queue = day.queue
        self._voice = day.voice
        self.sent = 0
        self._queued: set[str] = set()

    def tell(self, order: Order) -> None:
        """What is new about it, by the journal: since an answer came the stream may have told
        more."""
        self._voice.order(self.ctx.journal.order(order.order_id) or order)

    # what the stream brings

    def on_tick(self, tick: Tick) -> None:
        """A held stock's stop and target come first; what is odd about the price, after."""
        state = self.state
        state.prices[tick.stock_code] = tick.price
        position = state.positions.get(tick.stock_code)
        if position is not None:
            self.at_price(position, tick.price)
        self.raise_if(self.watchdog.tick(tick, held=position is not None))

    def on_prices(self, prices: dict[str, int]) -> None:
        """Prices that were asked for, because no stream brings them."""
        self.state.prices.update(prices)
        self.at_last_prices()

    def at_last_prices(self) -> None:
        """What is due by the newest price, though no trade says so again: an exit that was
        refused while the stock does not trade, a position that was held for too long."""
        for position in tuple(self.state.positions.values()):
            self.at_price(position, self.state.prices.get(position.stock_code, 0))

    def at_price(self, position: Position, price: int) -> None:
        """What a price in won does to a position: it may be due, or its trailing stop rises."""
        due = exits.due_at(self.ctx, position, price) if self.may_exit() else None
        if due is not None:
            self.on_exit(due)
            return
        raised = rules.trailed(position, price, self.ctx.config.exits)
        if raised is not position:
            self.state.positions[position.stock_code] = raised
        if raised.stop_price != position.stop_price:
            code = position.stock_code
            self.later(f"trail.{code}", lambda: ledger.book(self.ctx, code, price))

    def on_book(self, update: BookUpdate) -> None:
        self.state.books[update.stock_code] = update.book

    def on_order(self, notice: OrderNotice) -> Order | None:
        """Fold the frame; a number nobody knows may be an intent whose answer was lost."""
        order = follow.on_notice(self.ctx, notice)
        if order is None and self.may_be_ours(notice):
            return None
        self.state.refresh(self.ctx)
        if order is not None:
            self.tell(order)
        return order

    def tell_open(self) -> None:
        """What another process booked of orders whose end was not told yet: of that no frame and
        no list speaks here again."""
        for order_id in self._voice.unfinished():
            order = self.ctx.journal.order(order_id)
            if order is not None:
                self.tell(order)

    def looked(self, changed: Iterable[Order]) -> None:
        """What the broker's lists told of open orders."""
        self.state.refresh(self.ctx)
        for order in changed:
            self.tell(order)

    def lost(self) -> bool:
        """Whether there is an order of today, or a change of one, that nobody knows the end of. A
        sell that was given up as not found is one: the broker may list it late."""
        today = self.ctx.clock.now().date()
        waiting = UNRESOLVED_STATES | CHANGING_STATES
        given_up = self.ctx.journal.orders(day=today, states=[OrderState.NOT_PLACED])
        return any(order.code == NOT_FOUND for order in given_up) or bool(
            self.ctx.journal.orders(day=today, states=waiting, limit=1)
        )

    def may_be_ours(self, notice: OrderNotice) -> bool:
        return any(
            order.stock_code == notice.stock_code and order.side is notice.side
            for order in self.ctx.journal.orders(states=UNRESOLVED_STATES)
        )

    def differs(self, notice: BalanceNotice) -> bool:
        """Whether a balance frame says something else than the books, with no order under way."""
        ours = self.state.positions.get(notice.stock_code)
        quantity = ours.quantity if ours else 0
        return notice.quantity != quantity

    # exits

    def may_exit(self) -> bool:
        now, config = self.ctx.clock.now(), self.ctx.config.session
        return self.state.reconciled and session.may_order(now, config, self.state.notice)

    def on_exit(self, due: Exit) -> None:
        """Sell at once; a profit may be confirmed by the analyst first. Both elsewhere: this
        thread waits for nobody's answer."""
        code, now = due.position.stock_code, self.ctx.clock.monotonic()
        if self.state.not_before.get((code, due.origin), now) > now:
            return
        if exits.wants_confirmation(self.ctx, due):
            self.later(f"profit.{code}", lambda: (due, exits.confirm_profit(self.ctx, due)))
            return
        self.leave(due)

    def on_confirmed(self, due: Exit, take: bool) -> None:
        """The analyst's word about a profit; the position may be gone by now."""
        code = due.position.stock_code
        if not take:
            self.state.not_before[code, due.origin] = self.ctx.clock.monotonic() + ASK_AGAIN
        elif code in self.state.positions:
            self.leave(due)

    def leave(self, due: Exit) -> None:
        code = due.position.stock_code
        self.state.not_before[code, due.origin] = self.ctx.clock.monotonic() + exits.FIRST_WAIT
        self.later(f"{EXIT}{code}", partial(jobs.leave, self.ctx, due, self.state.notice))

    def on_left(self, left: Left) -> None:
        """An exit that left, or one that waits for its next try."""
        for order in left.taken_back:
            self.tell(order)
        due = left.due
        if left.again_in:
            key = (due.position.stock_code, due.origin)
            self.state.not_before[key] = self.ctx.clock.monotonic() + left.again_in
        if left.order is not None:
            self.placed(left.order)

    # decisions

    def on_judged(self, judged: Judged) -> None:
        """The analyst's decisions through the safety check and, if they pass, out."""
        self.state.shortlist = judged.shortlist
        if not self.state.reconciled:
            return
        self.line_up("checked", partial(jobs.check_all, self.ctx, judged, self.state.notice))

    def on_checked(self, checks: Iterable[Check]) -> None:
        self.one_by_one(
            partial(self.line_up, "placed", partial(jobs.place_one, self.ctx, checked))
            for checked in checks
        )

    def one_by_one(self, works: Iterable[Callable[[], object]]) -> None:
        """Do these here, each after what happened while the one before it was done."""
        todo = tuple(works)
        if todo:
            self._queue.put(Todo(todo))

    def on_placed(self, placed: Placed) -> None:
        if placed.order is not None:
            self.placed(placed.order)
        if placed.again is not None:
            decision, chosen = placed.again, self.state.shortlist
            notice = self.state.notice
            self.later(
                f"again.{decision.stock_code}",
                lambda: jobs.weigh(self.ctx, chosen, (decision,), notice),
            )

    def placed(self, order: Order) -> None:
        self.sent += bool(order.ord_no)
        self.tell(order)
        if order.state is OrderState.UNKNOWN:
            self.later("recover", partial(jobs.recover, self.ctx))
        self.raise_if(self.watchdog.order(order, self.ctx.clock.now()))

    # orders and books

    def unfilled(self) -> None:
        for order in unfilled.overdue(self.ctx):
            book = self.state.books.get(order.stock_code)
            work = partial(jobs.chase, self.ctx, order.order_id, book)
            self.one_by_one([partial(self.line_up, "chased", work)])

    def on_chased(self, changed: Order | None) -> None:
        if changed is not None:
            self.tell(changed)
            self.raise_if(self.watchdog.order(changed, self.ctx.clock.now()))

    def cancel_buys(self) -> None:
        """Take back every open buy: before the close, and when kt is stopped, because nothing
        would sell what they bring. A cancel under way is left to end."""
        for order in self.open_orders():
            if order.side is Side.BUY:
                work = partial(jobs.take_back, self.ctx, order.order_id)
                self.one_by_one([partial(self.line_up, "taken back", work)])

    def on_taken_back(self, order: Order | None) -> None:
        if order is not None:
            self.tell(order)

    def close_positions(self) -> None:
        for position in tuple(self.state.positions.values()):
            price = self.state.prices.get(position.stock_code, position.price)
            self.on_exit(Exit(position, Origin.CLOSE, price, "sold before the close"))

    def tell_queued(self) -> None:
        """A sell at market that does not fill at once waits for buyers (rules §1: at the lower
        price limit there may be none): it keeps its place, and the owner is told once."""
        now = self.ctx.clock.now()
        for order in self.open_orders():
            waits = (now - order.created_at).total_seconds() >= QUEUED
            if order.origin in EXITS and waits and order.order_id not in self._queued:
                self._queued.add(order.order_id)
                exits.tell_queued(self.ctx, order)

    def open_orders(self) -> tuple[Order, ...]:
        today = self.ctx.clock.now().date()
        ours = self.ctx.journal.orders(day=today, states=OPEN_STATES)
        return tuple(order for order in ours if order.origin is not Origin.EXTERNAL)

    def on_differences(self, differences: Iterable[Difference]) -> None:
        """The broker's word about what is held, beside the books. What nothing explains and what
        lasted long enough to be believed is an emergency; what is doubted is shown."""
        self.state.refresh(self.ctx)
        for difference in differences:
            self.say(difference.text())
            if difference.alarming:
                self.raise_if(Alarm("MISMATCH", difference.text()))

    def raise_if(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self.alarm(alarm)
