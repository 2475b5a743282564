"""The account changes between two kt commands: another client of the same key trades on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.house import LISTED, Account
from tests.crash.stage import Stage

STOCK = "005930"


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    stage = Stage(1)
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    yield made
    made.close()
    stage.close()


def seen(account: Account) -> list[str]:
    """What the next kt command says of differences, once everything is listed."""
    account.house.pass_time(LISTED)
    ran = account.kt("order", "list")
    assert ran.code == 0, account.told()
    return [line for line in ran.err.splitlines() if "the broker has" in line]


def noted(account: Account) -> int:
    (row,) = account.rows("SELECT cash FROM cash_note")
    return int(row["cash"])


def settled(account: Account) -> int:
    return int(account.wire.call("kt00001").json()["d2_entra"])


def test_a_trade_of_another_client_shows_as_shares_and_never_as_cash(account: Account) -> None:
    assert seen(account) == []
    bought = account.kt("order", "buy", STOCK, "3", "--market", "--wait")
    assert bought.code == 0, account.told()
    assert seen(account) == []
    assert noted(account) == settled(account)
    account.trade("BUY", STOCK, 2)
    (line,) = seen(account)
    assert f"position {STOCK}: kt had 3 shares, the broker has 5 shares" in line
    assert seen(account) == []
    assert noted(account) == settled(account)
    account.trade("SELL", STOCK, 5)
    assert len(seen(account)) == 1
    assert seen(account) == []
    assert noted(account) == settled(account)


def test_a_round_trip_of_another_client_shows_as_cash_once(account: Account) -> None:
    assert seen(account) == []
    for side in ("BUY", "SELL"):
        account.trade(side, STOCK, 2)
        account.house.pass_time(LISTED)
    (line,) = seen(account)
    assert "cash: kt had" in line
    assert "trades outside kt" in line
    assert seen(account) == []
    logged = account.kt("log", "-o", "json", "--kind", "notice")
    assert logged.code == 0, account.told()
    assert logged.out.count("cash differs") == 1
