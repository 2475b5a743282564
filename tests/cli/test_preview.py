"""A preview shows what an order will do, and leaves out what is unknown."""

from __future__ import annotations

import pytest

from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.cli.support.preview import preview
from kt.cli.support.run_lock import only_one
from kt.errors import Unreachable
from kt.paths import ProfilePaths
from kt.records import OrderIntent, OrderType, Origin, Quote, Side
from kt.rules import fees
from kt.steps.risk import check
from tests.cli.front import MOMENT, FakeApp, Front, document
from tests.cli.test_confirmation import LIVE
from tests.cli.test_orders import BUY
from tests.fakes import HYNIX, OPEN, SAMSUNG

SELL = ("order", "sell", SAMSUNG)
INTENT = OrderIntent(
    side=Side.BUY,
    stock_code=SAMSUNG,
    quantity=10,
    order_type=OrderType.LIMIT,
    price=70_000,
    origin=Origin.MANUAL,
)


@pytest.fixture
def holding(front: Front) -> Front:
    """Ten shares bought at 70,000, with their exits."""
    front.world.broker.fill_at_once = True
    assert front(*BUY, "--wait").code == 0
    front.world.broker.fill_at_once = False
    return front


def previewed(front: Front, *line: str) -> dict[str, str]:
    """The preview's rows by name."""
    err = front(*line, "--dry-run").err
    rows = (row.split(maxsplit=1) for row in err.replace("to pay", "to-pay").splitlines())
    found = {row[0]: row[1].strip() for row in rows if len(row) == 2}
    return found | {
        name: text.strip()
        for line in err.splitlines()
        for name in ("to receive", "watched by")
        for head, _, text in (line.partition(name),)
        if text and not head
    }


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("69000", "69,000 won, -1.43% from the last 70,000"),
        ("71000", "71,000 won, +1.43% from the last 70,000"),
        ("70000", "70,000 won, the last price"),
    ],
)
def test_the_price_is_compared_with_the_last_price(front: Front, price: str, said: str) -> None:
    assert previewed(front, "order", "buy", SAMSUNG, "1", "--price", price)["price"] == said


def test_a_second_buy_shows_the_resulting_position(holding: Front) -> None:
    rows = previewed(holding, "order", "buy", SAMSUNG, "4", "--price", "69000")
    assert rows["afterwards"] == "14 shares at 69,714 on average"
    assert rows["exits"] == "stop-loss at 66,300, take-profit at 76,700"


def test_a_sale_shows_its_profit_after_all_costs(holding: Front) -> None:
    rows = previewed(holding, *SELL, "10", "--price", "71000")
    fee, tax = fees.commission(710_000), fees.sell_tax(710_000, "KOSPI", "STOCK", OPEN.date())
    assert rows["costs"] == f"fee about {fee} + tax about {tax:,} won"
    assert rows["to receive"] == f"about {710_000 - fee - tax:,} won"
    cost = holding.world.journal.positions()[0].cost
    profit = 710_000 - fee - tax - cost
    assert rows["profit"] == f"about {profit:+,} won after all costs"
    assert rows["afterwards"] == "nothing is held; its exits end"


def test_a_partial_sale_leaves_the_exits_unchanged(holding: Front) -> None:
    rows = previewed(holding, *SELL, "4", "--market")
    assert rows["afterwards"] == "6 of 10 shares are held"
    assert rows["exits"] == "stop-loss at 66,500, take-profit at 77,000"
    assert rows["watched by"] == "NOBODY: start `kt run`"


def test_the_preview_names_what_watches_the_exits(front: Front) -> None:
    with only_one(ProfilePaths(front.folder / "state" / "sim"), "run", OPEN):
        assert previewed(front, *BUY)["watched by"] == "run since 10:00"


def test_on_real_the_warning_comes_first_and_in_red(front: Front) -> None:
    front.configure(LIVE)
    ran = front(*BUY, "--profile", "real", "--yes", terminal=True, color=True)
    assert ran.err.startswith("\x1b[31mREAL MONEY: ")
    assert "REAL MONEY" not in front(*BUY, "--profile", "mock", "--yes").err


def test_without_market_data_there_is_still_a_preview(front: Front) -> None:
    def asked(*_: object) -> tuple[Quote, ...]:
        raise Unreachable("no route")

    checked = check.check_order(front.world.ctx, INTENT)
    cli = CliContext(console=Console(out_terminal=False), environ=front.environ)
    cli.__dict__["app"] = FakeApp(front, cli)
    front.world.market.quotes = asked  # type: ignore[method-assign]
    text = preview(cli, front.world.ctx, [checked])
    assert "price       70,000 won\n" in text
    assert "stop-loss at 66,500" in text


def test_a_pipe_previews_each_order(front: Front) -> None:
    decisions = [
        {
            "action": "BUY",
            "stock_code": code,
            "stock_name": "",
            "quantity": 2,
            "price": price,
            "reason": "x",
            "confidence": 0.9,
            "risk_level": "LOW",
            "decided_at": MOMENT,
            "data_at": MOMENT,
        }
        for code, price in ((SAMSUNG, 70_000), (HYNIX, 180_000))
    ]
    err = front("order", "submit", stdin=document("decisions", decisions)).err
    assert err.count("afterwards") == 2
    assert "the last price" in err
