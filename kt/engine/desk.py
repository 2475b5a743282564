"""The decision thread's hands: what a tick, a frame or an answer makes it do, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from kt.engine import jobs
from kt.engine.state import Judged, Todo
from kt.errors import Denied
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    UNRESOLVED_STATES,
    BalanceNotice,
    BookUpdate,
    Check,
    Holdings,
    Order,
    OrderNotice,
    OrderState,
    Origin,
    Side,
    Tick,
)
from kt.rules import session
from kt.rules.denials import Code
from kt.rules.emergency import Alarm
from kt.steps import check, follow, hold, mend, place
from kt.steps.gather import note_error
from kt.steps.reports import Exit

if TYPE_CHECKING:
    from kt.engine.day import Day

RETRY_EXIT = 5.0
"""Seconds before an exit that could not be sent is tried again."""
ASK_AGAIN = 60.0
"""Seconds for which the analyst's word to keep a position past its target counts."""

_STANDING = (OrderState.ACKED, OrderState.PARTIAL)


class Desk:
    """Acts on one event at a time. Slow work goes to the day's workers; what comes in several
    pieces is queued piece by piece."""

    def __init__(self, day: Day) -> None:
        self.ctx = day.ctx
        self.state = day.state
        self.watchdog = day.watchdog
        self.alarm = day.alarms.raise_
        self.later = day.workers.start
        self._queue = day.queue
        self.tell = day.voice.order
        self.sent = 0

    # what the stream brings

    def on_tick(self, tick: Tick) -> None:
        """A held stock's stop and target come first; what is odd about the price, after."""
        state = self.state
        state.prices[tick.stock_code] = tick.price
        position = state.positions.get(tick.stock_code)
        if position is not None and self.may_exit():
            for due in hold.exits_due(self.ctx, tick, (position,)):
                self.on_exit(due)
        self.raise_if(self.watchdog.tick(tick, held=position is not None))

    def on_prices(self, prices: dict[str, int]) -> None:
        """Prices that were asked for, because no stream brings them."""
        self.state.prices.update(prices)
        if self.may_exit():
            for due in hold.exits_at(self.ctx, prices, self.state.positions.values()):
                self.on_exit(due)

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

    def looked(self, changed: Iterable[Order]) -> None:
        """What the broker's lists told of open orders; the stream may have told more since."""
        self.state.refresh(self.ctx)
        for order in changed:
            self.tell(self.ctx.journal.order(order.order_id) or order)

    def lost(self) -> bool:
        """Whether there is an order of today, or a change of one, that nobody knows the end of."""
        today = self.ctx.clock.now().date()
        waiting = UNRESOLVED_STATES | CHANGING_STATES
        return bool(self.ctx.journal.orders(day=today, states=waiting, limit=1))

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
        """Sell at once; a profit may be confirmed by the analyst first, elsewhere."""
        code, now = due.position.stock_code, self.ctx.clock.monotonic()
        if self.state.not_before.get((code, due.origin), now) > now:
            return
        if hold.wants_confirmation(self.ctx, due):
            self.later(f"profit.{code}", lambda: (due, hold.confirm_profit(self.ctx, due)))
            return
        self.sell(due)

    def on_confirmed(self, due: Exit, take: bool) -> None:
        """The analyst's word about a profit; the position may be gone by now."""
        code = due.position.stock_code
        if not take:
            self.state.not_before[code, due.origin] = self.ctx.clock.monotonic() + ASK_AGAIN
        elif code in self.state.positions and not hold.selling(self.ctx, code):
            self.sell(due)

    def sell(self, due: Exit) -> None:
        code = due.position.stock_code
        self.state.not_before[code, due.origin] = self.ctx.clock.monotonic() + RETRY_EXIT
        try:
            order = hold.sell(self.ctx, due, self.state.notice)
        except Denied as denied:
            note_error(self.ctx, f"exit.{code}", denied)
            return
        if order is not None:
            self.placed(order)

    # decisions

    def on_judged(self, judged: Judged) -> None:
        """The analyst's decisions through the safety check and, if they pass, out."""
        self.state.shortlist = judged.shortlist
        if not self.state.reconciled:
            return
        checks = check.check(
            self.ctx, judged.decisions, account=judged.account, notice=self.state.notice
        )
        self.one_by_one(partial(self.place, checked) for checked in checks)

    def one_by_one(self, works: Iterable[Callable[[], object]]) -> None:
        """Do these here, each after what happened while the one before it was done."""
        todo = tuple(works)
        if todo:
            self._queue.put(Todo(todo))

    def place(self, checked: Check) -> None:
        """One of the batch; the market's hours may have ended since the check. Where another
        process has ordered since, it is weighed once more, as long as it is fresh."""
        code, decision = checked.stock_code, checked.decision
        try:
            self.placed(place.place(self.ctx, checked))
        except Denied as denied:
            note_error(self.ctx, f"place.{code}", denied)
            if denied.code == Code.STALE_INPUT and decision is not None:
                chosen, notice = self.state.shortlist, self.state.notice
                self.later(
                    f"again.{code}",
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
        self.one_by_one(partial(self._chase, order.order_id) for order in hold.overdue(self.ctx))

    def _chase(self, order_id: str) -> None:
        """An order that was overdue a moment ago, if it still is."""
        for order in hold.overdue(self.ctx):
            if order.order_id == order_id:
                changed = hold.chase(self.ctx, order, self.state.books.get(order.stock_code))
                if changed is not None:
                    self.tell(changed)
                    self.raise_if(self.watchdog.order(changed, self.ctx.clock.now()))

    def cancel_buys(self) -> None:
        """Take back every open buy: before the close, and when kt is stopped, because nothing
        would sell what they bring. A cancel under way is left to end."""
        self.one_by_one(
            partial(self._cancel, order.order_id)
            for order in self.open_orders()
            if order.side is Side.BUY and order.state in _STANDING
        )

    def _cancel(self, order_id: str) -> None:
        order = self.ctx.journal.order(order_id)
        if order is None or order.state not in _STANDING:
            return
        try:
            self.tell(place.cancel(self.ctx, order).order)
        except Denied as denied:
            note_error(self.ctx, f"cancel.{order.stock_code}", denied)

    def close_positions(self) -> None:
        for position in tuple(self.state.positions.values()):
            if not hold.selling(self.ctx, position.stock_code):
                price = self.state.prices.get(position.stock_code, position.price)
                self.sell(Exit(position, Origin.CYCLE, price, "sold before the close"))

    def open_orders(self) -> tuple[Order, ...]:
        today = self.ctx.clock.now().date()
        ours = self.ctx.journal.orders(day=today, states=OPEN_STATES)
        return tuple(order for order in ours if order.origin is not Origin.EXTERNAL)

    def on_holdings(self, holdings: Holdings) -> None:
        """The broker's word about what is held, beside the books."""
        self.state.refresh(self.ctx)
        ours = {code: held.quantity for code, held in self.state.positions.items()}
        theirs = {held.stock_code: held.quantity for held in holdings.items}
        self.raise_if(self.watchdog.holdings(ours, theirs, mend.in_flight(self.ctx)))

    def raise_if(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self.alarm(alarm)
