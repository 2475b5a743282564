"""The state of an order, folded from its events in whatever order they arrived.

The events of an order are a set of facts. They are sorted into one canonical sequence (evidence
that the broker has the order before evidence that it does not) and applied to the table
`TRANSITIONS`. So a permutation of the same events gives the same order, a repeated event changes
nothing, and an event that the table does not allow is returned as impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from kt.records import Fill, Order, OrderEvent, OrderEventKind, OrderState
from kt.rules.distinct_fills import DistinctFills, distinct_fills, number
from kt.rules.order_transitions import TRANSITIONS, canonical

_K = OrderEventKind
_S = OrderState

_OUTSIDE = {
    _K.PLANNED: _S.PLANNED,
    _K.DENIED: _S.DENIED,
    _K.SENDING: _S.SENDING,
    _K.UNKNOWN: _S.UNKNOWN,
    _K.REJECTED: _S.REJECTED,
    _K.NOT_PLACED: _S.NOT_PLACED,
    _K.GIVEN_UP: _S.NOT_PLACED,
}
"""The state after an event that says that the order is not, or perhaps not, at the broker."""

_EXPLAINED_BY = {
    _S.DENIED: {_K.DENIED},
    _S.REJECTED: {_K.REJECTED},
    _S.NOT_PLACED: {_K.NOT_PLACED, _K.GIVEN_UP},
    _S.UNKNOWN: {_K.UNKNOWN},
    _S.ACKED: {_K.AMEND_FAILED, _K.CANCEL_FAILED},
    _S.PARTIAL: {_K.AMEND_FAILED, _K.CANCEL_FAILED},
    _S.AMENDING: {_K.CHANGE_UNKNOWN},
    _S.CANCELLING: {_K.CHANGE_UNKNOWN},
    _S.CANCELLED: {_K.CANCELLED},
    _S.EXPIRED: {_K.EXPIRED},
}
"""The event whose code and message the order shows in a state."""


@dataclass(frozen=True, slots=True)
class Derived:
    """An order as derived from its events.

    `impossible` are the events that contradict the others: they change nothing, and are journaled
    and reported to the owner. `fills` are the order's fills, each share once.
    """

    order: Order
    impossible: tuple[OrderEvent, ...]
    fills: tuple[Fill, ...]


def derive(intent: Order, events: Iterable[OrderEvent]) -> Derived:
    """Fold all events of an order. `intent` is the order as planned, or as derived before.

    Only the intent's own fields are taken from `intent` (stock, side, quantity, origin, reason);
    everything else comes from `events`, so all of them must be given each time, including the first
    (PLANNED or DENIED). The order's quantity stays the wanted one: an amend changes the price. A
    CANCELLED event with quantity 0 cancels all that was not filled; its `ord_no`, if any, is the
    cancel's own number, and a cancel reported twice counts once.
    """
    unique = _once(events)
    ours = [event for event in unique if event.order_id == intent.order_id]
    filled = distinct_fills(intent, (event.fill for event in ours if event.fill is not None))
    facts = _Facts(intent, filled)
    for event in canonical(ours):
        facts.take(event)
    strangers = [event for event in unique if event.order_id != intent.order_id]
    impossible = sorted((*strangers, *facts.impossible), key=lambda e: (e.at, e.event_id))
    return Derived(facts.order(), tuple(impossible), filled.fills)


@dataclass(slots=True)
class _Facts:
    """What the events have established so far, in the canonical sequence."""

    intent: Order
    fills: DistinctFills
    state: OrderState = OrderState.PLANNED
    root: int = -1
    numbers: dict[int, str] = field(default_factory=dict)
    price: int = 0
    amended: set[int] = field(default_factory=set)
    cancelled: dict[int, int] = field(default_factory=dict)
    cancelled_all: bool = False
    counts: dict[OrderEventKind, int] = field(default_factory=dict)
    taken: list[OrderEvent] = field(default_factory=list)
    impossible: list[OrderEvent] = field(default_factory=list)

    def take(self, event: OrderEvent) -> None:
        kind = event.kind
        if kind not in TRANSITIONS[self.state] or not self._believable(event):
            self.impossible.append(event)
            return
        self.taken.append(event)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self._note(event)
        self.state = self._next(kind)

    def _believable(self, event: OrderEvent) -> bool:
        if event.kind is _K.FILL:
            return event.fill is not None and event.fill not in self.fills.rejected
        if event.kind in (_K.ACKED, _K.ADOPTED):
            return self.root in (-1, number(event.ord_no))
        return event.kind is not _K.AMENDED or bool(event.ord_no)

    def _note(self, event: OrderEvent) -> None:
        ord_no = event.fill.ord_no if event.fill else event.ord_no
        if event.kind in (_K.ACKED, _K.ADOPTED, _K.AMENDED, _K.FILL) and ord_no:
            longest = max(self.numbers.get(number(ord_no), ""), ord_no, key=lambda n: (len(n), n))
            self.numbers[number(ord_no)] = longest
        if event.kind in (_K.ACKED, _K.ADOPTED):
            self.root = number(ord_no)
        elif event.kind is _K.AMENDED:
            self.amended.add(number(ord_no))
            self.price = event.price or self.price  # taken in the sequence of the numbers
        elif event.kind is _K.CANCELLED:
            known = number(ord_no) if number(ord_no) not in self.numbers else -1
            self.cancelled[known] = max(self.cancelled.get(known, 0), event.quantity)
            self.cancelled_all = self.cancelled_all or event.quantity == 0

    def _next(self, kind: OrderEventKind) -> OrderState:
        if self.state is _S.REJECTED:
            return _S.REJECTED
        if kind in _OUTSIDE:
            return _OUTSIDE[kind]
        standing = self._standing()
        ended = standing in (_S.FILLED, _S.CANCELLED)
        return _S.EXPIRED if kind is _K.EXPIRED and not ended else standing

    def _standing(self) -> OrderState:
        """The state of an order that is at the broker, from its share counts."""
        done = self.fills.quantity if self.counts.get(_K.FILL) else 0
        if done >= self.intent.quantity:
            return _S.FILLED
        if done + self._cancelled_quantity(done) >= self.intent.quantity:
            return _S.CANCELLED
        if self._pending(_K.CANCELLING, len(self.cancelled), _K.CANCEL_FAILED):
            return _S.CANCELLING
        if self._pending(_K.AMENDING, len(self.amended), _K.AMEND_FAILED):
            return _S.AMENDING
        return _S.PARTIAL if done else _S.ACKED

    def _pending(self, asked: OrderEventKind, done: int, failed: OrderEventKind) -> bool:
        return self.counts.get(asked, 0) > done + self.counts.get(failed, 0)

    def _cancelled_quantity(self, done: int) -> int:
        """Shares cancelled, without those that were filled before the cancel."""
        rest = self.intent.quantity - done
        nameless = self.cancelled.get(-1, 0)
        told = max(nameless, sum(self.cancelled.values()) - nameless)
        return rest if self.cancelled_all else min(rest, told)

    def order(self) -> Order:
        done = self.fills.quantity if self.counts.get(_K.FILL) else 0
        chain = tuple(self.numbers[key] for key in sorted(self.numbers))
        explained = _explanation(self.taken, self.state)
        denied = self.intent if self.intent.state is self.state is _S.DENIED else None
        return msgspec.structs.replace(
            self.intent,
            state=self.state,
            price=self.price or self.intent.price,
            ord_nos=chain,
            ord_no=chain[-1] if chain else "",
            filled_quantity=done,
            filled_value=self.fills.value if done else 0,
            cancelled_quantity=self._cancelled_quantity(done) if self.cancelled else 0,
            code=explained.code if explained else denied.code if denied else "",
            message=explained.message if explained else denied.message if denied else "",
            concerns=explained.concerns if explained else None,
            not_enough=explained.not_enough if explained else False,
            updated_at=max((event.at for event in self.taken), default=self.intent.created_at),
        )


def _explanation(taken: Sequence[OrderEvent], state: OrderState) -> OrderEvent | None:
    """The newest event that explains the order's state."""
    kinds = _EXPLAINED_BY.get(state, set())
    told = [event for event in taken if event.kind in kinds and (event.code or event.message)]
    return max(told, key=lambda event: (event.at, event.event_id), default=None)


def _once(events: Iterable[OrderEvent]) -> list[OrderEvent]:
    """Each event id once; of two different events with one id, always the same one is used."""
    unique: dict[str, OrderEvent] = {}
    for event in events:
        other = unique.get(event.event_id)
        if other is None or (event.at, repr(event)) < (other.at, repr(other)):
            unique[event.event_id] = event
    return list(unique.values())
