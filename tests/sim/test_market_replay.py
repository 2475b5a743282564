"""Recorded bars take the seeded path's place, for the stocks and days they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.cli.topics import topic_text
from kt.errors import InputError
from kt.records import Interval
from kt.sim.exchange import ExchangeBroker
from tests.sim.scene import CODE, at, buy, mine, opened, orders

HEADER = "code,at,open,high,low,close,volume\n"
BARS = """\
005930,2026-03-20T09:00:00,200000,200500,199900,200500,1000
005930,2026-03-20T09:01:00+09:00,200500,201000,200500,201000,400
005930,2026-03-20T10:00:00,201000,202500,200500,202000,800
005930,2026-03-20T15:30:00,202500,202500,202500,202500,5000
005930,2026-03-23T09:00:00,203000,204000,203000,204000,700
005930,2026-03-23T15:19:00,204000,204500,203500,203500,100
"""


def recorded(tmp_path: Path, text: str = HEADER + BARS) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_recorded_day_is_played(tmp_path: Path) -> None:
    exchange, clock = opened(at(9, 0, 59), replay=recorded(tmp_path))
    market = exchange.market
    assert market.quote("005930").price == 200_500
    assert market.quote("005930").volume == 1_000
    clock.set(at(9, 30))
    quote = market.quote("005930")
    assert (quote.price, quote.volume, quote.high) == (201_000, 1_400, 201_000)
    clock.set(at(16))
    bars = market.bars("005930", Interval.MINUTE, 4)
    assert [(bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars] == [
        (at(9), 200_000, 200_500, 199_900, 200_500, 1_000),
        (at(9, 1), 200_500, 201_000, 200_500, 201_000, 400),
        (at(10), 201_000, 202_500, 200_500, 202_000, 800),
        (at(15, 30), 202_500, 202_500, 202_500, 202_500, 5_000),
    ]
    (day,) = market.bars("005930", Interval.DAY, 1)
    assert (day.open, day.high, day.low, day.close, day.volume) == (
        200_000,
        202_500,
        199_900,
        202_500,
        7_200,
    )


def test_the_next_recorded_day_follows_and_then_the_seed(tmp_path: Path) -> None:
    exchange, clock = opened(at(16), replay=recorded(tmp_path))
    clock.set(at(9, 0, 59, day=1))
    quote = exchange.market.quote("005930")
    assert (quote.base_price, quote.price, quote.open) == (202_500, 204_000, 203_000)
    clock.set(at(16, day=1))
    assert exchange.market.quote("005930").price == 203_500
    clock.set(at(12, day=2))
    third = exchange.market.quote("005930")
    assert third.base_price == 203_500
    assert third.volume > 100_000


def test_other_stocks_keep_their_seeded_prices(tmp_path: Path) -> None:
    exchange, _ = opened(replay=recorded(tmp_path))
    assert exchange.market.quote(CODE) == opened()[0].market.quote(CODE)


def test_orders_match_against_recorded_prices(tmp_path: Path) -> None:
    exchange, clock = opened(at(9, 5), replay=recorded(tmp_path))
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 5, 201_000, "005930")
    waiting = buy(broker, 3, 200_500, "005930")
    assert sum(frame.fill_quantity for frame in orders(mine(exchange))) == 5
    clock.set(at(9, 59, 59))
    assert mine(exchange) == []
    clock.set(at(10, 1))
    frames = orders(mine(exchange))
    assert {frame.ord_no for frame in frames} <= {waiting.ord_no}
    assert {frame.fill_price for frame in frames} <= {200_500}


def test_an_unknown_stock_is_listed(tmp_path: Path) -> None:
    text = HEADER + BARS.replace("005930", "0999Z9")
    exchange, _ = opened(at(9, 30), replay=recorded(tmp_path, text))
    assert exchange.market.quote("0999Z9").price == 201_000
    assert "0999Z9" in {item.stock_code for item in exchange.market.instruments()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code,time\n", "first line"),
        (HEADER + "005930,2026-03-20T09:00:00,1,2,3,4,5\n", "line 2: not a bar"),
        (HEADER + "005930,2026-03-20T08:59:00,1,1,1,1,5\n", "line 2: .* outside"),
        (HEADER + "005930,yesterday,1,1,1,1,5\n", "line 2: 'yesterday' is not a time like"),
        (HEADER + "005930,2026-03-20T09:00:00,1,1,1,1,many\n", "line 2: 'many' is not a whole"),
        (HEADER + "005930,2026-03-20T09:00:00,1,1\n", "line 2: 4 fields where 7"),
        (HEADER + "5930,2026-03-20T09:00:00,1,1,1,1,5\n", "line 2: '5930' is not a stock code"),
        (HEADER + "005930,2026-03-20T09:00:00,1,1,1,1,5\n" * 2, "line 3: a second bar"),
        (HEADER, "line 1: the file has no bars"),
        ("", "line 1: the file has no bars"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        opened(replay=recorded(tmp_path, text))


def test_a_file_in_another_encoding_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(HEADER.encode() + "삼성전자,2026-03-20T09:00:00,1,1,1,1,5\n".encode("cp949"))
    with pytest.raises(InputError, match=r"line \d+: not UTF-8"):
        opened(replay=path)


def test_the_example_of_the_help_is_played(tmp_path: Path) -> None:
    text = topic_text("simulator")
    lines = [
        line.strip() for line in text.splitlines() if line.startswith(("    code,", "    0059"))
    ]
    exchange, clock = opened(at(9, 0, 59), replay=recorded(tmp_path, "\n".join(lines) + "\n"))
    assert exchange.market.quote("005930").price == 70_200
    clock.set(at(15, 31))
    assert exchange.market.quote("005930").price == 70_500
