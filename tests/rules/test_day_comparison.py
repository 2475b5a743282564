"""Two journals of one day: what belongs together, why it differs, and what that cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.records import (
    Action,
    Cause,
    Comparison,
    DayDenial,
    DayDifference,
    ExitLevels,
    Fill,
    JournalDay,
    Order,
    OrderState,
    Origin,
    Side,
    Trade,
)
from kt.rules.day_comparison import compare
from tests.store import make
from tests.store.make import DAY, later

WINDOW = timedelta(minutes=5)


def filled(order: Order, price: int, at: float = 1, **changes: Any) -> tuple[Order, Fill]:
    """The order filled at a price, and its fill with a fee of 10 won."""
    told = make.fill(
        0, order.quantity, order.order_id, price=price, side=order.side, at=later(at),
        stock_code=order.stock_code, **changes,
    )  # fmt: skip
    done = replace(
        order,
        state=OrderState.FILLED,
        filled_quantity=order.quantity,
        filled_value=price * order.quantity,
    )
    return done, told


def sale(order: Order, told: Fill, bought: int, fees: int = 10) -> Trade:
    """The trade of a sale whose shares cost so much."""
    profit = told.quantity * told.price - told.fee - told.tax - bought - fees
    return make.trade(
        order_id=order.order_id, quantity=told.quantity, bought=bought, buy_fee=fees,
        profit=profit, stock_code=told.stock_code, closed_at=told.at,
    )  # fmt: skip


def traded(
    buy: int = 70_000, sell: int = 71_000, *, stop: int = 66_500, late: float = 0, **changes: Any
) -> JournalDay:
    """A buy at 10:00 of a decision, and its stop-loss an hour later."""
    bought, first = filled(make.order("O1", created_at=later(late)), buy, late + 1)
    exited = make.order(
        "O2", decision_id="", side=Side.SELL, origin=Origin.STOP_LOSS, price=0,
        created_at=later(3600),
    )  # fmt: skip
    sold, second = filled(exited, sell, 3601)
    values: dict[str, Any] = {
        "decisions": (make.decision(),),
        "orders": (bought, sold),
        "fills": (first, second),
        "trades": (sale(sold, second, buy * 10),),
        "levels": (levels(stop, buy),),
    }
    return JournalDay(**(values | changes))


def levels(stop: int, paid: int = 70_000) -> ExitLevels:
    return ExitLevels(
        stock_code="005930", stock_name="삼성전자", quantity=10, average_price=paid,
        stop_price=stop, target_price=77_000, reason="", at=later(2),
    )  # fmt: skip


def compared(live: JournalDay, backtest: JournalDay) -> Comparison:
    """The comparison, whose costs always add up."""
    found = compare(DAY, ("live.db", "backtest.db"), live, backtest, WINDOW)
    realised = [sum(trade.profit for trade in one.trades) for one in (live, backtest)]
    assert found.difference == realised[0] - realised[1]
    assert sum(one.cost for one in found.differences) == found.difference
    assert sum(one.cost for one in found.causes) == found.difference
    assert sum(one.differences for one in found.causes) == len(found.differences)
    return found


def told(found: Comparison) -> list[tuple[str, Cause, int]]:
    return [(one.what, one.cause, one.cost) for one in found.differences]


def only(found: Comparison) -> DayDifference:
    (one,) = found.differences
    return one


def test_equal_days_have_no_difference() -> None:
    found = compared(traded(), traded())
    assert found.differences == ()
    assert [(one.what, one.live, one.backtest, one.equal) for one in found.counts] == [
        ("decisions", 1, 1, 1),
        ("orders", 2, 2, 2),
        ("fills", 2, 2, 2),
    ]


def test_the_same_order_later_at_another_price_is_latency() -> None:
    found = compared(traded(), traded(buy=70_100, late=4.2))
    assert told(found) == [("order", Cause.LATENCY, 1_000)]
    assert only(found).detail == "sent 4.2 s later in the backtest"
    sides = only(found)
    assert sides.live and sides.backtest
    assert (sides.live.fill_price, sides.backtest.fill_price) == (70_000, 70_100)


def test_when_it_was_sent_counts_before_when_it_was_made() -> None:
    slow = traded(buy=70_100, sent={"O1": later(9)})
    assert only(compared(slow, traded())).detail == "sent 9.0 s later in the live day"


def test_the_same_order_at_the_same_time_is_not_explained() -> None:
    found = compared(traded(buy=69_900), traded())
    assert told(found) == [("order", Cause.UNKNOWN, 1_000)]
    assert "the market or the fill model" in only(found).detail


def test_other_fees_are_named() -> None:
    day = traded()
    dear = tuple(replace(one, fee=one.fee + 500) for one in day.fills)
    trades = (replace(day.trades[0], profit=day.trades[0].profit - 1_000),)
    found = compared(day, replace(day, fills=dear, trades=trades))
    assert [one.detail for one in found.differences] == ["the same fills, other fees or tax"] * 2
    assert found.difference == 1_000


def test_a_denied_order_and_what_follows_from_it_is_limit() -> None:
    denial = DayDenial(
        decision_id="D1", stock_code="005930", side=Side.BUY, codes="TOTAL_LIMIT", at=later(1)
    )
    denied = traded(orders=(), fills=(), trades=(), denials=(denial,))
    found = compared(traded(), denied)
    assert told(found) == [("order", Cause.LIMIT, -700_010), ("order", Cause.LIMIT, 709_990)]
    assert found.differences[0].detail == "denied in the backtest: TOTAL_LIMIT"
    assert found.differences[1].detail == "follows from the buy of 10:00:00"
    assert found.differences[1].backtest is None


def test_an_order_that_was_denied_when_it_was_placed_is_limit() -> None:
    order = make.order("O9", state=OrderState.DENIED, code="HALT", decision_id="D1")
    found = compared(traded(orders=(order,), fills=(), trades=()), traded())
    assert found.differences[0].detail == "denied in the live day: HALT"


def test_an_exit_without_a_decision_is_denied_by_its_stock_and_time() -> None:
    denial = DayDenial(
        decision_id="", stock_code="005930", side=Side.SELL, codes="HALT", at=later(3590)
    )
    day = traded()
    held = replace(day, orders=day.orders[:1], fills=day.fills[:1], trades=())
    found = compared(day, replace(held, denials=(denial,)))
    assert told(found) == [("order", Cause.LIMIT, 709_990), ("held", Cause.LIMIT, -700_010)]
    far = replace(held, denials=(replace(denial, at=later(600)),))
    assert {one.cause for one in compared(day, far).differences} == {Cause.UNKNOWN}


def test_another_size_of_the_same_decision_is_limit() -> None:
    order, told_fill = filled(make.order("O1", quantity=4), 70_000)
    small = traded(orders=(order,), fills=(told_fill,), trades=())
    found = compared(traded(), small)
    assert found.differences[0].detail == "sized 10 and 4 by the limits"
    assert {one.cause for one in found.differences} == {Cause.LIMIT}


def test_a_stop_set_otherwise_is_limit() -> None:
    tight = traded(sell=69_000, stop=69_000)
    found = compared(tight, traded(sell=66_500))
    assert told(found) == [("order", Cause.LIMIT, 25_000)]
    assert only(found).detail == "stop set at -1.4% and -5.0%"


def test_a_rejection_is_refusal() -> None:
    rejected = make.order("O1", state=OrderState.REJECTED, code="RC4003")
    found = compared(traded(orders=(rejected,), fills=(), trades=()), traded())
    assert found.differences[0].detail == "the broker rejected it in the live day: RC4003"
    assert {one.cause for one in found.differences} == {Cause.REFUSAL}


@pytest.mark.parametrize(
    ("changes", "cause", "detail"),
    [
        ({}, Cause.MODEL, "decided otherwise at the same price"),
        ({"reference_price": 70_200}, Cause.DATA, "decided at 70,000 and 70,200"),
        ({"held": 5}, Cause.DATA, "0 and 5 shares held"),
        ({"reference_price": 0}, Cause.UNKNOWN, "the price that was decided on is not known"),
        (
            {"reference_price": 70_200, "question_key": "k"},
            Cause.MODEL,
            "the same question, another answer",
        ),
        (
            {"action": Action.ABSTAIN},
            Cause.MODEL,
            "no usable answer of the analyst in the backtest",
        ),
    ],
)
def test_another_decision(changes: dict[str, Any], cause: Cause, detail: str) -> None:
    """An order that only one has, because the other decided otherwise, has that cause too."""
    live = traded(decisions=(make.decision(question_key=changes.get("question_key", "")),))
    wanted = make.decision("D7", **({"action": Action.HOLD, "decided_at": later(240)} | changes))
    found = compared(live, JournalDay(decisions=(wanted,)))
    assert [one.what for one in found.differences] == ["decision", "order", "order"]
    assert {one.cause for one in found.differences} == {cause}
    assert [one.detail for one in found.differences[:2]] == [detail, detail]


def test_a_stock_that_was_no_candidate_is_data() -> None:
    other = make.decision("D7", stock_code="000660", action=Action.HOLD)
    found = compared(traded(), JournalDay(decisions=(other,)))
    assert [one.cause for one in found.differences] == [Cause.DATA] * 3
    assert found.differences[0].detail == "not a candidate in the backtest"


def test_a_time_without_any_decision_is_unknown() -> None:
    late = make.decision("D7", action=Action.HOLD, decided_at=later(301))
    found = compared(JournalDay(decisions=(late,)), traded())
    assert {one.cause for one in found.differences} == {Cause.UNKNOWN}
    assert found.differences[0].detail == "nothing was decided in the live day at that time"


def test_decisions_match_the_nearest_in_time() -> None:
    live = JournalDay(decisions=(make.decision("A"), make.decision("B", decided_at=later(200))))
    near = make.decision("C", decided_at=later(190))
    found = compared(live, JournalDay(decisions=(near,)))
    assert [(one.live.id, one.backtest) for one in found.differences if one.live] == [("A", None)]
    assert found.counts[0].equal == 1


def test_shares_bought_and_not_sold_are_named() -> None:
    day = traded()
    held = replace(day, orders=day.orders[:1], fills=day.fills[:1], trades=())
    found = compared(JournalDay(), held)
    assert [(one.what, one.cost) for one in found.differences] == [
        ("decision", 0),
        ("order", 700_010),
        ("held", -700_010),
    ]
    assert found.difference == 0


def test_an_exit_by_price_at_another_time_is_data() -> None:
    day = traded()
    order, told_fill = filled(replace(day.orders[1], created_at=later(7200)), 66_000, 7201)
    later_exit = replace(
        day,
        orders=(day.orders[0], order),
        fills=(day.fills[0], told_fill),
        trades=(sale(order, told_fill, 700_000),),
    )
    found = compared(day, later_exit)
    assert told(found) == [("order", Cause.DATA, 50_000)]
    assert only(found).detail == "the price reached it at another time"


def test_a_decided_sale_of_shares_that_the_other_did_not_buy_has_the_buys_cause() -> None:
    denial = DayDenial(
        decision_id="D1", stock_code="005930", side=Side.BUY, codes="TOTAL_LIMIT", at=later(1)
    )
    day = traded()
    sell = make.decision("S", action=Action.SELL, held=10, decided_at=later(3590))
    sold = replace(day.orders[1], decision_id="S", origin=Origin.CYCLE)
    live = replace(day, decisions=(*day.decisions, sell), orders=(day.orders[0], sold))
    hold = make.decision("H", action=Action.HOLD, decided_at=later(3590))
    found = compared(live, JournalDay(decisions=(make.decision(), hold), denials=(denial,)))
    assert told(found) == [
        ("order", Cause.LIMIT, -700_010),
        ("decision", Cause.DATA, 0),
        ("order", Cause.LIMIT, 709_990),
    ]
