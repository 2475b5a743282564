"""The three stops on real processes, with an exchange that misbehaves: nothing leaves that a stop
forbids, everything is sold once, and the end is a halt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.crash.house import CONFIG, Account, House, Listed, Row
from tests.crash.invariants import assert_well
from tests.crash.processes import Ran
from tests.crash.stage import Stage
from tests.crash.trader import until

HELD, OTHER, RESTING = "005930", "015760", "316140"
THIN = "02826K"
"""Few shares are ever bid for."""


@pytest.fixture
def empty(stage: Stage) -> Iterator[Account]:
    """An account on which nothing has happened."""
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    yield made
    made.house.lift()
    made.close()


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    """Two stocks held, a purchase that rests, and half of a sale that rests."""
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    for code, quantity in ((HELD, "7"), (OTHER, "12")):
        assert made.kt("order", "buy", code, quantity, "--market", "--wait").code == 0
    low, high = made.prices(RESTING)[1], made.prices(OTHER)[2]
    assert made.kt("order", "buy", RESTING, "4", "--price", str(low)).code == 0
    assert made.kt("order", "sell", OTHER, "6", "--price", str(high)).code == 0
    yield made
    made.house.lift()
    made.close()


def stop_of(account: Account) -> tuple[str, str]:
    """The row and the flag file."""
    row = account.rows("SELECT mode FROM halts ORDER BY seq DESC LIMIT 1")
    flag = account.state / "sim" / "halt.json"
    return (
        row[0]["mode"] if row else "running",
        json.loads(flag.read_text())["mode"] if flag.exists() else "running",
    )


def new_orders(account: Account) -> list[Listed]:
    return [order for order in account.truth().orders if order.kind == "NEW"]


def refused(account: Account, code: int, why: str) -> None:
    """A buy is refused in that way, and the broker sees nothing of it."""
    before = len(account.truth().orders)
    ran = account.kt("order", "buy", HELD, "1", "--market")
    assert (ran.code, why in ran.err) == (code, True), ran.told()
    assert len(account.truth().orders) == before


# halt and reduce


def test_under_halt_only_cancels_are_sent(account: Account) -> None:
    assert account.kt("halt", "--reason", "lunch").code == 0
    assert stop_of(account) == ("halt", "halt")
    refused(account, 6, "HALTED: halt: lunch")
    name = account.orders(f"stock_code = '{RESTING}'")[0]["order_id"]
    amended = account.kt("order", "amend", name, "--price", str(account.prices(RESTING)[1] + 50))
    assert amended.code == 6, amended.told()
    assert account.kt("order", "sell", HELD, "1", "--market").code == 6
    assert account.kt("run", "--once").code == 6
    assert account.kt("order", "cancel", name).code == 0
    assert account.kt("resume").code == 0
    assert stop_of(account) == ("running", "running")
    assert account.kt("order", "sell", HELD, "1", "--market", "--wait").code == 0
    assert_well(account)


def test_under_reduce_only_sells_are_sent(account: Account) -> None:
    assert account.kt("reduce").code == 0
    assert stop_of(account) == ("reduce", "reduce")
    refused(account, 5, "REDUCING")
    name = account.orders(f"stock_code = '{RESTING}'")[0]["order_id"]
    amended = account.kt("order", "amend", name, "--price", str(account.prices(RESTING)[1] + 50))
    assert (amended.code, "REDUCING" in amended.err) == (5, True), amended.told()
    assert account.kt("order", "sell", HELD, "2", "--market", "--wait").code == 0
    assert account.kt("halt").code == 0, "a stricter stop takes its place"
    refused(account, 6, "HALTED")
    assert account.kt("resume").code == 0
    assert_well(account)


GONE = {"action": "cut", "api": "*", "count": 0, "when": "before"}
BROKEN = {"action": "status", "status": 503, "api": "*", "count": 0, "when": "before"}


@pytest.mark.parametrize(
    ("verb", "fault"), [("halt", GONE), ("reduce", BROKEN), ("resume", GONE)], ids=str
)
def test_a_stop_needs_no_broker(empty: Account, verb: str, fault: Row) -> None:
    assert empty.kt("halt" if verb == "resume" else "resume").code == 0
    empty.house.fault(fault)
    ran = empty.kt(verb)
    empty.house.lift()
    assert ran.code == 0, ran.told()
    mode = "running" if verb == "resume" else verb
    assert stop_of(empty) == (mode, mode)


@pytest.mark.parametrize("content", ["", '{"mode":"pause"}'], ids=["touched", "nonsense"])
def test_an_unreadable_flag_file_halts(empty: Account, content: str) -> None:
    assert empty.kt("order", "list").code == 0
    flag = empty.state / "sim" / "halt.json"
    flag.write_text(content)
    refused(empty, 6, "cannot be read")
    assert "halted to be safe" in empty.kt("doctor").out
    assert empty.kt("resume").code == 0
    assert not flag.exists()
    assert empty.kt("order", "buy", HELD, "1", "--market", "--wait").code == 0
    assert_well(empty)


def test_a_stop_that_cannot_be_read_denies(empty: Account) -> None:
    """The row is nonsense, and no file says anything."""
    assert empty.kt("order", "list").code == 0
    empty.change(
        "INSERT INTO halts (mode, reason, set_by, at, until) VALUES ('pause', '', 'x', 'x', NULL)"
    )
    for argv in (("order", "buy", HELD, "1", "--market"), ("run", "--once")):
        ran = empty.kt(*argv)
        assert ran.code == 1, ran.told()
        assert "unexpected error" not in ran.err, ran.told()
    assert empty.truth().orders == ()
    doctor = empty.kt("doctor")
    assert (doctor.code, "cannot be read, so no orders are sent" in doctor.out) == (1, True)
    assert empty.kt("halt").code == 0, "the way out is to stop, and then to resume"
    assert empty.kt("resume").code == 0
    assert_well(empty)


# flatten


def flattened(account: Account, ran: Ran) -> None:
    """Nothing is held, nothing is open, kt is halted, and each share was sold once."""
    truth = account.truth()
    assert (dict(truth.held), dict(truth.open)) == ({}, {}), account.told()
    assert stop_of(account) == ("halt", "halt"), ran.told()
    sold = {number: truth.fills.get(number, (0, 0))[0] for number in _sells(account)}
    assert sum(sold.values()) == 7 + 12
    assert_well(account)
    refused(account, 6, "HALTED: halt: after flatten: by hand")


def _sells(account: Account) -> list[int]:
    return [order.number for order in new_orders(account) if order.side == "SELL"]


TROUBLE: dict[str, Row] = {
    "no trouble": {"action": "delay", "api": "orders", "seconds": 0.0},
    "cut after a sell": {"action": "cut", "api": "kt10001", "when": "after"},
    "cut before a sell": {"action": "cut", "api": "kt10001", "when": "before"},
    "5xx after a sell": {"action": "status", "api": "kt10001", "when": "after"},
    "sell without a number": {"action": "no_order_number", "api": "kt10001"},
    "cut after a cancel": {"action": "cut", "api": "kt10003", "when": "after"},
    "cut before a cancel": {"action": "cut", "api": "kt10003", "when": "before"},
    "too many orders": {"action": "rate", "api": "orders", "count": 2},
    "lists fail": {"action": "status", "api": "lists", "count": 3, "when": "before"},
    "lists late": {"action": "late", "api": "lists", "seconds": 5.0, "count": 0},
    "no frames": {"action": "drop", "stream": "00", "count": 0},
    "frames twice": {"action": "duplicate", "stream": "00", "count": 0},
    "stream cut": {"action": "cut", "stream": "00"},
    "token dead": {"action": "token_dead", "api": "kt10001"},
}


@pytest.mark.parametrize("name", TROUBLE)
def test_flatten_sells_everything_once_whatever_happens(account: Account, name: str) -> None:
    account.house.fault(TROUBLE[name])
    ran = account.kt("flatten")
    assert all(rule["acted"] for rule in account.house.lift())
    assert ran.code == 0, ran.told()
    assert "nothing is held; no new orders are sent until `kt resume`" in ran.err
    flattened(account, ran)


def test_flatten_sells_in_pieces_that_the_book_can_bear(stage: Stage) -> None:
    """What is held is nearly all that is bid for."""
    limits = "per_stock: 100000000, total: 100000000, turnover: 100000000"
    config = CONFIG.replace("per_stock: 5000000, total: 9000000", limits)
    house = House(stage.new_folder("exchange"), cash=100_000_000)
    with (
        closing(house),
        closing(Account(house, stage.new_folder("account"), stage.forge, config)) as account,
    ):
        quantity = int(_bids(account, THIN) * 0.9)
        bought = account.kt("order", "buy", THIN, str(quantity), "--market", "--wait")
        assert bought.code == 0, bought.told()
        held = account.truth().held[THIN]
        ran = account.kt("flatten")
        assert ran.code == 0, ran.told()
        pieces = [order.quantity for order in new_orders(account) if order.side == "SELL"]
        assert sum(pieces) == held
        assert len(pieces) > 1, pieces
        truth = account.truth()
        assert (dict(truth.held), dict(truth.open)) == ({}, {})
        assert_well(account)


def _bids(account: Account, code: str) -> int:
    body = account.wire.call("ka10004", {"stk_cd": code}).json()
    return int(body["tot_buy_req"].lstrip("+-") or 0)


def test_flatten_waits_for_an_unreachable_broker_and_finishes(account: Account) -> None:
    account.house.fault(BROKEN)
    waiting = account.start("flatten")
    until(lambda: "flatten waits for the broker" in waiting.said(), 20, waiting.said)
    assert stop_of(account) == ("flatten", "flatten")
    account.house.lift()
    ran = waiting.wait()
    assert ran.code == 0, ran.told()
    assert stop_of(account) == ("halt", "halt")
    flattened(account, ran)


def test_flatten_with_a_broken_database_halts(account: Account) -> None:
    kept = account.database.read_bytes()
    account.database.write_bytes(b"not a database at all" * 1000)
    ran = account.kt("flatten")
    assert ran.code == 1, ran.told()
    assert "nothing was sold; no new orders are sent until `kt resume`" in ran.err
    flag = json.loads((account.state / "sim" / "halt.json").read_text())
    assert flag["mode"] == "halt"
    assert flag["reason"].startswith("flatten could not start: journal ")
    _restore(account.database, kept)
    refused(account, 6, "flatten could not start")
    assert account.kt("flatten").code == 0
    assert account.truth().held == {}


def _restore(database: Path, content: bytes) -> None:
    for part in database.parent.glob("kt.db-*"):
        part.unlink()
    database.write_bytes(content)


def test_a_killed_flatten_is_finished_by_the_next_run(
    account: Account,
) -> None:
    killed = account.kt("flatten", KT_CRASH_AT="place.sent")
    assert killed.killed
    assert stop_of(account) == ("flatten", "flatten")
    refused(account, 6, "HALTED")
    waits = account.kt("resume")
    assert (waits.code, "a flatten is under way" in waits.err) == (5, True), waits.told()
    _begun_before(account, seconds=130)
    ran = account.kt("run", "--once")
    assert "flattened" in ran.err, ran.told()
    flattened(account, ran)


def _begun_before(account: Account, seconds: float) -> None:
    """As if the stop had been set so much earlier."""
    at = (account.house.now() - timedelta(seconds=seconds)).isoformat()
    account.change(f"UPDATE halts SET at = '{at}'")
    flag = account.state / "sim" / "halt.json"
    flag.write_text(json.dumps(json.loads(flag.read_text()) | {"at": at}))
