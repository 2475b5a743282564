"""What kt pnl prints, by day, trade and stock, to the letter."""

from __future__ import annotations

from datetime import timedelta

from kt.records import (
    CashNote,
    DayResult,
    Equity,
)
from tests.cli.booked import sold
from tests.cli.front import Front
from tests.fakes import HYNIX, OPEN, SAMSUNG


def test_pnl_by_day(front: Front) -> None:
    sold(front)
    yesterday = DayResult(
        day=OPEN.date().replace(day=20),
        realised=-5_000,
        unrealised=0,
        fees=100,
        taxes=0,
        trades=1,
        wins=0,
        bought=100_000,
        sold=95_000,
        at=OPEN,
    )
    front.world.journal.put_day(yesterday)
    assert front("pnl", terminal=True).out == (
        "day         realised  unrealised   total  trades  wins   bought    sold  costs\n"
        "2026-11-20    -5,000           0  -5,000       1     0  100,000  95,000    100\n"
        "2026-11-23    +9,156           0  +9,156       1     1        0       0      0\n"
        "\n"
        "Profit by day\n"
        "2026-11-20 -5,000               ████████████████|\n"
        "2026-11-23 +9,156                               |██████████████████████████████\n"
    )
    items = front("pnl").items
    assert [*items[0]] == [
        "type",
        "day",
        "realised",
        "unrealised",
        "fees",
        "taxes",
        "trades",
        "wins",
        "bought",
        "sold",
        "at",
        "gross",
        "invested",
        "invested_pct",
        "gross_pct",
        "equity",
        "moved",
        "equity_pct",
        "equity_gross_pct",
        "index_pct",
    ]
    assert [item["day"] for item in front("pnl", "--since", "2026-11-23").items] == ["2026-11-23"]


def test_pnl_by_trade_and_by_stock(front: Front) -> None:
    sold(front)
    front.world.broker.fill_at_once = True
    front("order", "buy", SAMSUNG, "10", "--price", "70000", "--wait")
    front.world.market.prices[SAMSUNG] = 71_000
    assert front("pnl", "--by", "trade", terminal=True).out == (
        "code    name        quantity   bought     sold  profit  return  why sold\n"
        "000660  SK하이닉스         2  180,000  185,000  +9,156  +2.54%  take_profit\n"
    )
    trade = front("pnl", "--by", "trade").items[0]
    assert (trade["type"], trade["profit"], trade["origin"]) == ("trade", 9_156, "take_profit")
    stocks = front("pnl", "--by", "stock").items
    assert [*stocks[0]] == [
        "type",
        "stock_code",
        "stock_name",
        "quantity",
        "realised",
        "unrealised",
        "fees",
        "taxes",
        "trades",
        "wins",
        "gross",
        "invested",
        "invested_pct",
        "gross_pct",
        "equity_pct",
    ]
    assert [
        (item["stock_code"], item["quantity"], item["realised"], item["unrealised"] > 0)
        for item in sorted(stocks, key=lambda item: item["stock_code"])
    ] == [(HYNIX, 0, 9_156, False), (SAMSUNG, 10, 0, True)]


def test_pnl_in_percent_of_the_equity(front: Front) -> None:
    sold(front)
    journal, noon = front.world.journal, OPEN.replace(hour=12)
    journal.put_cash_note(CashNote(cash=1_010_000, won=0, fills=0, outside=0, at=OPEN))
    for minute, equity in ((noon - timedelta(days=3), 1_000_000), (OPEN, 990_000)):
        journal.put_equity(Equity(at=minute, cash=equity, value=0, equity=equity))
    assert front("pnl", terminal=True, width=120).out == (
        "day         realised  unrealised   total  on equity  return  before costs  trades  wins  "
        "bought  sold  costs\n"
        "2026-11-23    +9,156           0  +9,156     +1.00%  +2.54%        +2.78%       1     1"
        "       0     0      0\n"
    )
    (trade,) = front("pnl", "--by", "trade").items
    assert (trade["gross"], trade["gross_pct"], trade["equity_pct"]) == (10_000, 2.78, 0.92)
    (stock,) = front("pnl", "--by", "stock").items
    assert (stock["gross"], stock["invested"], stock["equity_pct"]) == (10_000, 360_054, 0.92)


def test_pnl_in_all(front: Front) -> None:
    sold(front)
    for minute, equity in enumerate((1_000_000, 950_000, 980_000)):
        at = OPEN - timedelta(minutes=10 - minute)
        front.world.journal.put_equity(Equity(at=at, cash=equity, value=0, equity=equity))
    assert front("pnl", "--by", "total", "--since", "2026-11-23", terminal=True).out == (
        "days           2026-11-23 to 2026-11-23\n"
        "realised       +9,156 won\n"
        "return         -2.00%\n"
        "drawdown       -5.00%\n"
        "Sharpe ratio   not known\n"
        "Sortino ratio  not known\n"
        "trades         1 (1 won)\n"
        "win rate       100.00%\n"
        "profit factor  not known\n"
        "held           0 minutes\n"
    )
