"""The filters of ranking requests: market, venue, kind of stock, price, volume and value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from kt.records import Instrument, MarketName, Ranked, Ranking
from kt.sim.wire.call import Call

MARKETS = {"001": MarketName.KOSPI, "101": MarketName.KOSDAQ}
NXT = "2"
THOUSAND_SHARES = 1_000
VALUE_UNIT = 10_000_000
"""The unit of the value filters: ten million won (1: 10 million, 10: 100 million …)."""
VALUE_ODDITIES = {("ka10030", "4"): 50_000_000}
PRICES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "ka10023": {
        "2": (50_000, 0), "5": (10_000, 0), "6": (5_000, 0), "8": (1_000, 0), "9": (100_000, 0),
    },
    "ka10030": {
        "1": (0, 1_000), "2": (1_000, 0), "3": (1_000, 2_000), "4": (2_000, 5_000),
        "5": (5_000, 0), "6": (5_000, 10_000), "10": (0, 10_000), "7": (10_000, 0),
        "8": (50_000, 0), "9": (100_000, 0),
    },
    "ka10027": {
        "1": (0, 1_000), "2": (1_000, 2_000), "3": (2_000, 5_000), "4": (5_000, 10_000),
        "5": (10_000, 0), "8": (1_000, 0), "10": (0, 10_000),
    },
}  # fmt: skip
"""The price filters' codes by API: from (inclusive) and to (exclusive), in won; 0: no limit."""

Wanted = Callable[[Instrument], bool]


def margin(stock: Instrument) -> int:
    """A stock's margin rate in percent, as the list of stocks (ka10099) shows it."""
    return 100 if stock.warning else 20


def _managed(stock: Instrument) -> bool:
    return "관리종목" in stock.warning


def _preferred(stock: Instrument) -> bool:
    """Codes of common stocks end in 0."""
    return stock.kind == "STOCK" and not stock.stock_code.endswith("0")


def _spac(stock: Instrument) -> bool:
    return "스팩" in stock.stock_name


CONDITIONS: Mapping[str, Wanted] = {
    "1": lambda stock: not _managed(stock),
    "3": lambda stock: not _preferred(stock),
    "4": lambda stock: not _managed(stock) and not _preferred(stock),
    "5": lambda stock: margin(stock) != 100,
    "6": lambda stock: margin(stock) == 100,
    "7": lambda stock: margin(stock) == 40,
    "8": lambda stock: margin(stock) == 30,
    "9": lambda stock: margin(stock) == 20,
    "11": lambda stock: "정리매매" not in stock.warning,
    "12": lambda stock: margin(stock) == 50,
    "13": lambda stock: margin(stock) == 60,
    "14": lambda stock: stock.kind != "ETF",
    "15": lambda stock: not _spac(stock),
    "16": lambda stock: stock.kind not in {"ETF", "ETN"},
    "17": lambda stock: stock.kind != "ETN",
    "18": lambda stock: stock.kind not in {"ETF", "ETN"},
    "20": lambda stock: stock.kind not in {"ETF", "ETN"} and not _spac(stock),
}
"""Codes of stk_cnd (ka10023, ka10027) and mang_stk_incls (ka10030); any other code filters
nothing."""
CREDIT: Mapping[str, Wanted] = {
    "1": lambda stock: not stock.warning,
    "9": lambda stock: not stock.warning,
    **dict.fromkeys("23478", lambda stock: False),
}
"""Codes of the credit filter: here every stock without a warning is in credit group A, and none
has stock lending."""


def filtered(
    call: Call,
    ranking: Ranking,
    api: str = "",
    *,
    volume: str = "",
    price: str = "",
    value: str = "",
    condition: str = "",
    credit: str = "",
) -> list[Ranked]:
    """A ranking after a request's filters; the arguments are the names of the filter fields.

    For other venues the result is empty: they have no trades here.
    """
    if call.text("stex_tp") == NXT:
        return []
    found = call.market.ranking(ranking)
    stocks = _wanted(call, condition, credit)
    least_volume = (call.whole(volume) if volume else 0) * THOUSAND_SHARES
    least_value = _least_value(call, api, value) if value else 0
    low, high = PRICES.get(api, {}).get(call.text(price), (0, 0))
    return [
        item
        for item in found
        if item.volume >= least_volume
        and item.value >= least_value
        and low <= item.price
        and (not high or item.price < high)
        and (stocks is None or item.stock_code in stocks)
    ]


def _least_value(call: Call, api: str, field: str) -> int:
    return VALUE_ODDITIES.get((api, call.text(field)), call.whole(field) * VALUE_UNIT)


def _wanted(call: Call, condition: str, credit: str) -> frozenset[str] | None:
    """The codes of the stocks of the requested market, kind and credit group; None: of all."""
    market = MARKETS.get(call.text("mrkt_tp"))
    kind, group = CONDITIONS.get(call.text(condition)), CREDIT.get(call.text(credit))
    if market is None and kind is None and group is None:
        return None

    def wanted(stock: Instrument) -> bool:
        return (
            (market is None or stock.market is market)
            and (kind is None or kind(stock))
            and (group is None or group(stock))
        )

    return _selected(call, (market, kind, group), wanted)


def _selected(call: Call, key: Hashable, wanted: Wanted) -> frozenset[str]:
    """The codes of the wanted stocks, found once a day for each key."""
    if key not in call.selected:
        call.selected[key] = frozenset(
            code for code, stock in call.instruments.items() if wanted(stock)
        )
    return call.selected[key]


def without_managed(call: Call, items: list[Ranked]) -> list[Ranked]:
    """ka10032's own code for it: mang_stk_incls 0 leaves out stocks under administration."""
    if call.text("mang_stk_incls") != "0":
        return items
    managed = _selected(call, "managed", _managed)
    return [item for item in items if item.stock_code not in managed]


def within_limits(call: Call, items: list[Ranked]) -> list[Ranked]:
    """ka10027 with updown_incls 0 leaves out stocks at their upper or lower limit."""
    if call.text("updown_incls") != "0":
        return items
    at_limit = {
        quote.stock_code
        for quote in call.market.quotes([item.stock_code for item in items])
        if quote.price in {quote.upper_limit, quote.lower_limit}
    }
    return [item for item in items if item.stock_code not in at_limit]
