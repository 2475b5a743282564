"""Against a model of the broker: whatever it does and however the news arrives, kt agrees."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from kt.records import OrderEvent, OrderState
from kt.rules.order_state import derive
from kt.rules.order_transitions import TRANSITIONS
from tests.rules.make import event, filled, order

S = OrderState


@dataclass
class Broker:
    """One order's true life, and the events it gives rise to, in the order they happen."""

    quantity: int
    pick: random.Random
    events: list[OrderEvent] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    done_by_number: dict[int, int] = field(default_factory=dict)
    done: int = 0
    cancelled: int = 0
    ended: S | None = None
    clock: int = 0
    next_number: int = 101

    @property
    def left(self) -> int:
        return self.quantity - self.done - self.cancelled

    def tell(self, kind: str, **what: object) -> None:
        self.clock += 1
        self.events.append(event(kind, self.clock, **what))

    def number(self) -> int:
        self.next_number += self.pick.randint(1, 3)
        return self.next_number

    def send(self) -> None:
        self.tell("PLANNED")
        for _ in range(self.pick.choice([0, 0, 0, 1, 2])):
            self.tell("SENDING")
            self.tell("NOT_PLACED", code="1700")
        self.tell("SENDING")
        first = self.number()
        self.numbers.append(first)
        told = self.pick.choice(["ACKED", "UNKNOWN", "late"])
        if told == "late":
            self.fill()
        if told == "UNKNOWN":
            self.tell("UNKNOWN", evidence="read timeout")
        self.tell("ADOPTED" if told == "UNKNOWN" else "ACKED", ord_no=f"{first:07}")

    def fill(self) -> None:
        if not self.left or self.ended is S.CANCELLED:
            return
        size = self.pick.randint(1, self.left)
        number = self.numbers[-1]
        start = self.done_by_number.get(number, 0)
        self.done_by_number[number] = start + size
        self.done += size
        self.clock += 1
        for source in self.pick.choice([["stream"], ["rest"], ["stream", "rest"]]):
            self.events.append(
                filled(start, start + size, self.clock, ord_no=f"{number:07}", source=source)
            )

    def amend(self) -> None:
        if not self.left or self.ended:
            return
        self.tell("AMENDING", price=71_000)
        if self.pick.random() < 0.3:
            self.tell("CHANGE_UNKNOWN")
        if self.pick.random() < 0.3:
            self.tell("AMEND_FAILED", code="RC4033")
            return
        self.numbers.append(self.number())
        self.tell("AMENDED", ord_no=f"{self.numbers[-1]:07}", price=71_000)

    def cancel(self) -> None:
        if not self.left or self.ended:
            return
        self.tell("CANCELLING")
        if self.pick.random() < 0.3:
            self.fill()  # beats the cancel
        if not self.left or self.pick.random() < 0.3:
            self.tell("CANCEL_FAILED", code="RC4033")
            return
        size = self.pick.randint(1, self.left)
        self.cancelled += size
        self.tell("CANCELLED", quantity=size, ord_no=f"{self.number():07}")
        if not self.left:
            self.ended = S.CANCELLED

    def close(self) -> None:
        if self.left:
            self.tell("EXPIRED")
            self.ended = S.EXPIRED
            self.fill()  # an execution reported after the close

    def state(self) -> S:
        if self.done == self.quantity:
            return S.FILLED
        if not self.left:
            return S.CANCELLED  # a part was cancelled and the rest has filled
        return self.ended or (S.PARTIAL if self.done else S.ACKED)


def live(seed: int) -> Broker:
    pick = random.Random(seed)
    broker = Broker(pick.randint(1, 12), pick)
    broker.send()
    for _ in range(pick.randint(0, 6)):
        pick.choice([broker.fill, broker.fill, broker.amend, broker.cancel])()
    if pick.random() < 0.4 and not broker.ended:
        broker.close()
    return broker


@settings(max_examples=4 * settings().max_examples)
@given(st.integers(0, 1 << 32), st.randoms(use_true_random=False))
def test_after_all_events_kt_and_the_modelled_broker_agree(
    seed: int, shuffle: random.Random
) -> None:
    broker = live(seed)
    arrived = [*broker.events, *shuffle.sample(broker.events, len(broker.events) // 2)]
    shuffle.shuffle(arrived)

    derived = derive(order(broker.quantity), arrived)

    assert derived.impossible == ()
    assert derived.order.state is broker.state()
    assert derived.order.filled_quantity == broker.done
    assert derived.order.filled_value == broker.done * 70_000
    assert derived.order.cancelled_quantity == broker.cancelled
    assert [int(ord_no) for ord_no in derived.order.ord_nos] == broker.numbers
    assert derived == derive(order(broker.quantity), broker.events)


@settings(max_examples=2 * settings().max_examples)
@given(st.integers(0, 1 << 32))
def test_every_transition_of_the_model_is_in_the_table(seed: int) -> None:
    broker = live(seed)
    before = S.PLANNED
    for count, told in enumerate(broker.events, 1):
        after = derive(order(broker.quantity), broker.events[:count]).order.state
        assert after in TRANSITIONS[before].get(told.kind, ()), (before, told.kind, after)
        before = after


@given(st.integers(0, 1 << 32), st.randoms(use_true_random=False))
def test_folding_one_by_one_from_the_stored_order_is_the_same(
    seed: int, shuffle: random.Random
) -> None:
    events = live(seed).events
    whole = derive(order(20), events).order
    arrived = list(events)
    shuffle.shuffle(arrived)
    stored = order(20)
    for count in range(1, len(arrived) + 1):
        stored = derive(stored, arrived[:count]).order

    assert stored == whole
