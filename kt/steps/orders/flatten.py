"""The stop `flatten`: cancel open orders, sell all positions at market, then halt.

It waits while the broker is unreachable, and continues with the other stocks when the sell of one
is rejected. It starts from the current positions and never from its own progress, so it can be
repeated at any time, after a crash too. The stop stays `flatten` until no position is left, so
that `kt run` continues with it, also on the next day.
"""

from __future__ import annotations

from dataclasses import dataclass

from kt.errors import AuthError, Denied, JournalError, KtError
from kt.ports import concurrency
from kt.ports.patience import within
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Origin,
    Side,
    Stop,
    StopMode,
    StreamEvent,
)
from kt.rules import trading_phases
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking, position_reconciliation, startup
from kt.steps.results import Flattened
from kt.steps.risk import check, stops
from kt.steps.risk.account_exposure import exits_of, shares_offered, unlisted
from kt.steps.waiting import Waitable

MAX_BID_SHARE = 0.3
"""The largest part of the book's total bid quantity that one order takes."""
ROUNDS = 40
"""Maximum orders per stock, one after another, in one pass."""
FILL_TIMEOUT = 15.0
"""Seconds to wait for the fills of one round."""
FINAL_CHECKS = 3
PAUSE = 1.5
"""How often holdings and open orders are compared at the end of a pass, and seconds in between."""
REQUEST_TIMEOUT = 2.0
"""Real seconds to wait for a stock's order book, or for the holdings."""
OFFLINE, LONGEST_OFFLINE = 1.0, 15.0
"""Seconds between two tries while the broker is unreachable: doubled up to the longest."""
REFUSED, LONGEST_REFUSED = 5.0, 300.0
"""Seconds between two passes while sells are rejected: doubled up to the longest."""
TAKE_OVER = 120.0
"""Seconds after which an unfinished flatten counts as abandoned. If its process is alive after all,
two of them do no harm: each sells no more than the broker's sellable shares."""


def flatten(
    ctx: Context,
    reason: str,
    by: str = "owner",
    events: Waitable[StreamEvent] | None = None,
    *,
    patient: bool = False,
) -> Flattened:
    """Set the stop, cancel, sell, wait for the fills, halt; waits while the broker is unreachable.

    Rejected sells are retried until the market closes if `patient`, otherwise reported as left;
    the stop then stays `flatten`. Raises AuthError and JournalError.
    """
    stops.begin_flatten(ctx, reason, by)
    flattening = _Flattening(ctx, events if events is not None else concurrency.mailbox())
    flattening.run(patient)
    report = flattening.report()
    if report.done and flattening.in_force():
        stops.halt(ctx, f"after flatten: {reason}", by)
    elif not report.done:
        notify(ctx, "critical", "kt: flatten left something", "; ".join(report.left))
    return report


EMERGENCY = "emergency"
"""`Stop.by` of a stop set by `emergency.action`."""


def abandoned(ctx: Context, stop: Stop) -> bool:
    """Whether this stop is a flatten that `kt run` has to finish: at once if an emergency of an
    earlier run began it (only one run exists at a time), otherwise after TAKE_OVER seconds."""
    if stop.mode is not StopMode.FLATTEN:
        return False
    return stop.by == EMERGENCY or (ctx.clock.now() - stop.at).total_seconds() >= TAKE_OVER


@dataclass(frozen=True, slots=True)
class _Shares:
    """The shares held of one stock, and how many of them are sellable now."""

    stock_code: str
    stock_name: str
    quantity: int
    sellable: int


class _Flattening:
    """One flatten in progress: orders cancelled, orders sold, and by stock code why it is left."""

    def __init__(self, ctx: Context, events: Waitable[StreamEvent]) -> None:
        self.ctx = ctx
        self.events = events
        self.asked_at = ctx.clock.now()
        """When the holdings were last requested."""
        self.cancelled: dict[str, Order] = {}
        self.sold: dict[str, Order] = {}
        self.left: dict[str, str] = {}
        self.blocked: set[str] = set()
        self.notified: set[str] = set()

    def run(self, patient: bool) -> None:
        """Run passes until nothing is left, the stop was changed, the market is closed, or, if not
        `patient`, after the first."""
        refused = REFUSED
        while True:
            self.pass_with_reconnect()
            if not self.left or not self.in_force():
                return
            if not patient or not self._market_open():
                return
            self._notify_left()
            self.ctx.clock.sleep(refused)
            refused = min(LONGEST_REFUSED, refused * 2)

    def pass_with_reconnect(self) -> None:
        """One complete pass, restarted while the broker is unreachable."""
        pause = OFFLINE
        while True:
            self.left.clear()
            try:
                self.one_pass()
                return
            except (AuthError, JournalError):
                raise
            except KtError as failure:
                note_error(self.ctx, "flatten", failure)
                if pause == OFFLINE:
                    self._notify_waiting(failure)
                if not self.in_force():
                    self.left[""] = f"given up: {stops.current(self.ctx).mode}"
                    return
            self.ctx.clock.sleep(pause)
            pause = min(LONGEST_OFFLINE, pause * 2)

    def in_force(self) -> bool:
        """Whether the stop is still flatten: a person may have halted meanwhile."""
        return stops.current(self.ctx).mode is StopMode.FLATTEN

    def _market_open(self) -> bool:
        return trading_phases.may_order(self.ctx.clock.now(), self.ctx.config.session)

    def _notify_left(self) -> None:
        """Notify each stock that is left once, however often its sell is retried."""
        if self.left.keys() <= self.notified:
            return
        self.notified |= self.left.keys()
        notify(
            self.ctx,
            "critical",
            "kt: flatten goes on",
            f"not sold yet: {'; '.join(self._named())}. It is tried again, less and less often, "
            "until the market closes.",
        )

    def _named(self) -> tuple[str, ...]:
        return tuple(f"{code}: {why}" if code else why for code, why in self.left.items())

    def _notify_waiting(self, failure: KtError) -> None:
        notify(
            self.ctx,
            "critical",
            "kt: flatten waits for the broker",
            f"{failure}. It goes on by itself as soon as the broker answers.",
        )

    def one_pass(self) -> None:
        """Cancel and sell at once, then reconcile, and sell again what that has freed."""
        self.cancel_open()
        self.sell_all()
        startup.reconcile(self.ctx, urgent=True)
        self.cancel_open()
        self.unblock()
        self.sell_all()
        self.check_left()

    def unblock(self) -> None:
        """Retry the stocks whose sell was denied or unknown: reconciliation may have resolved the
        order that blocked it."""
        for order in self.sold.values():
            now = self.ctx.journal.order(order.order_id)
            if order.state is OrderState.UNKNOWN and now is not None and now.state != order.state:
                self.blocked.add(order.stock_code)
        for code in self.blocked:
            self.left.pop(code, None)
        self.blocked.clear()

    def cancel_open(self) -> None:
        """Cancel open buys and limit sells; a market sell keeps its time priority."""
        for order in self.open_orders():
            if order.side is Side.BUY or order.order_type is OrderType.LIMIT:
                self.cancelled[order.order_id] = self.cancel(order)

    def open_orders(self) -> tuple[Order, ...]:
        """The open orders that kt placed."""
        return tuple(
            order
            for order in order_tracking.still_open(self.ctx)
            if order.origin is not Origin.EXTERNAL
        )

    def cancel(self, order: Order) -> Order:
        try:
            return place.cancel(self.ctx, order).order
        except Denied as denied:  # it has just ended
            note_error(self.ctx, "flatten.cancel", denied)
            return self.ctx.journal.order(order.order_id) or order

    def sell_all(self) -> None:
        """Sell in rounds of one order per stock, waiting for each round's fills."""
        for _ in range(ROUNDS):
            pieces = self.sell_round()
            if not pieces:
                return
            for order in order_tracking.follow(self.ctx, pieces, self.events, FILL_TIMEOUT):
                ended = self.cancel(order) if order.state in OPEN_STATES else order
                self.sold[order.order_id] = ended

    def to_sell(self) -> tuple[_Shares, ...]:
        """The shares to sell; by kt's positions alone when the broker is reachable but its holdings
        request fails."""
        self.asked_at = self.ctx.clock.now()
        try:
            with within(REQUEST_TIMEOUT):
                return self.held()
        except (AuthError, JournalError):
            raise
        except KtError as failure:
            note_error(self.ctx, "flatten.holdings", failure)
        with within(REQUEST_TIMEOUT):
            self.ctx.broker.open_orders()
        return self.with_positions({})

    def held(self) -> tuple[_Shares, ...]:
        """The broker's holdings, and kt's positions that they lack."""
        listed = {
            item.stock_code: _Shares(item.stock_code, item.stock_name, item.quantity, item.sellable)
            for item in self.ctx.broker.holdings().items
            if item.quantity
        }
        return self.with_positions(listed)

    def with_positions(self, listed: dict[str, _Shares]) -> tuple[_Shares, ...]:
        """Add kt's positions that the holdings lack: a single list may be incomplete, and if the
        shares do not exist the broker rejects the sell."""
        moving = position_reconciliation.in_flight(self.ctx)
        for position in self.ctx.journal.positions():
            code = position.stock_code
            if code not in listed and code not in moving:
                shares = position.quantity
                listed[code] = _Shares(code, position.stock_name, shares, shares)
        return tuple(listed.values())

    def sell_round(self) -> list[Order]:
        """Send one order for each sellable stock; those that are open or filled. A rejected stock
        is not tried again in this pass."""
        pieces = []
        for held in self.to_sell():
            if held.sellable <= 0 or held.stock_code in self.left:
                continue
            order = self.sell_piece(held)
            if order is None:
                continue
            if order.state in OPEN_STATES or order.state is OrderState.FILLED:
                pieces.append(order)
                continue
            self.sold[order.order_id] = order
            why = f"{held.quantity} shares: {order.state} {order.code} {order.message}"
            self.left[held.stock_code] = why.rstrip()
        return pieces

    def sold_by_exits(self, stock_code: str) -> int:
        """The shares in sells of kt's exits that the holdings may not show yet: exits leave beside
        flatten, and its round takes a while from the holdings to the last stock's order."""
        today = self.ctx.journal.orders(day=self.asked_at.date(), stock_code=stock_code)
        exits = (o for o in exits_of(today, stock_code) if o.origin is not Origin.FLATTEN)
        return shares_offered(unlisted(self.ctx, exits, self.asked_at))

    def sell_piece(self, held: _Shares) -> Order | None:
        """Sell what one order may take; None when exits have sold the shares or it is denied."""
        piece = _piece(self.ctx, held)
        quantity = min(piece, held.sellable - self.sold_by_exits(held.stock_code))
        if quantity <= 0:
            return None
        intent = OrderIntent(
            side=Side.SELL,
            stock_code=held.stock_code,
            stock_name=held.stock_name,
            quantity=quantity,
            order_type=OrderType.MARKET,
            price=0,
            origin=Origin.FLATTEN,
            reason="flatten",
        )
        try:
            return place.place(self.ctx, check.check_exit(self.ctx, intent, held.quantity))
        except Denied as denied:  # such as by another process that sells the same stock
            self.left[held.stock_code] = f"{held.quantity} shares: {denied}"
            self.blocked.add(held.stock_code)
            return None

    def check_left(self) -> None:
        """Find what is still held or open at the end of a pass; the holdings may lag behind the
        fills for a moment."""
        held: tuple[_Shares, ...] = ()
        for _ in range(FINAL_CHECKS):
            held = self.held()
            if all(one.stock_code in self.left for one in held):
                break
            self.ctx.clock.sleep(PAUSE)
            order_tracking.catch_up(self.ctx)
        left = {
            o.stock_code: f"{o.side} {o.ord_no} of {o.open_quantity} shares is {o.state}"
            for o in self.open_orders()
        }
        for one in held:
            why = f"{one.quantity} shares are held, {one.sellable} of them can be sold"
            left[one.stock_code] = self.left.get(one.stock_code, why)
        self.left = left

    def report(self) -> Flattened:
        found = (self.ctx.journal.order(order_id) for order_id in self.sold)
        sold = tuple(o for o in found if o and (o.ord_no or o.state in UNRESOLVED_STATES))
        return Flattened(
            cancelled=tuple(self.cancelled.values()),
            sold=sold,
            left=self._named(),
            done=not self.left,
        )


def _piece(ctx: Context, held: _Shares) -> int:
    """The quantity of one order: all that is sellable, at most MAX_BID_SHARE of the bid quantity;
    without that limit when the book cannot be fetched in time."""
    try:
        with within(REQUEST_TIMEOUT):
            book = ctx.market.book(held.stock_code)
    except KtError as failure:
        note_error(ctx, "flatten.book", failure)
        return held.sellable
    if not book.total_bid:
        return held.sellable
    return min(held.sellable, max(1, int(book.total_bid * MAX_BID_SHARE)))
