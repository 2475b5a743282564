"""A decision becomes an order once, however often its document is piped, and by whom."""

from __future__ import annotations

from typing import Any

import pytest

from kt.records import Origin, Side
from tests.cli.front import Front, document
from tests.cli.test_pipe_documents import DECISION
from tests.fakes import HYNIX, SAMSUNG, not_placed, rejected, unknown

MINE = DECISION | {"decision_id": "D1"}
DOCUMENT = document("decisions", [MINE])


def submit(front: Front, *more: str, stdin: str = DOCUMENT) -> Any:
    return front("order", "submit", *more, stdin=stdin)


@pytest.mark.parametrize("state", ["FILLED", "ACKED", "PARTIAL", "CANCELLED"])
def test_a_document_piped_again_is_answered_with_its_order(front: Front, state: str) -> None:
    broker = front.world.broker
    broker.fill_at_once = state == "FILLED"
    (first,) = submit(front).items
    if state == "PARTIAL":
        broker.fill(first["ord_no"], 4, 70_000)
    if state == "CANCELLED":
        front("order", "cancel", first["ord_no"])
    front("order", "list")  # fills are caught up
    sent = len(broker.sent)
    again = submit(front)
    assert again.code == 0, again.err
    assert (again.items[0]["order_id"], again.items[0]["state"]) == (first["order_id"], state)
    assert len(broker.sent) == sent
    assert (
        f"kt: the decision for 005930 was already ordered as {first['order_id']} at "
        f"2026-11-23 10:00:00 "
        f"({state}); nothing was sent, --again orders it once more\n"
    ) in again.err


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(rejected(), "REJECTED"), (unknown(), "UNKNOWN"), (not_placed(), "NOT_PLACED")],
)
def test_a_rejected_order_uses_up_its_decision(front: Front, outcome: Any, state: str) -> None:
    front.world.broker.outcomes, front.world.broker.taken = [outcome], False
    assert submit(front).code != 0
    again = submit(front)
    assert (again.code, again.items[0]["state"]) == (0, state)
    assert len(front.world.broker.sent) == 1
    assert f"({state}); nothing was sent" in again.err


def test_again_orders_a_used_decision_once_more(front: Front) -> None:
    front.world.broker.fill_at_once = True
    first = submit(front).items[0]
    more = submit(front, "--again", stdin=document("decisions", [MINE | {"quantity": 1}]))
    assert more.code == 0, more.err
    assert more.items[0]["order_id"] != first["order_id"]
    assert len(front.world.broker.sent) == 2
    assert submit(front).items[0]["order_id"] == more.items[0]["order_id"]


def test_a_check_is_its_decision(front: Front) -> None:
    front.world.broker.fill_at_once = True
    checks = front("check", stdin=DOCUMENT).out
    first = submit(front, stdin=checks).items[0]
    for text in (checks, DOCUMENT, front("check", stdin=DOCUMENT).out):
        again = submit(front, stdin=text)
        if again.items:  # checked after the purchase, it may hold nothing to order
            assert again.items[0]["order_id"] == first["order_id"]
    assert len(front.world.broker.sent) == 1


def test_a_dry_run_and_a_denial_do_not_use_up_a_decision(front: Front) -> None:
    assert submit(front, "--dry-run").items[0]["code"] == "TEST_MODE"
    front("halt")
    assert submit(front).code == 6
    front("resume")
    assert submit(front).items[0]["state"] == "ACKED"
    assert len(front.world.broker.sent) == 1
    assert submit(front, "--dry-run").items[0]["state"] == "ACKED"


def test_decisions_without_an_id_are_not_known_again(front: Front) -> None:
    front.world.broker.fill_at_once = True
    nameless = document("decisions", [MINE | {"decision_id": "", "quantity": 1}])
    for _ in range(2):
        assert submit(front, stdin=nameless).items[0]["state"] == "ACKED"
    assert len(front.world.broker.sent) == 2


def test_one_id_for_two_stocks_is_two_decisions(front: Front) -> None:
    other = MINE | {"stock_code": HYNIX, "stock_name": "SK하이닉스", "price": 180_000}
    ran = submit(front, stdin=document("decisions", [MINE, other | {"quantity": 1}]))
    assert [item["stock_code"] for item in ran.items] == [SAMSUNG, HYNIX], ran.err


def test_a_document_that_holds_a_decision_twice_orders_it_once(front: Front) -> None:
    ran = submit(front, stdin=document("decisions", [MINE, MINE]))
    assert (ran.code, len(ran.items), len(front.world.broker.sent)) == (0, 1, 1), ran.err


@pytest.mark.parametrize("quantity", [10, 1])
def test_two_at_once_with_one_document_make_one_order(front: Front, quantity: int) -> None:
    """The other process orders between this one's look and its own plan."""
    broker = front.world.broker
    broker.fill_at_once = True
    text = document("decisions", [MINE | {"quantity": quantity}])
    looked = broker.day_orders
    others: list[Any] = []

    def meanwhile(from_ord_no: str = "") -> Any:
        if not others:
            others.append(None)
            others[0] = submit(front, stdin=text)
        return looked(from_ord_no)

    broker.day_orders = meanwhile  # type: ignore[method-assign]
    mine = submit(front, stdin=text)
    assert others[0].code == 0, others[0].err
    assert mine.code == 0, mine.err
    assert mine.items[0]["order_id"] == others[0].items[0]["order_id"]
    assert len(broker.sent) == 1


def test_the_journal_itself_plans_a_decision_once(front: Front) -> None:
    """In the transaction that writes the intent, whatever was looked at before."""
    from tests.store.make import event, order

    journal = front.world.journal
    first = journal.plan_order(order("O1", decision_id="D7"), event("PLANNED", "O1"))
    assert journal.plan_order(order("O2", decision_id="D7"), event("PLANNED", "O2")) == first
    assert journal.order_of_decision("D7", Side.BUY, SAMSUNG) == first
    assert journal.order_of_decision("", Side.BUY, SAMSUNG) is None
    assert first.origin is not Origin.EXTERNAL
