"""Intents are planned one at a time, events fold, and nothing that happened is forgotten."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.errors import Denied, JournalError
from kt.records import (
    Concern,
    OrderEvent,
    OrderEventKind,
    OrderState,
    OrderType,
    Origin,
    Side,
)
from kt.rules.order_state import derive
from kt.store.journal import SqliteJournal
from tests.store.make import DAY, T0, event, fill, fill_event, later, open_journal, order, placed


def test_an_intent_is_kept_as_it_was_meant(journal: SqliteJournal) -> None:
    meant = order(noted_ord_no="0000099", client_id="mine", origin=Origin.MANUAL)
    assert journal.plan_order(meant, event("PLANNED")) == meant
    assert journal.order("O1") == meant
    assert journal.order_events("O1") == (event("PLANNED"),)
    assert journal.order("O2") is None


def test_a_denied_intent_keeps_its_code(journal: SqliteJournal) -> None:
    denied = event("DENIED", code="CASH", message="1,000 > cash 10")
    kept = journal.plan_order(order(), denied)
    assert (kept.state, kept.code, kept.message) == ("DENIED", "CASH", "1,000 > cash 10")
    journal.plan_order(order("O2"), event("PLANNED", "O2"))  # a denied one is in nobody's way


@pytest.mark.parametrize("events", [[], ["SENDING"], ["SENDING", "UNKNOWN"]])
def test_a_second_intent_is_denied_until_the_first_is_resolved(
    journal: SqliteJournal, events: list[str]
) -> None:
    journal.plan_order(order(), event("PLANNED"))
    for kind in events:
        journal.record(event(kind))
    with pytest.raises(Denied, match="O1 is still") as denied:
        journal.plan_order(order("O2"), event("PLANNED", "O2"))
    assert denied.value.code == "DUPLICATE"
    assert journal.order("O2") is None
    journal.plan_order(order("O3", side=Side.SELL), event("PLANNED", "O3"))
    journal.plan_order(order("O4", stock_code="000660"), event("PLANNED", "O4"))


@pytest.mark.parametrize("last", ["ACKED", "REJECTED", "NOT_PLACED", "GIVEN_UP"])
def test_a_resolved_intent_allows_the_next(journal: SqliteJournal, last: str) -> None:
    journal.plan_order(order(), event("PLANNED"))
    journal.record(event("SENDING"))
    if last == "GIVEN_UP":
        journal.record(event("UNKNOWN"))
    journal.record(event(last, ord_no="0000101" if last == "ACKED" else ""))
    assert journal.plan_order(order("O2"), event("PLANNED", "O2")).state == "PLANNED"


def test_an_external_order_does_not_block_an_intent(journal: SqliteJournal) -> None:
    for name, origin in (("E1", Origin.EXTERNAL), ("O1", Origin.CYCLE), ("E2", Origin.EXTERNAL)):
        kept = journal.plan_order(order(name, origin=origin), event("PLANNED", name))
        assert kept.state is OrderState.PLANNED
    assert {one.order_id for one in journal.orders()} == {"E1", "O1", "E2"}


def test_a_client_id_seen_before_gives_the_first_order(journal: SqliteJournal) -> None:
    placed(journal, client_id="mine", decision_id="")
    first = journal.record(fill_event(fill(0, 10)))
    again = journal.plan_order(
        order("O2", client_id="mine", decision_id=""), event("PLANNED", "O2")
    )
    assert again == first
    assert len(journal.orders()) == 1


def test_an_amended_order_still_answers_to_its_first_contents(journal: SqliteJournal) -> None:
    placed(journal, client_id="mine", decision_id="")
    journal.record(event("AMENDING", ord_no="0000101", price=70_500))
    amended = journal.record(event("AMENDED", ord_no="0000102", price=70_500))
    assert amended.price == 70_500
    again = journal.plan_order(
        order("O2", client_id="mine", decision_id=""), event("PLANNED", "O2")
    )
    assert again == amended


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 11},
        {"price": 70_100},
        {"side": Side.SELL},
        {"stock_code": "000660"},
        {"order_type": OrderType.MARKET},
    ],
)
def test_a_client_id_with_other_contents_is_refused(
    journal: SqliteJournal, change: dict[str, object]
) -> None:
    placed(journal, client_id="mine", decision_id="")
    with pytest.raises(Denied, match="belongs to BUY 10 005930") as denied:
        journal.plan_order(
            order("O2", client_id="mine", decision_id="", **change), event("PLANNED", "O2")
        )
    assert denied.value.code == "CLIENT_ID"
    assert len(journal.orders()) == 1


def test_the_same_intent_written_twice_is_one(journal: SqliteJournal) -> None:
    journal.plan_order(order(), event("PLANNED"))
    assert journal.plan_order(order(), event("PLANNED")) == order()
    assert len(journal.order_events("O1")) == 1


def test_an_order_lives_through_its_events(journal: SqliteJournal) -> None:
    acked = placed(journal)
    assert (acked.state, acked.ord_no) == ("ACKED", "0000101")
    part = journal.record(fill_event(fill(0, 4)))
    assert (part.state, part.filled_quantity, part.filled_value) == ("PARTIAL", 4, 279_600)
    full = journal.record(fill_event(fill(4, 10, price=70_000)))
    assert (full.state, full.filled_value, full.open_quantity) == ("FILLED", 699_600, 0)
    assert journal.order("O1") == full
    assert journal.fills() == (fill(0, 4), fill(4, 10, price=70_000))
    told = journal.order_events("O1")
    assert [one.kind for one in told] == ["PLANNED", "SENDING", "ACKED", "FILL", "FILL"]
    assert told[3].fill == fill(0, 4)


def test_the_same_event_twice_counts_once(journal: SqliteJournal) -> None:
    placed(journal)
    once = journal.record(fill_event(fill(0, 4)))
    assert journal.record(fill_event(fill(0, 4))) == once
    assert len(journal.order_events("O1")) == 4
    assert len(journal.fills()) == 1


def test_the_same_shares_from_stream_and_list_count_once(journal: SqliteJournal) -> None:
    """The list tells 0-6 as one row; the stream had told 0-4. Two shares are new."""
    placed(journal)
    journal.record(fill_event(fill(0, 4)))
    listed = fill(0, 6, fill_id="rest", source="rest", at=later(6))
    part = journal.record(fill_event(listed, key="rest"))
    assert part.filled_quantity == 6
    kept = journal.fills(order_id="O1")
    assert [(one.from_quantity, one.to_quantity) for one in kept] == [(0, 4), (4, 6)]


def test_a_late_stream_fill_replaces_the_polled_one(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(fill_event(fill(0, 6, fill_id="rest", source="rest", price=69_800)))
    journal.record(fill_event(fill(0, 4), key="stream"))
    kept = journal.fills()
    assert [(one.from_quantity, one.to_quantity, one.price) for one in kept] == [
        (0, 4, 69_900),
        (4, 6, 69_800),
    ]
    done = journal.order("O1")
    assert done is not None
    assert done.filled_value == sum(one.quantity * one.price for one in kept)


def test_an_impossible_event_is_noted_and_changes_nothing(journal: SqliteJournal) -> None:
    before = placed(journal)
    after = journal.record(event("DENIED", message="too late"))
    assert after == before
    notices = journal.events(kinds=["notice"])
    assert len(notices) == 1
    assert notices[0]["title"] == "order O1: DENIED changed nothing"
    refused = [row["refused"] for row in journal.events(kinds=["order"])]
    assert [bool(reason) for reason in refused] == [False, False, False, True]
    journal.record(event("DENIED", message="too late"))
    assert len(journal.events(kinds=["notice"])) == 1


def test_the_owner_is_told_of_an_impossible_event_once(tmp_path: Path) -> None:
    told: list[str] = []
    tell = lambda level, title, text: told.append(f"{level}: {title}")  # noqa: E731
    with open_journal(tmp_path, tell=tell) as journal:
        placed(journal)
        for _ in range(2):
            journal.record(event("DENIED", key="late"))
    assert told == ["warning: order O1: DENIED changed nothing"]


def test_more_shares_than_ordered_raise_a_notice(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(fill_event(fill(0, 10)))
    after = journal.record(fill_event(fill(10, 15)))
    assert after.filled_quantity == 10
    assert len(journal.events(kinds=["notice"])) == 1


def test_an_event_of_an_unknown_order_is_an_error(journal: SqliteJournal) -> None:
    with pytest.raises(JournalError, match="knows no order O9"):
        journal.record(event("SENDING", "O9"))


def test_orders_are_found_by_any_number_of_their_chain(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(event("AMENDING", ord_no="0000101", price=70_500))
    amended = journal.record(event("AMENDED", ord_no="0000123", price=70_500))
    assert amended.ord_nos == ("0000101", "0000123")
    for number in ("0000101", "101", "0000123", "000000123"):
        assert journal.order_by_number(number, DAY) == amended
    assert journal.order_by_number("102", DAY) is None
    assert journal.order_by_number("101", DAY + timedelta(days=1)) is None
    assert journal.order_by_number("", DAY) is None


def test_orders_are_found_by_their_ids(journal: SqliteJournal) -> None:
    one, other = placed(journal), placed(journal, "O2", "0000102", stock_code="000660")
    assert journal.orders_by_id(["O2", "O1", "O9", "O1"]) == {"O1": one, "O2": other}
    after = journal.record(event("CANCELLING", "O2"))
    assert journal.orders_by_id(iter(["O2"])) == {"O2": after}
    assert journal.orders_by_id([]) == {}


def test_order_numbers_are_looked_up_by_day(journal: SqliteJournal) -> None:
    today = placed(journal)
    yesterday = placed(journal, "O0", created_at=T0 - timedelta(days=1), stock_code="000660")
    assert journal.order_by_number("101", DAY) == today
    assert journal.order_by_number("101", DAY - timedelta(days=1)) == yesterday


def test_the_highest_number_of_a_day_is_kts_own_or_one_it_has_noted(journal: SqliteJournal) -> None:
    assert journal.highest_number(DAY) == ""
    journal.plan_order(order("O1"), event("PLANNED", "O1"))
    assert journal.highest_number(DAY) == "", "an intent without a number"
    journal.record(event("SENDING", "O1"))
    journal.record(event("ACKED", "O1", ord_no="0000099"))
    assert journal.highest_number(DAY) == "0000099"
    placed(journal, "O2", "0000101", stock_code="000660", noted_ord_no="0000100")
    assert journal.highest_number(DAY) == "0000101", "compared as numbers"
    journal.plan_order(
        order("O3", stock_code="035720", noted_ord_no="0000250"), event("PLANNED", "O3")
    )
    assert journal.highest_number(DAY) == "0000250", "seen at the broker before a send"
    placed(journal, "OLD", "0009999", stock_code="005380", created_at=T0 - timedelta(days=1))
    assert journal.highest_number(DAY) == "0000250", "numbers begin anew every day"
    assert journal.highest_number(DAY - timedelta(days=1)) == "0009999"


def test_the_highest_number_is_the_newest_of_a_chain(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(event("AMENDING", ord_no="0000101", price=70_500))
    journal.record(event("AMENDED", ord_no="1000000", price=70_500))
    assert journal.highest_number(DAY) == "1000000"


@pytest.mark.parametrize("concerns", [None, *Concern])
@pytest.mark.parametrize("not_enough", [False, True])
def test_what_a_refusal_concerns_survives_a_restart(
    tmp_path: Path, concerns: Concern | None, not_enough: bool
) -> None:
    with open_journal(tmp_path) as journal:
        journal.plan_order(order(side=Side.SELL), event("PLANNED"))
        journal.record(event("SENDING"))
        told = event("REJECTED", code="800033", concerns=concerns, not_enough=not_enough)
        kept = journal.record(told)
    assert (kept.concerns, kept.not_enough) == (concerns, not_enough)
    with open_journal(tmp_path) as journal:
        assert journal.order("O1") == kept
        assert journal.orders() == (kept,)
        assert journal.order_events("O1")[-1] == told


def test_orders_are_listed_newest_first(journal: SqliteJournal) -> None:
    for index, code in enumerate(("005930", "000660", "035720")):
        placed(journal, f"O{index}", stock_code=code, created_at=later(index))
    placed(journal, "OLD", stock_code="000660", created_at=T0 - timedelta(days=2))
    journal.plan_order(order("O9", created_at=later(9)), event("PLANNED", "O9"))

    def ids(**wanted: object) -> list[str]:
        return [one.order_id for one in journal.orders(**wanted)]  # type: ignore[arg-type]

    assert ids() == ["O9", "O2", "O1", "O0", "OLD"]
    assert ids(limit=2) == ["O9", "O2"]
    assert ids(day=DAY) == ["O9", "O2", "O1", "O0"]
    assert ids(stock_code="000660") == ["O1", "OLD"]
    assert ids(states=[OrderState.PLANNED]) == ["O9"]
    assert ids(states=["ACKED"], day=DAY, limit=1) == ["O2"]
    assert ids(states=[]) == []


def test_fills_are_found_by_day(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(fill_event(fill(0, 4)))
    assert journal.fills(day=DAY) == (fill(0, 4),)
    assert journal.fills(day=DAY + timedelta(days=1)) == ()
    assert journal.fills(order_id="O2") == ()
    assert journal.fills(since=DAY, stock_code=fill(0, 4).stock_code) == (fill(0, 4),)
    assert journal.fills(since=DAY + timedelta(days=1)) == ()
    assert journal.fills(stock_code="000000") == ()


def test_messages_are_kept_without_secrets(tmp_path: Path) -> None:
    with open_journal(tmp_path, secrets=["topsecretkey"]) as journal:
        journal.plan_order(order(), event("PLANNED"))
        journal.record(event("SENDING"))
        told = event(
            "REJECTED", message="account 8123456711 with topsecretkey", evidence="token: abcdefgh"
        )
        kept = journal.record(told)
        assert kept.message == "account ******6711 with …"
        assert journal.order_events("O1")[-1].evidence == "token: …"
        assert journal.record(replace(told, message="again")) == kept


def test_a_message_of_half_characters_does_not_lose_an_outcome(journal: SqliteJournal) -> None:
    journal.plan_order(order(), event("PLANNED"))
    journal.record(event("SENDING"))
    kept = journal.record(event("REJECTED", message="\ud800 거부"))
    assert (kept.state, kept.message) == ("REJECTED", "? 거부")


NUMBERS = st.sampled_from(["", "0000101", "0000102", "103"])
FACTS = st.one_of(
    st.builds(
        lambda kind, key, number, quantity: ("event", kind, key, number, quantity),
        st.sampled_from([kind.value for kind in OrderEventKind if kind.value != "FILL"]),
        st.sampled_from("ab"),
        NUMBERS,
        st.integers(0, 10),
    ),
    st.builds(
        lambda start, length, source: ("fill", start, start + length, source, 0),
        st.integers(0, 11),
        st.integers(1, 12),
        st.sampled_from(["stream", "rest"]),
    ),
)


def told(order_id: str, facts: list[tuple[object, ...]]) -> list[OrderEvent]:
    events = []
    for what, first, second, third, fourth in facts:
        if what == "fill":
            one = fill(first, second, order_id, source=third)  # type: ignore[arg-type]
            events.append(fill_event(one, key=str(third)))
        else:
            more = {"ord_no": third, "quantity": fourth, "at": later(len(events))}
            events.append(event(str(first), order_id, str(second), **more))
    return events


def test_the_journal_derives_the_same_order_as_the_rules(tmp_path: Path) -> None:
    """Whatever happens in whatever sequence: the order kept is the one that the rules fold, the
    fills kept are the rules', and the sum of the fills is what the order says."""
    with open_journal(tmp_path) as journal:
        ids = count(1)

        @settings(deadline=None)
        @given(facts=st.lists(FACTS, max_size=8))
        def check(facts: list[tuple[object, ...]]) -> None:
            order_id = f"P{next(ids)}"
            intent = order(order_id, origin=Origin.EXTERNAL)
            events = told(order_id, facts)
            kept = journal.plan_order(intent, event("PLANNED", order_id))
            for one in events:
                kept = journal.record(one)
            whole = derive(intent, [event("PLANNED", order_id), *events])
            assert kept == journal.order(order_id) == whole.order
            fills = journal.fills(order_id=order_id)
            assert set(fills) == (set(whole.fills) if kept.filled_quantity else set())
            assert kept.filled_quantity == sum(one.quantity for one in fills)
            assert kept.filled_value == sum(one.quantity * one.price for one in fills)
            refused = journal._file.read(
                "SELECT event_id FROM order_events WHERE order_id = ? AND refused <> ''",
                (order_id,),
            )
            assert {row["event_id"] for row in refused} == {
                one.event_id for one in whole.impossible
            }

        check()


def test_a_fill_that_does_not_count_is_in_no_sum(journal: SqliteJournal) -> None:
    """More shares in one telling than were ordered: the order has none of them, nor the table."""
    placed(journal)
    after = journal.record(fill_event(fill(0, 12)))
    assert sum(one.quantity for one in journal.fills()) == after.filled_quantity
    assert len(journal.events(kinds=["notice"])) == 1
