"""kt order: what each outcome prints, its exit code, and that nothing is sent without leave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kt.cli.support.termination import Terminated
from kt.errors import ExitCode
from kt.records import OrderState, OrderTicket, OrderType, Side, StopMode, StreamKind
from kt.steps.risk import stops
from tests.cli.front import GONE, Front, document
from tests.cli.test_pipe_documents import DECISION
from tests.fakes import HYNIX, SAMSUNG, not_placed, rejected, unknown

BUY = ("order", "buy", SAMSUNG, "10", "--price", "70000")
OTHER = DECISION | {
    "stock_code": HYNIX,
    "stock_name": "SK하이닉스",
    "price": 180_000,
    "quantity": 2,
    "decision_id": "D2",
}
ORDER_KEYS = [
    "order_id",
    "run",
    "side",
    "stock_code",
    "stock_name",
    "order_type",
    "quantity",
    "price",
    "state",
    "origin",
    "created_at",
    "updated_at",
    "ord_no",
    "ord_nos",
    "noted_ord_no",
    "filled_quantity",
    "filled_value",
    "cancelled_quantity",
    "client_id",
    "decision_id",
    "code",
    "message",
    "reason",
    "concerns",
    "not_enough",
    "tick_at",
]
PREVIEW = """\
stock       005930 삼성전자
side        BUY
quantity    10 shares
price       70,000 won, the last price
amount      700,000 won
costs       fee about 100 won
to pay      about 700,100 won
this stock  0 + 700,000 = 700,000 <= limit 1,000,000
all stocks  0 + 700,000 = 700,000 <= limit 5,000,000
cash        700,000 + fee 100 = 700,100 <= cash 10,000,000
day's loss  realised +0 and unrealised +0: loss 0 < limit 500,000
afterwards  10 shares at 70,000 on average
exits       stop-loss at 66,500, take-profit at 77,000
watched by  NOBODY: start `kt run`
profile     sim
"""
UNWATCHED = (
    "kt: no process monitors the stop and target of 005930. Start `kt run`, or run "
    "`kt run --once` from cron (`kt help cron`).\n"
)


def test_a_buy_in_a_pipe_prints_an_orders_document(front: Front) -> None:
    ran = front(*BUY)
    assert ran.code == 0
    assert ran.err == PREVIEW + UNWATCHED
    assert [*ran.document] == ["kt", "kind", "profile", "run", "asof", "items"]
    assert ran.document | {"items": 1} == {
        "kt": 1,
        "kind": "orders",
        "profile": "sim",
        "run": "RUN1",
        "asof": "2026-11-23T10:00:00+09:00",
        "items": 1,
    }
    (order,) = ran.items
    assert [*order] == ORDER_KEYS
    assert order | {"order_id": "", "message": ""} == {
        "order_id": "",
        "run": "RUN1",
        "side": "BUY",
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "order_type": "LIMIT",
        "quantity": 10,
        "price": 70_000,
        "state": "ACKED",
        "origin": "manual",
        "created_at": "2026-11-23T10:00:00+09:00",
        "updated_at": "2026-11-23T10:00:00+09:00",
        "ord_no": "0000101",
        "ord_nos": ["0000101"],
        "noted_ord_no": "",
        "filled_quantity": 0,
        "filled_value": 0,
        "cancelled_quantity": 0,
        "client_id": "",
        "decision_id": "",
        "code": "",
        "message": "",
        "reason": "",
        "concerns": None,
        "not_enough": False,
        "tick_at": None,
    }
    assert front.world.broker.sent == [
        OrderTicket(
            side=Side.BUY,
            stock_code=SAMSUNG,
            quantity=10,
            order_type=OrderType.LIMIT,
            price=70_000,
        )
    ]


def test_a_buy_on_a_terminal_prints_a_table(front: Front) -> None:
    ran = front(*BUY, terminal=True)
    assert ran.code == 0
    assert ran.err.startswith(PREVIEW)
    assert " ".join(ran.err.removeprefix(PREVIEW).split()) == UNWATCHED.strip()
    last = front.world.journal.orders()[0].order_id[-6:]
    assert ran.out == (
        "id      number   side  code    name      quantity   price  filled  state\n"
        f"{last}  0000101  BUY   005930  삼성전자        10  70,000       0  ACKED\n"
    )


def test_quiet_says_nothing_but_data(front: Front) -> None:
    assert front(*BUY, "-q").err == ""


def test_a_market_order_shows_what_it_costs_about(front: Front) -> None:
    ran = front("order", "buy", SAMSUNG, "10", "--market")
    assert ran.code == 0
    assert "price       market (last 70,000)\namount      about 700,000 won\n" in ran.err
    assert front.world.broker.sent[0].price == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("order", "buy", SAMSUNG, "10"), "give either --price or --market"),
        ((*BUY, "--market"), "give either --price or --market"),
        (("order", "buy", "5930", "10", "--market"), "'5930' is not a stock code"),
        (("order", "buy", SAMSUNG, "0", "--market"), "'0' is out of range"),
        (("order", "buy", SAMSUNG, "-1", "--market"), "no such option"),
        (("order", "buy", SAMSUNG, "1.5", "--market"), "'1.5' is not a whole number"),
        (("order", "buy", SAMSUNG, "1,0", "--market"), "'1,0' is not a whole number"),
        (("order", "buy", SAMSUNG, "10", "--price", "0"), "'0' is out of range"),
        (("order", "buy", SAMSUNG), "missing argument 'QUANTITY'"),
        (("order", "bye", SAMSUNG), "there is no command kt order bye. Did you mean kt order buy?"),
        (("ordr",), "there is no command kt ordr. Did you mean kt order?"),
        (("order", "list", "--unknown", "--open"), "give --unknown or --open, not both"),
        (("order", "resolve", "X"), "give either --placed NUMBER or --not-placed"),
        (("order", "resolve", "X", "--placed", "A1"), "'A1' is not an order number"),
        (("order", "cancel", "0000999"), "'0000999': kt has no such order"),
        (("pnl", "--since", "yesterday"), "'yesterday' is not a date"),
        (("pnl", "--since", "2027-01-01"), "--since 2027-01-01 is in the future"),
        (("run", "--once", "--until-close"), "give --once or --until-close, not both"),
        (("watch", "-o", "csv"), "a stream cannot be written as csv"),
        (("watch", "--type", "0B"), "nothing is held: name the stocks to watch"),
        (("api", "ka10001", "[1]"), "the request must be one JSON object"),
        (("api", "ka10001", '{"a": [1]}'), "the request must be one JSON object of plain values"),
        (("api", "ka10001", "{"), "the request is truncated"),
        (("api", "ka10001", "{}{}"), "the request contains more than one document"),
        (("api", "ka10001", '{"x":"\\ud800"}'), "the request contains a lone surrogate"),
        (("api", "ka10001", '{"x":"\\udc00"}'), "the request contains a lone surrogate"),
        (("api", "ka10001", '{"\\ud800":"x"}'), "the request contains a lone surrogate"),
        (("api", "0B", '{"item":["\\ud800"]}'), "the request contains a lone surrogate"),
        (("api", "ka10001", '{"x":"\ud800"}'), "argument 3 is not UTF-8"),
        (("halt", "--reason", "\udcff"), "argument 3 is not UTF-8"),
        (("api", "ka1"), "there is no API 'ka1'"),
        (("help", "nothing"), "there is no topic or command 'nothing'"),
        (("--profile", "test", "status"), "'test' is not one of"),
        (("-o", "xml", "status"), "'xml' is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_sends_nothing(
    arguments: tuple[str, ...], said: str, front: Front
) -> None:
    ran = front(*arguments)
    assert (ran.code, ran.out) == (ExitCode.USAGE, ""), ran.err
    assert ran.err.startswith("kt: ") and said in ran.err, ran.err
    assert front.world.broker.sent == []


def test_a_thousands_separator_is_understood(front: Front) -> None:
    front("order", "buy", SAMSUNG, "10", "--price", "70,000")
    assert front.world.broker.sent[0].price == 70_000  # type: ignore[union-attr]


def test_a_denied_order_is_exit_code_5_with_every_reason(front: Front) -> None:
    ran = front("order", "buy", SAMSUNG, "1000", "--price", "70000")
    assert ran.code == ExitCode.DENIED
    assert [(item["state"], item["code"]) for item in ran.items] == [("DENIED", "PER_STOCK_LIMIT")]
    assert "kt: BUY 1,000 005930 삼성전자 was denied:\n" in ran.err
    for code in ("PER_STOCK_LIMIT", "TOTAL_LIMIT", "CASH"):
        assert f"\n  {code}: " in ran.err
    assert ran.err.endswith("\nSee `kt help denials`.\n")
    assert front.world.broker.sent == []


def test_a_halted_order_is_exit_code_6(front: Front) -> None:
    assert front("halt", "--reason", "lunch").code == 0
    ran = front(*BUY)
    assert ran.code == ExitCode.HALTED
    assert "HALTED: " in ran.err and "lunch" in ran.err
    assert "`kt resume` ends it." in ran.err
    assert front.world.broker.sent == []


def test_an_unknown_outcome_is_exit_code_7_and_locks_the_stock(front: Front) -> None:
    front.world.broker.outcomes = [unknown("read timeout")]
    ran = front(*BUY)
    assert ran.code == ExitCode.UNKNOWN
    assert ran.items[0]["state"] == "UNKNOWN"
    order_id = ran.items[0]["order_id"]
    assert f"the outcome of BUY 10 005930 삼성전자 (order {order_id})" in (ran.err)
    assert "Do not send it again: 005930 is locked." in ran.err
    assert [lock.stock_code for lock in front.world.journal.locks()] == [SAMSUNG]


def test_a_refused_order_is_exit_code_8(front: Front) -> None:
    front.world.broker.outcomes = [rejected("RC4025", "증거금 부족")]
    ran = front(*BUY)
    assert ran.code == ExitCode.REFUSED
    assert ran.err.endswith(
        "kt: the broker refused BUY 10 005930 삼성전자: [RC4025] 증거금 부족.\n"
    )
    assert ran.items[0]["state"] == "REJECTED"


def test_an_order_that_was_not_sent_is_exit_code_9(front: Front) -> None:
    front.world.broker.outcomes = [not_placed()]
    ran = front(*BUY)
    assert ran.code == ExitCode.UNREACHABLE
    assert ran.items[0]["state"] == "NOT_PLACED"
    assert ran.err.endswith("It did not reach the broker and may be sent again.\n")


def test_without_the_broker_nothing_is_placed(front: Front) -> None:
    front.world.broker.failing["holdings"] = GONE
    ran = front(*BUY)
    assert (ran.code, ran.out) == (ExitCode.UNREACHABLE, "")
    assert ran.err == "kt: no route to the broker. Check the network.\n"
    assert front.world.broker.sent == []


def test_dry_run_does_everything_but_send(front: Front) -> None:
    ran = front(*BUY, "--dry-run")
    assert ran.code == 0
    assert ran.err == PREVIEW + "kt: dry run: no order is sent\n"
    assert [(item["state"], item["code"]) for item in ran.items] == [("DENIED", "TEST_MODE")]
    assert front.world.broker.sent == []


def test_a_client_id_again_sends_nothing_and_shows_the_first_outcome(front: Front) -> None:
    first = front(*BUY, "--client-id", "monday-1")
    again = front(*BUY, "--client-id", "monday-1")
    assert (first.code, again.code) == (0, 0)
    assert again.items == first.items
    assert again.err == (
        f"kt: 'monday-1' is order {first.items[0]['order_id']} of 2026-11-23 10:00:00 (ACKED); "
        "nothing was sent, a new order needs a new --client-id\n"
    )
    assert len(front.world.broker.sent) == 1


def test_a_client_id_again_is_answered_without_the_broker(front: Front) -> None:
    first = front(*BUY, "--client-id", "monday-1")
    front.world.broker.failing["holdings"] = GONE
    again = front(*BUY, "--client-id", "monday-1")
    assert (again.code, again.items) == (0, first.items), again.err
    assert "no route to the broker; showing kt's last known state" in again.err
    assert front(*BUY, "--client-id", "monday-2").code == ExitCode.UNREACHABLE
    assert len(front.world.broker.sent) == 1


def test_a_client_id_for_another_order_is_refused(front: Front) -> None:
    front(*BUY, "--client-id", "monday-1")
    ran = front("order", "buy", SAMSUNG, "9", "--price", "70000", "--client-id", "monday-1")
    assert (ran.code, ran.out) == (ExitCode.DENIED, "")
    assert "the client id 'monday-1' belongs to BUY 10 005930" in ran.err
    assert len(front.world.broker.sent) == 1


def test_a_client_id_of_an_amended_order_still_stands_for_what_was_typed(front: Front) -> None:
    first = front(*BUY, "--client-id", "monday-1")
    front("order", "amend", first.items[0]["order_id"], "--price", "70100", "--yes")
    again = front(*BUY, "--client-id", "monday-1")
    assert (again.code, again.items[0]["price"]) == (0, 70_100), again.err
    assert again.items[0]["order_id"] == first.items[0]["order_id"]


def test_wait_follows_the_order_to_its_end(front: Front) -> None:
    front.world.broker.fill_at_once = True
    ran = front(*BUY, "--wait")
    assert ran.code == 0
    assert [(item["state"], item["filled_quantity"]) for item in ran.items] == [("FILLED", 10)]
    assert ran.err.endswith("kt: waiting up to 10 s for fills\n" + UNWATCHED)
    assert set(front.stream.subscribed) == {StreamKind.ORDERS}
    assert front.stream.closed


def test_wait_without_a_stream_asks_the_lists(front: Front) -> None:
    front.stream.refuse = GONE
    front.world.broker.fill_at_once = True
    ran = front(*BUY, "--wait")
    assert ran.items[0]["state"] == "FILLED"
    assert "no live notices (no route to the broker); polling the broker" in ran.err


@pytest.mark.parametrize("name", ["number", "id", "end of the id"])
def test_cancel_finds_an_order_by_what_a_person_types(name: str, front: Front) -> None:
    order = front(*BUY).items[0]
    typed = {
        "number": order["ord_no"],
        "id": order["order_id"],
        "end of the id": order["order_id"][-6:].lower(),
    }[name]
    ran = front("order", "cancel", typed)
    assert ran.code == 0, ran.err
    assert [(item["state"], item["cancelled_quantity"]) for item in ran.items] == [
        ("CANCELLED", 10)
    ]


def test_amend_changes_the_price(front: Front) -> None:
    order = front(*BUY).items[0]
    ran = front("order", "amend", order["ord_no"], "--price", "69000")
    assert ran.code == 0, ran.err
    assert [(item["price"], item["ord_nos"]) for item in ran.items] == [
        (69_000, ["0000101", "0000102"])
    ]
    assert "new price  69,000 won\n" in ran.err


def test_a_denied_amend_sends_nothing(front: Front) -> None:
    order = front(*BUY).items[0]
    ran = front("order", "amend", order["ord_no"], "--price", "69050")
    assert (ran.code, ran.out) == (ExitCode.DENIED, "")
    assert "was denied, and nothing was sent: OFF_TICK" in ran.err
    assert len(front.world.broker.sent) == 1


def test_a_refused_cancel_leaves_the_order_as_it_was(front: Front) -> None:
    order = front(*BUY).items[0]
    front.world.broker.outcomes = [rejected("RC4033", "취소 불가")]
    ran = front("order", "cancel", order["ord_no"])
    assert ran.code == ExitCode.REFUSED
    assert ran.items[0]["state"] == "ACKED"
    assert "[RC4033] 취소 불가. `kt order list` shows the order's state." in ran.err


def test_a_change_that_was_not_sent_may_be_sent_again(front: Front) -> None:
    order = front(*BUY).items[0]
    front.world.broker.outcomes = [not_placed()]
    ran = front("order", "amend", order["ord_no"], "--price", "69000")
    assert ran.code == ExitCode.UNREACHABLE
    assert "this amend of order 0000101 was not sent" in ran.err
    assert "It did not reach the broker" not in ran.err
    assert "the change may be sent again" in ran.err
    assert front("order", "amend", order["ord_no"], "--price", "69000").code == 0


@pytest.mark.parametrize("verb", [("cancel",), ("amend", "--price", "69000")])
def test_an_interrupted_change_has_an_unknown_outcome(verb: tuple[str, ...], front: Front) -> None:
    order = front(*BUY).items[0]

    def interrupt() -> None:
        raise KeyboardInterrupt

    front.world.broker.on_sent = interrupt
    ran = front("order", verb[0], order["ord_no"], *verb[1:])
    assert ran.code == ExitCode.UNKNOWN
    assert "interrupted while a change of order 0000101 was being sent" in ran.err


def test_a_cancel_nobody_knows_about_is_exit_code_7(front: Front) -> None:
    order = front(*BUY).items[0]
    front.world.broker.outcomes = [unknown()]
    ran = front("order", "cancel", order["ord_no"])
    assert ran.code == ExitCode.UNKNOWN
    assert "the outcome of this cancel" in ran.err


@pytest.mark.parametrize("verb", [("cancel",), ("amend", "--price", "69000")])
def test_dry_run_changes_nothing(verb: tuple[str, ...], front: Front) -> None:
    order = front(*BUY).items[0]
    ran = front("order", verb[0], order["ord_no"], *verb[1:], "--dry-run")
    assert ran.code == 0
    assert ran.items[0]["state"] == "ACKED"
    assert len(front.world.broker.sent) == 1


def test_list_shows_today_and_what_nobody_knows(front: Front) -> None:
    front(*BUY)
    front.world.broker.outcomes, front.world.broker.taken = [unknown()], False
    front("order", "buy", HYNIX, "1", "--price", "180000")
    assert [item["stock_code"] for item in front("order", "list").items] == [HYNIX, SAMSUNG]
    assert [item["state"] for item in front("order", "list", "--unknown").items] == ["UNKNOWN"]
    assert [item["stock_code"] for item in front("order", "list", "--open").items] == [SAMSUNG]
    front.world.clock.advance(24 * 3600)
    assert front("order", "list").items == []
    assert len(front("order", "list", "--all").items) == 2


def test_list_on_a_terminal_says_why(front: Front) -> None:
    front("order", "buy", SAMSUNG, "1000", "--price", "70000")
    text = front("order", "list", terminal=True).out
    order = front.world.journal.orders()[0]
    table, why = text.split("\n\n")
    assert table == (
        "id      number  side  code    name      quantity   price  filled  state\n"
        f"{order.order_id[-6:]}  -       BUY   005930  삼성전자     1,000  70,000       0  DENIED"
    )
    assert " ".join(why.split()) == f"{order.order_id[-6:]} DENIED PER_STOCK_LIMIT {order.message}"
    assert order.message.endswith("at most 14 shares would pass")


def test_list_without_the_broker_shows_what_kt_last_knew(front: Front) -> None:
    front(*BUY)
    front.world.broker.failing = {name: GONE for name in ("holdings", "executions")}
    ran = front("order", "list")
    assert ran.code == 0 and len(ran.items) == 1
    assert ran.err == "kt: no route to the broker; showing kt's last known state.\n"


@pytest.mark.parametrize(
    ("answer", "state", "number"),
    [(("--placed", "0000777"), "ACKED", "0000777"), (("--not-placed",), "NOT_PLACED", "")],
)
def test_resolve_settles_an_unknown_order(
    answer: tuple[str, ...], state: str, number: str, front: Front
) -> None:
    front.world.broker.outcomes, front.world.broker.taken = [unknown()], False
    order_id = front(*BUY).items[0]["order_id"]
    ran = front("order", "resolve", order_id, *answer)
    assert ran.code == 0, ran.err
    assert [(item["state"], item["ord_no"]) for item in ran.items] == [(state, number)]
    assert front.world.journal.locks() == ()
    assert ran.err.endswith(f"kt: order {order_id} is {state}; 005930 is free again\n")


def test_resolve_of_a_known_order_is_refused(front: Front) -> None:
    order = front(*BUY).items[0]
    ran = front("order", "resolve", order["order_id"], "--not-placed")
    assert ran.code == ExitCode.USAGE and "is ACKED: there is nothing to resolve" in ran.err


def test_every_order_command_begins_by_settling(front: Front) -> None:
    """An order whose answer was lost but which stands at the broker is adopted at the next."""
    front.world.broker.outcomes = [unknown()]
    front(*BUY)
    ran = front("order", "buy", HYNIX, "1", "--price", "180000")
    assert ran.code == 0
    assert ran.err.startswith("kt: settled: BUY 005930 x10 ")
    states = {order.stock_code: order.state for order in front.world.journal.orders()}
    assert states == {SAMSUNG: OrderState.ACKED, HYNIX: OrderState.ACKED}


def submit(front: Front, items: list[dict[str, Any]], *more: str, kind: str = "decisions") -> Any:
    return front("order", "submit", *more, stdin=document(kind, items))


def test_submit_orders_what_checks_allow_and_checks_again(front: Front) -> None:
    checks = front("check", stdin=document("decisions", [DECISION]))
    assert checks.code == 0
    ran = front("order", "submit", stdin=checks.out)
    assert ran.code == 0, ran.err
    assert [(item["state"], item["origin"], item["decision_id"]) for item in ran.items] == [
        ("ACKED", "pipe", "D1")
    ]


def test_a_check_that_says_passed_cannot_talk_its_way_past_the_rules(front: Front) -> None:
    forged = json.loads(front("check", stdin=document("decisions", [DECISION])).out)
    forged["items"][0] |= {"quantity": 1_000_000, "price": 10, "results": []}
    forged["items"][0]["decision"] |= {"quantity": 1_000_000, "price": 10}
    ran = front("order", "submit", stdin=json.dumps(forged))
    assert ran.code == ExitCode.DENIED
    assert front.world.broker.sent == []


def test_what_check_denied_stays_denied(front: Front) -> None:
    low = DECISION | {"confidence": 0.1}
    checks = front("check", stdin=document("decisions", [low]))
    assert [item["passed"] for item in checks.items] == [False]
    ran = front("order", "submit", stdin=checks.out)
    assert (ran.code, ran.items) == (0, [])
    assert ran.err == "kt: the document holds nothing to order\n"


def test_a_denied_decision_in_submit_is_exit_code_5_and_the_others_go(front: Front) -> None:
    unsure = OTHER | {"confidence": 0.1}
    ran = submit(front, [unsure, DECISION, DECISION | {"action": "HOLD"}])
    assert ran.code == ExitCode.DENIED
    assert [item["state"] for item in ran.items] == ["DENIED", "ACKED"]
    assert "LOW_CONFIDENCE" in ran.err


def test_the_worst_outcome_of_a_submission_is_its_exit_code(front: Front) -> None:
    front.world.broker.outcomes = [rejected(), unknown()]
    ran = submit(front, [DECISION, OTHER])
    assert ran.code == ExitCode.UNKNOWN
    assert [item["state"] for item in ran.items] == ["REJECTED", "UNKNOWN"]
    assert "kt: the broker refused BUY" in ran.err


def test_a_submission_with_a_client_id_sends_nothing_twice(front: Front) -> None:
    first = submit(front, [DECISION], "--client-id", "c1")
    again = submit(front, [DECISION], "--client-id", "c1")
    assert (first.code, again.code) == (0, 0)
    assert again.items == first.items
    assert again.items[0]["client_id"] == "c1/BUY/005930"
    other = submit(front, [DECISION | {"decision_id": "D9"}], "--client-id", "c1")
    assert other.code == ExitCode.DENIED
    assert len(front.world.broker.sent) == 1


def test_what_was_sent_is_shown_even_when_the_rest_cannot_be(front: Front) -> None:

    def cut() -> None:
        front.world.broker.failing["day_orders"] = GONE

    front.world.broker.on_sent = cut
    ran = submit(front, [DECISION, OTHER])
    assert ran.code == ExitCode.UNREACHABLE
    assert [(item["stock_code"], item["state"]) for item in ran.items] == [(SAMSUNG, "ACKED")]


@pytest.mark.parametrize("what", [KeyboardInterrupt, Terminated, MemoryError])
def test_an_interrupt_in_the_middle_of_a_send_is_an_unknown_outcome(
    what: type[BaseException], front: Front
) -> None:
    def interrupt() -> None:
        raise what

    front.world.broker.on_sent = interrupt
    ran = front(*BUY)
    assert ran.code == ExitCode.UNKNOWN
    assert "interrupted while order" in ran.err and "kt order list --unknown" in ran.err


def test_flatten_shows_what_the_broker_holds_before_it_sells(front: Front) -> None:
    """Bought a moment ago, and nobody has waited for the fill."""
    front.world.broker.hold(HYNIX, 4, 180_000)
    front.world.broker.fill_at_once = True
    ran = front("flatten", terminal=True)
    line = next(line for line in ran.err.splitlines() if line.startswith(HYNIX))
    assert line.split()[2:4] == ["4", "180,000"]
    front.world.broker.failing["holdings"] = GONE
    assert "(none)" in front("flatten", "--dry-run", terminal=True).err


def test_flatten_sells_everything_and_halts(front: Front) -> None:
    front.world.broker.fill_at_once = True
    front(*BUY, "--wait")
    ran = front("flatten", "--reason", "enough")
    assert ran.code == 0, ran.err
    assert [(item["side"], item["state"]) for item in ran.items] == [("SELL", "FILLED")]
    assert stops.current(front.world.ctx).mode is StopMode.HALT
    assert ran.err.endswith("kt: nothing is held; no new orders are sent until `kt resume`\n")
