"""What a model is sent about the exchange's own market: complete, dated, and small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.analyst.prompt import Language, decide_prompt
from kt.ports import SealedGateway
from kt.records import AnalystRequest, OrderType, Side
from kt.rules.token_estimate import estimate
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.steps.decide import collect, scan
from kt.steps.reconcile.startup import reconcile
from tests import fakes
from tests.analyst.test_prompt import rows
from tests.fakes import OPEN, PumpedClock, World

MOST_TOKENS = 8_000
STOCKS, HELD = 10, 4
LESSON = "41 earlier BUY/SELL decisions, 22 hit, mean return after costs +0.21 %. " * 4


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnalystRequest]:
    """Ten stocks at 10:00 on seed 1: four held, an order waiting for each of them."""
    folder: Path = tmp_path_factory.mktemp("size")
    world = World(folder, clock=PumpedClock(OPEN))
    exchange = Exchange(clock=world.clock, seed=1, cash=100_000_000)
    account = ExchangeBroker(exchange, "kt")
    ctx = world.context(market=exchange.market, broker=account, gateway=SealedGateway(account))
    found = scan.deep(ctx, scan.fast(ctx).candidates).candidates[:STOCKS]
    for candidate in found[:HELD]:
        account.place(fakes.ticket(code=candidate.stock_code, quantity=3, price=0,
                                   order_type=OrderType.MARKET))  # fmt: skip
    world.clock.sleep(10)
    for candidate in found[:HELD]:
        upper = exchange.market.quote(candidate.stock_code).upper_limit
        account.place(fakes.ticket(Side.SELL, candidate.stock_code, 2, upper))
    world.clock.sleep(1)
    reconcile(ctx)
    brief = collect.collect(ctx, found)
    yield replace(brief, lessons=LESSON)
    world.close()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_ten_stocks_need_fewer_than_8000_tokens(busy: AnalystRequest, language: Language) -> None:
    assert len(busy.stocks) == STOCKS
    prompt = decide_prompt(busy, language=language)
    tokens = estimate(prompt.whole)
    print(f"{language}: {len(prompt.whole):,} characters, about {tokens:,} tokens")
    assert tokens < MOST_TOKENS


def test_nothing_is_missing_and_every_stock_is_in_every_table(busy: AnalystRequest) -> None:
    text = decide_prompt(busy).text
    assert "missing: " not in text
    codes = {stock.stock_code for stock in busy.stocks}
    for name in ("stock", "tick", "5min", "day", "week,month", "indicator", "book", "flow",
                 "broker"):  # fmt: skip
        assert {row["code"] for row in rows(text, name)} == codes, name
    assert len(rows(text, "position")) == len(rows(text, "order")) == HELD
    assert [row["market"] for row in rows(text, "market")] == ["KOSPI", "KOSDAQ"]
    sectors = {(stock.market, stock.sector) for stock in busy.stocks}
    assert {(row["market"], row["sector"]) for row in rows(text, "sector")} == sectors


def test_every_column_of_a_chart_has_its_time_and_only_what_runs_is_partial(
    busy: AnalystRequest,
) -> None:
    text = decide_prompt(busy).text
    found = {name: list(rows(text, name)[0])[1:] for name in ("5min", "day", "week,month", "flow")}
    groups = {
        r"(\d\d-\d\d )?\d\d:\d\d": found["5min"],
        r"\d\d-\d\d": found["day"],
        r"1[01]-\d\d": found["week,month"][:6],
        r"26-\d\d": found["week,month"][6:],
        r"1[1]-\d\d": found["flow"][:5],
    }
    for pattern, columns in groups.items():
        assert all(re.fullmatch(pattern, column) for column in columns[:-1]), columns
        assert re.fullmatch(rf"{pattern}\*", columns[-1]), columns


def test_no_figure_carries_a_digit_that_says_nothing(busy: AnalystRequest) -> None:
    text = decide_prompt(busy).text
    found = [row for name in ("day", "flow", "indicator", "5min") for row in rows(text, name)]
    cells = [cell for row in found for cell in row.values()]
    assert not [cell for cell in cells if re.search(r"\.\d*0(\b|/)|\d\.\d{3}|\+|-0(/|$)", cell)]
