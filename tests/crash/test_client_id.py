"""`--client-id`: the same id again is the same order, whatever happened in between."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kt.steps.failpoints import POINTS
from tests.crash.house import CONFIG, Account, Row
from tests.crash.invariants import after_a_start, assert_well
from tests.crash.processes import Ran
from tests.crash.stage import Stage

CODE = "015760"


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    config = CONFIG + "pipe: {max_age: 6000}\n"
    made = Account(stage.house(), stage.new_folder("account"), stage.forge, config)
    yield made
    made.close()


def ordered(ran: Ran) -> Row:
    """The one order of the document."""
    (found,) = json.loads(ran.out)["items"]
    return dict(found)


def argv(side: str, *more: str) -> tuple[str, ...]:
    return ("order", side, CODE, "2", "--market", "--client-id", "monday-1", *more)


def hold(account: Account, side: str) -> int:
    """What can be sold; how many orders the broker has before the test's."""
    if side == "sell":
        assert account.kt("order", "buy", CODE, "9", "--market", "--wait").code == 0
    return len(account.truth().orders)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_repeated_client_id_sends_nothing(account: Account, side: str) -> None:
    before = hold(account, side)
    first = account.kt(*argv(side, "--wait"))
    assert first.code == 0, first.told()
    again = account.kt(*argv(side, "--wait"))
    assert again.code == 0
    assert ordered(again) == ordered(first)
    assert f"'monday-1' is order {ordered(first)['order_id']} of 2026-11-23 " in again.err
    assert "(FILLED); nothing was sent" in again.err
    assert len(account.truth().orders) == before + 1
    assert_well(account)


@pytest.mark.parametrize(
    "other",
    [
        ("order", "sell", CODE, "2", "--market"),
        ("order", "buy", "005930", "2", "--market"),
        ("order", "buy", CODE, "3", "--market"),
        ("order", "buy", CODE, "2", "--price", "40000"),
    ],
    ids=["side", "stock", "quantity", "price"],
)
def test_a_client_id_of_another_order_is_refused(account: Account, other: Ran) -> None:
    assert account.kt(*argv("buy", "--wait")).code == 0
    ran = account.kt(*other, "--client-id", "monday-1")
    assert (ran.code, ran.out) == (5, ""), ran.told()
    assert "the client id 'monday-1' belongs to BUY 2 015760" in ran.err
    assert len(account.truth().orders) == 1
    assert_well(account)


OUTCOMES = {
    "place.before_plan": (0, 1),  # nothing was written: it is a new order
    "place.planned": (0, 1),  # nothing stayed: plan and sending are one transaction
    "place.sending": (7, 0),  # nobody can know
    "place.sent": (0, 1),
    "place.recorded": (0, 1),
}
"""By where the first one died: how the second ends, and how many orders the broker has."""


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("place.")])
def test_a_client_id_repeated_after_a_kill_sends_no_second_order(
    account: Account, point: str
) -> None:
    assert account.kt(*argv("buy"), KT_CRASH_AT=point).killed
    code, orders = OUTCOMES[point]
    for _ in range(2):
        again = account.kt(*argv("buy"))
        assert again.code == code, account.told()
        assert len(account.truth().orders) == orders
    assert len(account.orders()) == 1
    verdict = after_a_start(account)
    assert (verdict.differences, verdict.leftovers) == ((), code == 7), account.told()


def test_a_client_id_repeated_after_a_lost_answer_sends_once(account: Account) -> None:
    account.house.fault({"action": "cut", "api": "kt10000", "when": "after"})
    first = account.kt(*argv("buy"))
    account.house.lift()
    assert first.code == 7
    again = account.kt(*argv("buy"))
    assert again.code == 0, account.told()
    assert ordered(again)["order_id"] == ordered(first)["order_id"]
    assert len(account.truth().orders) == 1
    assert_well(account)


def test_a_dry_run_does_not_use_up_the_client_id(account: Account) -> None:
    for _ in range(2):
        rehearsed = account.kt(*argv("buy", "--dry-run"))
        assert (rehearsed.code, ordered(rehearsed)["code"]) == (0, "TEST_MODE"), rehearsed.told()
    assert account.truth().orders == ()
    assert account.kt(*argv("buy")).code == 0
    assert len(account.truth().orders) == 1
    again = account.kt(*argv("buy", "--dry-run"))
    assert "nothing was sent" in again.err
    assert_well(account)


def test_ten_processes_with_one_client_id_send_one_order(account: Account) -> None:
    running = [account.start(*argv("buy")) for _ in range(10)]
    ended = [account.kept(each.wait()) for each in running]
    assert {ran.code for ran in ended} <= {0, 7}, account.told()
    assert len({ordered(ran)["order_id"] for ran in ended}) == 1
    assert len(account.truth().orders) == 1
    assert account.kt(*argv("buy")).code == 0
    assert_well(account)


# a whole document


def document(account: Account) -> str:
    """Three purchases, as `kt analyze` would have decided them."""
    items = []
    for code in (CODE, "316140", "028050"):
        last, _, _ = account.prices(code)
        items.append(
            {
                "action": "BUY",
                "stock_code": code,
                "stock_name": "",
                "quantity": 2,
                "price": last,
                "reason": "a test",
                "confidence": 0.9,
                "risk_level": "LOW",
                "decision_id": f"D{code}",
                "decided_at": account.house.now().isoformat(),
            }
        )
    head = {"kt": 1, "kind": "decisions", "profile": "sim", "run": "R", "items": items}
    return json.dumps(head | {"asof": account.house.now().isoformat()})


@pytest.mark.parametrize("point", ["place.sent:2", "place.recorded:2", "place.before_plan:3"])
def test_a_submission_that_was_cut_short_is_finished_not_doubled(
    account: Account, point: str
) -> None:
    text = document(account)
    submit = ("order", "submit", "--client-id", "morning")
    assert account.kt(*submit, stdin=text, KT_CRASH_AT=point).killed
    for _ in range(2):
        again = account.kt(*submit, stdin=text)
        assert again.code == 0, account.told()
        assert len(json.loads(again.out)["items"]) == 3
        bought = sorted(order.code for order in account.truth().orders)
        assert bought == sorted(("028050", "316140", CODE))
    assert_well(account)
