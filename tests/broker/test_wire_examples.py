"""The document's own examples parse too, or fail by name where the document is wrong.

Reads the reference beside the project; skipped where there is none.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from kt.broker.rest.response_class import classify
from kt.broker.wire import account, charts, markets, orders, rankings, stocks
from kt.errors import WireError
from kt.records import KST, Interval, MarketName, OrderType, Ranking, Side
from tests.broker.wiring import REFERENCE

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the broker's reference is not beside the project"
)

TODAY = date(2026, 11, 23)


def example(api_id: str) -> dict[str, Any]:
    text = (REFERENCE / f"{api_id}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["example_response"]
    assert classify(200, found) is None, "the example is a success"
    return found


def no_faults(fault: WireError) -> None:
    raise fault


def test_both_spellings_of_the_return_code() -> None:
    assert example("ka10030")["returnCode"] == 0
    assert classify(200, {"returnCode": "3", "returnMsg": "[8005:x]"}) is not None


def test_account_examples() -> None:
    assert account.account(example("ka00001")) == "0123456789"
    deposit = account.deposit(example("kt00001"))
    assert (deposit.cash, deposit.orderable, deposit.margin) == (17_534, 85_341, 32_193)
    assert (deposit.d1_cash, deposit.d2_cash) == (17_450, 12_550)
    orderable = account.orderable(example("kt00010"))
    assert (orderable.amount, orderable.quantity) == (12_550, 0)


def test_holdings_example() -> None:
    held = account.holdings([example("kt00018")])
    assert (held.total_cost, held.total_value, held.total_profit) == (
        17_598_258,
        25_789_890,
        8_138_825,
    )
    assert (held.total_profit_pct, held.estimated_assets) == (46.25, 1_012_632_507)
    # Two rows of one stock with different costs are one holding.
    (only,) = held.items
    assert (only.quantity, only.sellable, only.cost, only.value) == (11, 11, 2_046_930, 857_000)
    assert (only.profit, only.profit_pct, only.price, only.weight_pct) == (
        -196_888 - 995_004,
        -58.23,
        85_000,
        11.63,
    )


def test_order_examples() -> None:
    opened = orders.open_orders(example("ka10075"), TODAY)[0]
    assert (opened.order_type, opened.price, opened.side, opened.open_quantity) == (
        OrderType.MARKET,
        0,
        Side.BUY,
        1,
    )
    filled = orders.executions(example("ka10076"), TODAY)
    assert [(one.ord_no, one.side, one.price, one.tax) for one in filled] == [
        ("0000037", Side.SELL, 158_200, 284),
        ("0000036", Side.SELL, 158_200, 284),
    ]
    listed = orders.day_orders(example("kt00007"), TODAY)[0]
    assert (listed.ord_no, listed.stock_code, listed.side, listed.status, listed.kind) == (
        "0000050",
        "069500",
        Side.BUY,
        "FILL",
        "NEW",
    )
    assert (listed.quantity, listed.filled_quantity, listed.fill_price, listed.open_quantity) == (
        1,
        1,
        4_900,
        0,
    )
    assert listed.at == datetime(2026, 11, 23, 13, 5, 43, tzinfo=KST)


def test_profit_examples() -> None:
    sold = account.realised(example("ka10077"))[0]
    assert (sold.stock_code, sold.profit, sold.buy_price, sold.profit_pct) == (
        "005930",
        59_813,
        97_602.9573459,
        61.28,
    )
    held = account.returns(example("ka10085"))
    assert [(one.price, one.quantity, one.cost, one.profit_pct) for one in held] == [
        (63_000, 3, 373_500, -49.4),
        (256_500, 8, 1_673_429, 22.62),
        (156_600, 36, 3_513_706, 60.45),
    ]
    assert held[0].day is None


def test_ranking_examples() -> None:
    def first(api_id: str, ranking: Ranking) -> Any:
        return rankings.ranked(example(api_id), ranking, no_faults)[0]

    surge = first("ka10023", Ranking.VOLUME_SURGE)
    assert (surge.price, surge.volume, surge.surge_pct) == (152_000, 31_103_523, 38.04)
    volume = first("ka10030", Ranking.VOLUME)
    assert (volume.volume, volume.value) == (34_954_641, 5_308_092_000_000)
    value = first("ka10032", Ranking.VALUE)
    assert (value.value, value.change_pct) == (5_308_092_000_000, -0.07)
    change = first("ka10027", Ranking.CHANGE)
    assert (change.change_pct, change.strength, change.price) == (29.86, 346.54, 74_800)


def test_the_shifted_example_of_ka10001_fails_by_name() -> None:
    """Its values stand under the wrong names from `low_pric` on: names are trusted."""
    with pytest.raises(WireError, match=r"ka10001\.lst_pric: '-47.41'"):
        stocks.quote(example("ka10001"), "005930")


def test_the_index_of_the_example() -> None:
    found = markets.index(example("ka20001"), TODAY)
    assert (found.value, found.change, found.change_pct) == (2_394.49, -278.47, -10.42)
    assert (found.rising, found.unchanged, found.falling) == (17, 183, 130)
    assert found.at == datetime(2026, 11, 23, 14, 30, tzinfo=KST)


def test_sectors_and_streaks_of_the_examples() -> None:
    whole, large = markets.sectors(example("ka10051"), no_faults)
    assert (whole.name, whole.change_pct, whole.foreign, whole.institution) == (
        "종합(KOSPI)",
        3.52,
        -622,
        601,
    )
    assert (large.name, large.change_pct, large.individual) == ("대형주", 4.19, 16)
    first = markets.streaks(example("ka10131"), no_faults)[0]
    assert (first.stock_code, first.change_pct, first.institution, first.foreign) == (
        "005930",
        -5.8,
        173,
        0,
    )
    assert (first.institution_days, first.foreign_days) == (1, 1)


def test_the_retired_api_of_institutions() -> None:
    """Its example has no figures; this is its answer with some."""
    told = example("ka10009")
    assert stocks.institution_today(told, "ka10009") is None
    filled = told | {"orgn_daly_nettrde": "--1500", "frgnr_daly_nettrde": "+700"}
    found = stocks.institution_today(filled, "ka10009")
    assert found is not None
    assert (found.day, found.close) == (date(2024, 11, 5), 135_300)
    assert (found.institution, found.foreign) == (-1_500, 700)


def test_stock_examples() -> None:
    quote = stocks.quotes(example("ka10095"), TODAY, no_faults)[0]
    assert (quote.price, quote.base_price, quote.change, quote.change_pct) == (
        156_600,
        121_700,
        34_900,
        28.68,
    )
    assert (quote.upper_limit, quote.lower_limit, quote.bid, quote.ask) == (
        158_200,
        85_200,
        156_600,
        156_700,
    )
    assert (quote.value, quote.listed_shares) == (14_889_000_000, 5_969_783_000)
    assert quote.at == datetime(2024, 11, 28, 16, 37, 13, tzinfo=KST)
    book = stocks.book(example("ka10004"), "005930", TODAY)
    assert (book.asks, book.bids, book.total_ask) == ((), (), 0)
    assert book.at == datetime(2026, 11, 23, 16, 20, tzinfo=KST)
    activity = stocks.brokers(example("ka10002"), "005930")
    assert (activity.sellers, activity.buyers) == ((), ())
    strength = stocks.strength(example("ka10046"), TODAY, no_faults)[0]
    assert (strength.volume, strength.strength_60m) == (1, 170.67)


def test_flow_examples() -> None:
    flow = stocks.flow(example("ka10059"), no_faults)[0]
    assert (flow.individual, flow.foreign, flow.institution) == (1_584, -61_779, 60_195)
    foreign = stocks.foreign(example("ka10008"), no_faults)
    assert [one.change for one in foreign] == [0, -3_441, 4_627, -10_245, 249]
    assert (foreign[0].weight_pct, foreign[0].shares) == (26.1, 6_663_509)
    days = stocks.institutions(example("ka10045"), no_faults)
    assert [(one.institution, one.foreign, one.foreign_total) for one in days] == [
        (0, 0, 28_315),
        (0, 11_243, 28_315),
    ]


def test_listing_example() -> None:
    found = stocks.instruments(example("ka10099"), MarketName.KOSDAQ, no_faults)
    assert [(one.base_price, one.listed_shares, one.warning) for one in found[:2]] == [
        (197, 123_759_593, "투자주의환기종목, 관리종목"),
        (213, 136_637_536, ""),
    ]


@pytest.mark.parametrize(
    ("api_id", "interval", "start", "close", "value"),
    [
        ("ka10079", Interval.TICK, datetime(2025, 9, 17, 13, 19, 39, tzinfo=KST), 78_900, 0),
        ("ka10080", Interval.MINUTE, datetime(2025, 9, 17, 13, 20, tzinfo=KST), 78_800, 0),
        ("ka10081", Interval.DAY, datetime(2025, 9, 8, tzinfo=KST), 70_100, 648_525_000_000),
        ("ka10082", Interval.WEEK, datetime(2025, 9, 1, tzinfo=KST), 69_500, 3_922_030_535_087),
        ("ka10083", Interval.MONTH, datetime(2025, 9, 1, tzinfo=KST), 78_900, 15_774_571_011_618),
    ],
)
def test_chart_examples(
    api_id: str, interval: Interval, start: datetime, close: int, value: int
) -> None:
    bar = charts.bars(example(api_id), interval, no_faults)[0]
    assert (bar.at, bar.close, bar.value) == (start, close, value)
