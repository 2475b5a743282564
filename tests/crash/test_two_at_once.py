"""Several kt processes at once on one profile: none blocks or corrupts another."""

from __future__ import annotations

import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.crash.cases import BUSY_DAY
from tests.crash.house import CONFIG, Account
from tests.crash.invariants import NOTHING_TO_DO, assert_well
from tests.crash.processes import Ran, Running
from tests.crash.stage import Stage

STOCK = "005930"
UNHURRIED = 10.0
"""Many processes at once are slow: this is long enough that none is taken for dead."""


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    yield from _account(stage, CONFIG)


@pytest.fixture
def trader(stage: Stage) -> Iterator[Account]:
    """An account whose trading day has something to do every few seconds."""
    yield from _account(stage, BUSY_DAY)


def _account(stage: Stage, config: str) -> Iterator[Account]:
    made = Account(stage.house(UNHURRIED), stage.new_folder("account"), stage.forge, config)
    assert made.kt("order", "list").code == 0
    yield made
    made.close()


def wait_for(happened: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def all_of(account: Account, running: list[Running]) -> list[Ran]:
    return [account.kept(each.wait()) for each in running]


# many processes, one stock


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_twenty_processes_ordering_one_stock_at_once_never_overlap(
    account: Account, side: str
) -> None:
    if side == "sell":
        assert account.kt("order", "buy", STOCK, "15", "--market", "--wait").code == 0
    before = len(account.truth().orders)
    ended = all_of(
        account, [account.start("order", side, STOCK, "1", "--market") for _ in range(20)]
    )
    codes = Counter(ran.code for ran in ended)
    assert set(codes) == {0, 5}, account.told()
    sent = [order for order in account.truth().orders if order.kind == "NEW"][before:]
    assert len(sent) == codes[0], "who was told of an order has one, and nobody else"
    runs = [row["run"] for row in account.orders(f"ord_no <> '' AND side = '{side.upper()}'")]
    assert len(runs) == len(set(runs)) == codes[0] + (side == "buy" and before)
    assert len(account.rows("SELECT * FROM runs WHERE exit_code IS NOT NULL")) >= 20
    assert overlaps(account) == []
    assert_well(account)


def overlaps(account: Account) -> list[str]:
    """Intents that were begun while another of the same stock and side was unresolved."""
    found = []
    under_way: dict[tuple[str, str], str] = {}
    for row in account.rows(
        "SELECT e.*, o.stock_code, o.side, o.origin FROM order_events AS e"
        " JOIN orders AS o ON o.order_id = e.order_id ORDER BY e.seq"
    ):
        place = (row["stock_code"], row["side"])
        if row["kind"] == "PLANNED":
            if place in under_way:
                found.append(f"{row['order_id']} beside {under_way[place]}")
            under_way[place] = row["order_id"]
        elif row["kind"] not in ("SENDING", "UNKNOWN") and under_way.get(place) == row["order_id"]:
            del under_way[place]
    return found


def test_processes_that_find_the_same_difference_repair_it_once(account: Account) -> None:
    number = account.trade("BUY", STOCK, 3)
    account.truth()
    ended = all_of(account, [account.start(*NOTHING_TO_DO) for _ in range(6)])
    assert {ran.code for ran in ended} == {2}, account.told()
    repairs = account.orders("origin = 'external'")
    assert [(row["side"], row["quantity"], row["state"]) for row in repairs] == [
        ("BUY", 3, "FILLED")
    ]
    assert_well(account, number)


def test_processes_that_book_the_same_sale_book_it_once(account: Account) -> None:
    """Killed before the sale was booked; the next processes all find it at the same moment."""
    assert account.kt("order", "buy", STOCK, "5", "--market", "--wait").code == 0
    sold = account.kt(
        "order", "sell", STOCK, "5", "--market", "--wait", KT_CRASH_AT="follow.recorded"
    )
    assert sold.killed
    all_of(account, [account.start(*NOTHING_TO_DO) for _ in range(6)])
    trades = account.rows("SELECT * FROM closed_trades WHERE quantity > 0")
    assert sum(row["quantity"] for row in trades) == 5
    assert_well(account)


def test_recovery_leaves_an_order_another_process_is_sending(account: Account) -> None:
    """The broker answers an order late; a concurrent `kt order list` does not treat it as lost."""
    late = {"action": "delay", "api": "kt10000", "seconds": 3, "when": "before"}
    account.house.fault(late)
    try:
        sending = account.start("order", "buy", STOCK, "1", "--market")
        wait_for(lambda: account.orders("state = 'SENDING'"))
        looked = account.kt("order", "list")
        assert looked.code == 0
        assert '"state":"SENDING"' in looked.out
        assert account.rows("SELECT * FROM locks") == []
        assert account.kept(sending.wait()).code == 0, account.told()
    finally:
        account.house.lift()
    assert account.rows("SELECT * FROM notices WHERE level = 'critical'") == []
    assert_well(account)


# the trading day, cron, and a person


@contextmanager
def trading(account: Account) -> Iterator[Running]:
    """A `kt run` that has reconciled and trades."""
    day = account.start("run")
    try:
        wait_for(lambda: account.orders("origin = 'cycle'") or _gone(day))
        yield day
    finally:
        if not day.ended(0):
            day.kill()
        account.kept(day.wait())


def _gone(day: Running) -> bool:
    assert not day.ended(0), f"the day has ended:\n{day.said()}"
    return False


def test_a_second_run_says_that_one_is_running(trader: Account) -> None:
    with trading(trader) as day:
        cron = trader.kt("run", "--once", "--skip-if-running")
        assert cron.code == 0
        told = rf"another kt run .* \(process {day.pid}, since .*nothing was done"
        assert re.search(told, cron.err), cron.err
        for argv in (("run", "--once"), ("run",), ("run", "--until-close")):
            second = trader.kt(*argv)
            assert second.code == 1
            assert f"(process {day.pid}" in second.err
        assert len(trader.rows("SELECT * FROM runs WHERE command LIKE 'run%'")) == 1
        typed = trader.kt("order", "buy", "015760", "1", "--market", "--wait")
        assert typed.code == 0
        assert '"state":"FILLED"' in typed.out
        assert "no live notices" not in typed.err, "it hears through the day's own connection"
        watched = trader.kt("balance")
        assert watched.code == 0
        day.signal(signal.SIGTERM)
        assert day.wait().code == 0, day.said()
    assert trader.kt("run", "--once", "--skip-if-running").code in (0, 7)
    assert_well(trader)


def test_after_a_killed_run_the_next_one_starts(trader: Account) -> None:
    """It held the run's lock, the stream and its lease, and perhaps a lock on the database."""
    with trading(trader) as day:
        waiting = trader.start("order", "buy", "015760", "2", "--market", "--wait")
        wait_for(lambda: trader.orders("origin = 'manual'") or waiting.ended(0))
        day.kill()
        done = trader.kept(waiting.wait())
        assert done.code == 0, trader.told()
        assert '"state":"FILLED"' in done.out
    again = trader.kt("run", "--once")
    assert again.code == 0, trader.told()
    assert_well(trader)


def test_manual_orders_during_a_run_never_overlap(trader: Account) -> None:
    """Two people type while it trades; every order is where it belongs."""
    ended: list[Ran] = []

    def type_orders(code: str) -> None:
        for side in ("buy", "sell", "buy"):
            argv = ("order", side, code, "1", "--market", "--wait")
            ended.append(trader.start(*argv).wait())

    with trading(trader) as day:
        people = [
            threading.Thread(target=type_orders, args=(code,)) for code in ("015760", "316140")
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
        day.signal(signal.SIGTERM)
        assert day.wait().code == 0, day.said()
    # The day sells what anybody bought when its exit is due, and may be faster than a person:
    # before the check, or between the check and the broker.
    for ran in ended:
        too_late = ran.argv[1] == "sell" and ran.code == 8 and "800033" in ran.err
        assert ran.code in (0, 5) or too_late, ran.told()
    assert ended[0].code == 0
    assert overlaps(trader) == []
    assert_well(trader)


# the database


@contextmanager
def holding(account: Account) -> Iterator[None]:
    """Another process has the database for itself."""
    with closing(sqlite3.connect(account.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_a_busy_database_loses_no_row(account: Account) -> None:
    """Again and again the file is held while four processes trade."""
    stop = threading.Event()

    def hold() -> None:
        while not stop.is_set():
            with holding(account):
                time.sleep(0.15)
            time.sleep(0.05)

    holder = threading.Thread(target=hold)
    holder.start()
    codes = ("005930", "015760", "316140", "011200")
    argv = ("--market", "--wait")
    ended = all_of(account, [account.start("order", "buy", code, "2", *argv) for code in codes])
    stop.set()
    holder.join()
    assert {ran.code for ran in ended} == {0}, account.told()
    assert len(account.orders("state = 'FILLED'")) == 4
    commands = account.rows("SELECT * FROM runs WHERE command = 'order buy' AND exit_code = 0")
    assert len(commands) == 4
    for run in commands:
        calls = account.rows("SELECT * FROM api_calls WHERE run = ?", (run["run"],))
        assert [call for call in calls if call["api_id"] == "kt10000"], "every call is kept"
        assert account.rows("SELECT * FROM checks WHERE run = ?", (run["run"],))
    assert_well(account)


# one order, changed by many


def resting(account: Account) -> tuple[str, int]:
    """An open purchase far below the market; its id and its price."""
    price = account.prices(STOCK)[1]
    assert account.kt("order", "buy", STOCK, "5", "--price", str(price)).code == 0
    (order,) = account.orders("state = 'ACKED'")
    return order["order_id"], price


def test_processes_cancelling_one_order_at_once_cancel_it_once(account: Account) -> None:
    name, _ = resting(account)
    ended = all_of(account, [account.start("order", "cancel", name) for _ in range(6)])
    # One is first; the others find nothing to cancel, or are told so by the broker.
    assert 0 in {ran.code for ran in ended} <= {0, 5, 8}, account.told()
    assert [listed.kind for listed in account.truth().orders].count("CANCEL") == 1
    (order,) = account.orders()
    assert_well(account)
    (order,) = account.orders()
    assert (order["state"], order["cancelled_quantity"]) == ("CANCELLED", 5)


def test_processes_amending_one_order_at_once_leave_one_price(account: Account) -> None:
    """One at a time: the others are denied while a change is under way. In the end there is one
    order at one price, and kt knows it."""
    name, price = resting(account)
    prices = [price + step * 500 for step in range(1, 6)]
    ended = all_of(
        account, [account.start("order", "amend", name, "--price", str(p)) for p in prices]
    )
    codes = [ran.code for ran in ended]
    assert 0 in set(codes) <= {0, 5}, account.told()
    assert all("another change of it is under way" in ran.err for ran in ended if ran.code == 5)
    amended = [listed for listed in account.truth().orders if listed.kind == "AMEND"]
    assert len(amended) == codes.count(0), "who was told that it is amended, amended it"
    assert_well(account)
    (order,) = account.orders()
    newest = max(amended, key=lambda listed: listed.number)
    assert (order["state"], order["price"]) == ("ACKED", newest.price)
    assert account.kt("order", "cancel", name).code == 0
    assert_well(account)
    assert account.truth().open == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_send_ends_with_outcome_unknown(
    account: Account, number: signal.Signals
) -> None:
    """It reports the outcome as unknown, and the next start resolves it."""
    account.house.fault({"action": "hang", "api": "kt10000", "seconds": 60})
    try:
        sending = account.start("order", "buy", STOCK, "1", "--market")
        wait_for(lambda: account.truth().orders)
        sending.signal(number)
        ran = account.kept(sending.wait())
    finally:
        account.house.lift()
    assert ran.code == 7, ran.told()
    assert "interrupted while order" in ran.err
    assert_well(account)
    assert len(account.orders("ord_no <> ''")) == 1


def test_an_interrupted_wait_for_a_fill_keeps_the_order(account: Account) -> None:
    """The order stays at the broker, and the interrupted command prints its number."""
    low = account.prices(STOCK)[1]
    argv = ("order", "buy", STOCK, "1", "--price", str(low), "--wait")
    waiting = account.start(*argv, KT_CONFIG=str(patient(account)))
    wait_for(lambda: "waiting up to 5000 s" in waiting.said())
    waiting.signal(signal.SIGTERM)
    ran = account.kept(waiting.wait())
    (order,) = account.orders()
    assert ran.code == 128 + signal.SIGTERM
    assert f"already sent: {order['ord_no']} ({order['order_id']})" in ran.err, ran.told()
    assert_well(account)


def patient(account: Account) -> Path:
    path = account.folder / "patient.yaml"
    path.write_text(CONFIG + "cycle: {fill_wait: 5000}\n", encoding="utf-8")
    return path


def test_a_limit_holds_for_all_processes_together(stage: Stage) -> None:
    """Seven order different stocks at the same moment; each alone would fit, all would not."""
    config = CONFIG.replace(
        "per_stock: 5000000, total: 9000000", "per_stock: 500000, total: 900000"
    )
    with closing(
        Account(stage.house(UNHURRIED), stage.new_folder("account"), stage.forge, config)
    ) as account:
        account.kt("order", "list")
        running = []
        for code in ("064350", "035720", "028050", "011200", "034020", "015760", "316140"):
            last = account.prices(code)[0]
            argv = ("order", "buy", code, str(400_000 // last), "--price", str(last))
            running.append(account.start(*argv))
        ended = all_of(account, running)
        assert {ran.code for ran in ended} == {0, 5}, account.told()
        bought = account.orders("ord_no <> ''")
        assert len(bought) == sum(ran.code == 0 for ran in ended), account.told()
        assert len(bought) in (1, 2), "an order that fills just now may count twice, never not"
        assert sum(row["quantity"] * row["planned_price"] for row in bought) <= 900_000
        assert_well(account)
