"""What became of an order: one state for one set of events, whatever their order of arrival."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import FINAL_STATES, OPEN_STATES, OrderEvent, OrderEventKind, OrderState
from kt.rules.order_state import derive
from kt.rules.order_transitions import TRANSITIONS
from tests.rules.make import event, filled, order

S = OrderState
A, B, C = "0000101", "0000102", "0000103"


def sent() -> list[OrderEvent]:
    return [event("PLANNED", 0), event("SENDING", 1)]


def acked() -> list[OrderEvent]:
    return [*sent(), event("ACKED", 2, ord_no=A)]


HISTORIES = {
    "planned": ([event("PLANNED")], S.PLANNED, 0, 0),
    "denied": ([event("PLANNED"), event("DENIED", 1, code="CASH")], S.DENIED, 0, 0),
    "sending": (sent(), S.SENDING, 0, 0),
    "unknown": ([*sent(), event("UNKNOWN", 2)], S.UNKNOWN, 0, 0),
    "refused": ([*sent(), event("REJECTED", 2, code="RC4025")], S.REJECTED, 0, 0),
    "not placed": ([*sent(), event("NOT_PLACED", 2)], S.NOT_PLACED, 0, 0),
    "given up": ([*sent(), event("UNKNOWN", 2), event("GIVEN_UP", 3)], S.NOT_PLACED, 0, 0),
    "adopted": ([*sent(), event("UNKNOWN", 2), event("ADOPTED", 3, ord_no=A)], S.ACKED, 0, 0),
    "sent again": (
        [*sent(), event("NOT_PLACED", 2), event("SENDING", 3), event("ACKED", 4, ord_no=A)],
        S.ACKED,
        0,
        0,
    ),
    "sending again": (
        [*sent(), event("NOT_PLACED", 2), event("SENDING", 3)],
        S.SENDING,
        0,
        0,
    ),
    "refused later": ([*acked(), event("REJECTED", 3)], S.REJECTED, 0, 0),
    "refused twice over": (
        [*sent(), event("UNKNOWN", 2), event("GIVEN_UP", 3), event("REJECTED", 4)],
        S.REJECTED,
        0,
        0,
    ),
    "refused, told after the close": (
        [*acked(), event("EXPIRED", 3), event("REJECTED", 4)],
        S.REJECTED,
        0,
        0,
    ),
    "partial": ([*acked(), filled(0, 3)], S.PARTIAL, 3, 0),
    "filled": ([*acked(), filled(0, 3), filled(3, 10)], S.FILLED, 10, 0),
    "filled before the answer": (
        [*sent(), filled(0, 10), event("ACKED", 2, ord_no=A)],
        S.FILLED,
        10,
        0,
    ),
    "filled before the cancel's answer": (
        [*acked(), event("CANCELLING", 4), filled(0, 10), event("CANCEL_FAILED", 60)],
        S.FILLED,
        10,
        0,
    ),
    "amending": ([*acked(), event("AMENDING", 3, price=70_500)], S.AMENDING, 0, 0),
    "amended": (
        [
            *acked(),
            filled(0, 3),
            event("AMENDING", 3, price=70_500),
            event("AMENDED", 4, price=70_500, ord_no=B),
        ],
        S.PARTIAL,
        3,
        0,
    ),
    "amended, filled under both numbers": (
        [
            *acked(),
            filled(0, 3),
            event("AMENDING", 3, price=70_500),
            event("AMENDED", 4, price=70_500, ord_no=B),
            filled(0, 7, ord_no=B),
        ],
        S.FILLED,
        10,
        0,
    ),
    "amend refused": (
        [*acked(), event("AMENDING", 3), event("AMEND_FAILED", 4, code="RC4033")],
        S.ACKED,
        0,
        0,
    ),
    "change unknown": (
        [*acked(), event("AMENDING", 3), event("CHANGE_UNKNOWN", 4)],
        S.AMENDING,
        0,
        0,
    ),
    "cancelling": ([*acked(), filled(0, 3), event("CANCELLING", 4)], S.CANCELLING, 3, 0),
    "cancelled": (
        [
            *acked(),
            filled(0, 3),
            event("CANCELLING", 4),
            event("CANCELLED", 5, quantity=7, ord_no=C),
        ],
        S.CANCELLED,
        3,
        7,
    ),
    "cancelled in part": (
        [
            *acked(),
            filled(0, 3),
            event("CANCELLING", 4, quantity=2),
            event("CANCELLED", 5, quantity=2, ord_no=C),
        ],
        S.PARTIAL,
        3,
        2,
    ),
    "a fill beats the cancel": (
        [
            *acked(),
            event("CANCELLING", 4),
            event("CANCEL_FAILED", 5, code="RC4033"),
            filled(0, 10),
        ],
        S.FILLED,
        10,
        0,
    ),
    "a late fill after the cancel": (
        [
            *acked(),
            event("CANCELLING", 4),
            event("CANCELLED", 5, ord_no=C),
            filled(0, 4),
        ],
        S.CANCELLED,
        4,
        6,
    ),
    "filled whole after the cancel": (
        [*acked(), event("CANCELLING", 4), event("CANCELLED", 5, ord_no=C), filled(0, 10)],
        S.FILLED,
        10,
        0,
    ),
    "expired": ([*acked(), filled(0, 3), event("EXPIRED", 5)], S.EXPIRED, 3, 0),
    "filled whole after the close": (
        [*acked(), event("EXPIRED", 5), filled(0, 10)],
        S.FILLED,
        10,
        0,
    ),
    "amended, then cancelled": (
        [
            *acked(),
            event("AMENDING", 3, price=70_500),
            event("AMENDED", 4, price=70_500, ord_no=B),
            event("CANCELLING", 5),
            event("CANCEL_FAILED", 6),
            event("AMENDING", 7, price=71_000),
            event("AMENDED", 8, price=71_000, ord_no=C),
            event("CANCELLING", 9),
            event("CANCELLED", 10, ord_no="0000104"),
        ],
        S.CANCELLED,
        0,
        10,
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_each_history_of_events_gives_its_final_state(name: str) -> None:
    events, state, done, cancelled = HISTORIES[name]

    derived = derive(order(), events)

    assert derived.impossible == ()
    assert derived.order.state is state
    assert derived.order.filled_quantity == done
    assert derived.order.cancelled_quantity == cancelled


@given(st.sampled_from(sorted(HISTORIES)), st.randoms(use_true_random=False))
def test_any_permutation_of_events_gives_the_same_order(name: str, shuffle: random.Random) -> None:
    events = list(HISTORIES[name][0])
    expected = derive(order(), events)
    shuffle.shuffle(events)
    repeated = events + shuffle.sample(events, shuffle.randint(0, len(events)))

    assert derive(order(), repeated) == expected


@pytest.mark.parametrize("name", HISTORIES)
def test_each_step_of_a_history_is_in_the_table(name: str) -> None:
    events = HISTORIES[name][0]
    before = S.PLANNED
    for count, told in enumerate(events, 1):
        after = derive(order(), events[:count]).order.state
        assert after in TRANSITIONS[before][told.kind], (before, told.kind, after)
        before = after


@given(st.lists(st.sampled_from([e for row in HISTORIES.values() for e in row[0]])), st.randoms())
def test_any_set_of_events_gives_the_same_order_in_any_sequence(
    events: list[OrderEvent], shuffle: random.Random
) -> None:
    first = derive(order(), events)
    shuffle.shuffle(events)

    assert derive(order(), events) == first
    assert 0 <= first.order.filled_quantity <= 10
    assert first.order.filled_quantity + first.order.cancelled_quantity <= 10
    assert first.order.filled_quantity == sum(fill.quantity for fill in first.fills) or (
        all(told.kind is not OrderEventKind.FILL for told in events)
    )
    assert (first.order.state is S.FILLED) == (first.order.filled_quantity == 10)


@given(st.lists(st.sampled_from([e for row in HISTORIES.values() for e in row[0]])))
def test_folding_again_changes_nothing(events: list[OrderEvent]) -> None:
    once = derive(order(), events).order

    assert derive(once, events).order == once


def test_a_fill_from_stream_and_listing_counts_once() -> None:
    events = [
        *acked(),
        filled(0, 4, price=70_100),
        filled(0, 10, price=70_000, source="rest"),
    ]

    derived = derive(order(), events)

    assert derived.order.state is S.FILLED
    assert derived.order.filled_value == 4 * 70_100 + 6 * 70_000
    assert [(f.from_quantity, f.to_quantity, f.source) for f in derived.fills] == [
        (0, 4, "stream"),
        (4, 10, "rest"),
    ]


def test_the_same_number_with_other_padding_is_the_same_number() -> None:
    events = [*acked(), filled(0, 4), filled(0, 4, ord_no="101", source="rest")]

    done = derive(order(), events).order

    assert done.filled_quantity == 4
    assert done.ord_nos == (A,)


def test_the_price_is_the_newest_amends_and_the_chain_is_kept() -> None:
    events, *_ = HISTORIES["amended, then cancelled"]

    done = derive(order(), events).order

    assert done.price == 71_000
    assert done.ord_nos == (A, B, C)
    assert done.ord_no == C


def test_amends_apply_in_the_sequence_of_their_order_numbers() -> None:
    events = [
        *acked(),
        event("AMENDED", 9, ord_no=B, price=70_500),
        event("AMENDED", 3, ord_no=C, price=71_000),
    ]

    assert derive(order(), events).order.price == 71_000


def test_a_cancel_reported_by_answer_and_stream_counts_once() -> None:
    events = [
        *acked(),
        event("CANCELLING", 3, quantity=2),
        event("CANCELLED", 4, quantity=2, ord_no=C),
        event("CANCELLED", 5, quantity=2, ord_no="103"),
        event("CANCELLED", 6, quantity=2),
    ]

    done = derive(order(), events).order

    assert (done.state, done.cancelled_quantity) == (S.ACKED, 2)


def test_a_cancel_reported_under_the_orders_own_number_counts_once() -> None:
    events = [
        *acked(),
        event("CANCELLED", 4, quantity=2, ord_no=C),
        event("CANCELLED", 5, quantity=2, ord_no=A),
    ]

    assert derive(order(), events).order.cancelled_quantity == 2


def test_two_cancels_of_a_part_add_up() -> None:
    events = [
        *acked(),
        event("CANCELLED", 4, quantity=2, ord_no="0000200"),
        event("CANCELLED", 5, quantity=3, ord_no="0000201"),
    ]

    assert derive(order(), events).order.cancelled_quantity == 5


CONTRADICTIONS = {
    "refused, yet it fills": ([*sent(), event("REJECTED", 2), filled(0, 10)], S.FILLED, "REJECTED"),
    "never placed, yet it has a number": (
        [*acked(), event("NOT_PLACED", 3)],
        S.ACKED,
        "NOT_PLACED",
    ),
    "given up, yet it fills": (
        [*sent(), event("UNKNOWN", 2), event("GIVEN_UP", 3), filled(0, 4)],
        S.PARTIAL,
        "GIVEN_UP",
    ),
    "denied, yet sent": ([*sent(), event("DENIED", 2)], S.SENDING, "DENIED"),
    "sent twice": ([*sent(), event("SENDING", 2)], S.SENDING, "SENDING"),
    "two numbers for one send": ([*acked(), event("ACKED", 3, ord_no=B)], S.ACKED, "ACKED"),
    "amended before it exists": ([*sent(), event("AMENDED", 3, ord_no=B)], S.SENDING, "AMENDED"),
    "amended without a number": ([*acked(), event("AMENDED", 3)], S.ACKED, "AMENDED"),
    "expired while unknown": (
        [*sent(), event("UNKNOWN", 2), event("EXPIRED", 3)],
        S.UNKNOWN,
        "EXPIRED",
    ),
    "more than was ordered": ([*acked(), filled(0, 10), filled(10, 12)], S.FILLED, "FILL"),
    "a fill of another stock": ([*acked(), filled(0, 4, stock_code="000660")], S.ACKED, "FILL"),
    "a fill without a fill": ([*acked(), event("FILL", 3)], S.ACKED, "FILL"),
    "another order's event": ([*acked(), event("FILL", 3, order_id="O2")], S.ACKED, "FILL"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradicting_event_is_returned_as_impossible_and_changes_nothing(name: str) -> None:
    events, state, kind = CONTRADICTIONS[name]

    derived = derive(order(), events)

    assert derived.order.state is state
    assert [told.kind.value for told in derived.impossible] == [kind]
    assert derive(order(), list(reversed(events))) == derived


def test_the_order_shows_code_and_message_of_the_deciding_event() -> None:
    refused = derive(
        order(), [*sent(), event("REJECTED", 2, code="RC4025", message="증거금 부족")]
    ).order
    denied = derive(order(state=S.DENIED, code="CASH", message="short"), [event("DENIED", 0)]).order
    stands = derive(
        order(), [*acked(), event("AMENDING", 3), event("AMEND_FAILED", 4, code="X")]
    ).order

    assert (refused.code, refused.message) == ("RC4025", "증거금 부족")
    assert (denied.state, denied.code, denied.message) == (S.DENIED, "CASH", "short")
    assert stands.code == "X"


def test_every_state_has_a_row_and_is_reached_by_another() -> None:
    assert set(TRANSITIONS) == set(S)
    for state, row in TRANSITIONS.items():
        for kind, targets in row.items():
            assert targets, (state, kind)
            assert set(targets) <= set(S)
    reached = {t for row in TRANSITIONS.values() for targets in row.values() for t in targets}
    assert reached == set(S)


def test_final_states_lead_only_to_final_states_unless_sent_again() -> None:
    for state in FINAL_STATES:
        for kind, targets in TRANSITIONS[state].items():
            if (state, kind) != (S.NOT_PLACED, OrderEventKind.SENDING):
                assert set(targets) <= FINAL_STATES, (state, kind)
    for state in OPEN_STATES:
        assert OrderEventKind.FILL in TRANSITIONS[state]
