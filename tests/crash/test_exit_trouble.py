"""Exits with real processes in hard conditions: an unreachable broker, a killed kt, a stock without
buyers or without trading."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from kt.steps.failpoints import POINTS
from tests.crash.exit_members import Aged, Alarmed, Member, Prices, Typed
from tests.crash.house import House
from tests.crash.stage import Stage
from tests.crash.trader import CASH, stocks, until

SOON = 40.0
"""Real seconds, on a machine that is busy with other tests."""
FIRST, SECOND, THIRD, *_, THIN = stocks()
ON_THE_WAY = tuple(point for point in POINTS if point.startswith(("place.", "cancel.")))


@pytest.fixture
def open_house(stage: Stage) -> Iterator[Callable[..., House]]:
    """Exchanges of the test's own; one that was stopped goes on, so that it can be ended."""
    opened: list[House] = []

    def made(speed: float = 20.0) -> House:
        opened.append(House(stage.new_folder("exchange"), speed=speed, cash=CASH))
        return opened[-1]

    yield made
    for house in opened:
        house.lift()
        house.close()


@pytest.fixture
def member(stage: Stage) -> Iterator[Callable[..., Member]]:
    """An account that holds these stocks, with its `kt run` at work."""
    made: list[Member] = []

    def holding(
        kind: type[Member], house: House, held: dict[str, str], *, run: bool = True, **more: Any
    ) -> Member:
        one = kind(house, stage.new_folder("account"), stage.forge, held, **more)
        made.append(one)
        one.bought(one.buy())
        if run:
            started(one)
        one.trader.listen()
        return one

    yield holding
    for one in made:
        one.close()


def started(one: Member, **env: str) -> None:
    one.start(**env)
    one.ready()
    one.prime()


def gone(one: Member) -> None:
    until(lambda: not one.trader.real().held, SOON, one.said)


def ended_well(*ones: Member) -> None:
    """Sold once, the books right, the stop as it should be."""
    for step in (Member.settle, Member.stop, Member.stopped, Member.start_again, Member.check):
        for one in ones:
            step(one)
    for one in ones:
        assert not one.strange, "\n".join((*one.strange, one.said()))


def titles(one: Member, *beginning: str) -> list[str]:
    return [str(row["title"]) for row in one.trader.notices() if row["title"].startswith(beginning)]


# the broker is gone


def killed(house: House) -> None:
    os.kill(house.pid, signal.SIGKILL)


def stopped(house: House) -> None:
    os.kill(house.pid, signal.SIGSTOP)


def goes_on(house: House) -> None:
    os.kill(house.pid, signal.SIGCONT)


GONE: dict[str, tuple[Callable[[House], None], Callable[[House], None]]] = {
    "killed": (killed, House.come_back),
    "stopped": (stopped, goes_on),
}
SOON_AN_EMERGENCY = {
    "emergency": {"errors": 2, "window": 600, "reconnects": 3},
    "scan": {"fast_every": 10},
}


@pytest.mark.parametrize(
    ("how", "dies"),
    [
        ("killed", False),
        ("killed", True),
        ("stopped", False),
        pytest.param("stopped", True, marks=pytest.mark.soak),
    ],
)
def test_after_an_outage_the_emergencys_flatten_has_sold_everything(
    how: str, dies: bool, open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    """By the default action, without a person; the alarm is announced once."""
    go, come_back = GONE[how]
    house = open_house()
    one = member(Alarmed, house, dict.fromkeys((FIRST, SECOND), "emergency"), **SOON_AN_EMERGENCY)
    go(house)
    try:
        until(lambda: one.trader.mode() == "flatten", SOON, one.said)
        house.pass_time(20)
        if dies:
            one.running.kill()
            one.running.wait()
    finally:
        come_back(house)
    if dies:
        one.start()
    gone(one)
    ended_well(one)
    assert len(titles(one, "kt: emergency")) == 1, one.said()
    assert titles(one, "kt: flatten", "kt: halt").count("kt: flatten") == 1, one.said()
    assert titles(one, "kt: halt") == ["kt: halt"], one.said()


def test_a_typed_flatten_waits_for_no_stream_and_no_list_of_holdings(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    house = open_house()
    one = member(Typed, house, {FIRST: "typed"})
    house.fault(
        {"action": "hang", "stream": "handshake", "seconds": 60, "count": 0},
        {"action": "hang", "api": "kt00018", "seconds": 60, "count": 0},
    )
    one.running = one.trader.start("flatten")
    until(lambda: not one.trader.real().held, 8.0, one.said)


def test_reduce_keeps_the_exits_alive(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    one = member(
        Alarmed,
        open_house(),
        {FIRST: "emergency", SECOND: "stop-loss"},
        emergency={"price_jump_pct": 4, "action": "reduce"},
        exits={"stop_loss_pct": 3, "take_profit_pct": 1000},
    )
    one.due()
    until(lambda: one.trader.mode() == "reduce", SOON, one.said)
    denied = one.trader.kt("order", "buy", THIRD, "1", "--market")
    assert (denied.code, "REDUCING" in denied.err) == (5, True), denied.told()
    for code in (SECOND, FIRST):
        one.trader.fall(code)
    gone(one)
    assert one.trader.mode() == "reduce"
    one.mode = "reduce"
    ended_well(one)


# nobody buys, or nothing trades


def test_at_the_lower_limit_the_sell_keeps_its_place(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    one = member(Prices, open_house(), {FIRST: "stop-loss"})
    trader, control = one.trader, one.trader.house.control
    control.steer(FIRST, lock="lower")
    until(lambda: titles(one, "stop-loss of"), SOON, one.said)
    assert "waits in the queue" in titles(one, "stop-loss of")[0], one.said()
    one.trader.house.pass_time(60)
    real = trader.real()
    assert (real.held, real.selling) == ({FIRST: 6}, {FIRST: 6}), one.said()
    assert len(titles(one, "stop-loss of")) == 1, "it is said once"
    control.steer(FIRST, lock="")
    gone(one)
    ended_well(one)
    (sell,) = trader.sells()
    assert sell["state"] == "FILLED"


def test_a_halted_stock_is_tried_again_until_it_trades(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    one = member(Prices, open_house(), {FIRST: "stop-loss"}, run=False)
    trader, control = one.trader, one.trader.house.control
    trader.fall(FIRST)
    trader.house.pass_time(3)
    control.steer(FIRST, halt=True)
    trader.house.pass_time(2)
    started(one)
    until(lambda: titles(one, "stop-loss of"), SOON, one.said)
    assert "did not leave" in titles(one, "stop-loss of")[0]
    until(lambda: len(trader.sells()) >= 4, SOON, one.said)
    control.steer(FIRST, halt=False)
    gone(one)
    ended_well(one)
    assert len(titles(one, "stop-loss of")) == 1, one.said()
    *refused, _ = trader.sells()
    assert {row["code"] for row in refused} == {"571476"}
    times = [datetime.fromisoformat(row["created_at"]) for row in refused]
    waits = [(after - before).total_seconds() for before, after in pairwise(times)]
    late = 1.0  # an order's time is that of its making, a moment after its turn came
    assert all(wait >= 5 * 2**n - late for n, wait in enumerate(waits)), waits


@pytest.mark.soak
def test_during_a_volatility_interruption_the_sell_rests_and_fills_after_it(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    one = member(Aged, open_house(speed=60.0), {FIRST: "time"})
    trader, control = one.trader, one.trader.house.control
    control.steer(FIRST, vi=True)
    trader.house.pass_time(2)
    trader.age(FIRST, 91)
    until(lambda: trader.real().selling, SOON, one.said)
    trader.house.pass_time(30)
    assert trader.ends([FIRST]) == {FIRST: "standing"}, one.said()
    gone(one)
    ended_well(one)
    (sell,) = trader.sells()
    assert sell["origin"] == "time_stop"


def test_a_partly_filled_sell_is_tracked_until_filled(
    open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    """More than all that is bid for."""
    one = member(Prices, open_house(), {THIN: "stop-loss"}, run=False)
    trader = one.trader
    body = trader.wire.call("ka10004", {"stk_cd": THIN}).json()
    bids = int(body["tot_buy_req"].lstrip("+-"))
    while trader.real().held[THIN] < bids * 1.3:
        one.foreign.append(trader.trade("BUY", THIN, max(1, bids // 3)))
        trader.house.pass_time(12)
    trader.bought = dict(trader.truth().held)
    started(one)
    until(lambda: trader.positions()[THIN]["quantity"] == trader.bought[THIN], SOON, one.said)
    trader.fall(THIN)
    gone(one)
    ended_well(one)
    parts = trader.rows("SELECT * FROM fills WHERE side = 'SELL'")
    assert len(parts) > 1
    assert sum(row["quantity"] for row in parts) == trader.bought[THIN]


# kt dies on the way


def test_a_restart_at_any_point_of_an_exit_sells_once(
    stage: Stage, open_house: Callable[..., House], member: Callable[..., Member]
) -> None:
    """A stop-loss takes the owner's resting sell back and sells; kt dies at each of its points,
    and goes on when it is started again."""
    house = open_house()
    codes = dict(zip(ON_THE_WAY, stocks(), strict=False))
    ones = {point: member(Prices, house, {codes[point]: "beside"}, run=False) for point in codes}
    for point, one in ones.items():
        one.start(KT_CRASH_AT=point)
    for one in ones.values():
        one.ready()
    for one in ones.values():
        one.due()
    for point, one in ones.items():
        assert one.running.wait(SOON).killed, f"{point}: {one.said()}"
        one.start()
    for one in ones.values():
        gone(one)
    ended_well(*ones.values())
