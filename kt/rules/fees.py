"""The costs of a trade: commission on both sides and the tax on a sale, exact to the won."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

from kt.records import Side
from kt.rules import calendar

REAL_COMMISSION_PCT = 0.015
"""The broker's own rate on the exchange, one side (docs/market-rules.md#costs, confidence B)."""
MOCK_COMMISSION_PCT = 0.35
"""The mock server's rate, one side (docs/market-rules.md#costs, confidence A)."""

_TAX_FROM = (
    (date.min, 300),
    (date(2019, 6, 3), 250),
    (date(2021, 1, 1), 230),
    (date(2023, 1, 1), 200),
    (date(2024, 1, 1), 180),
    (date(2025, 1, 1), 150),
    (date(2026, 1, 1), 200),
)
"""(first settlement date, rate in 1/100,000 of the value) for KOSPI and KOSDAQ: KOSPI's
transaction tax and agricultural tax together equal KOSDAQ's rate in every period
(docs/market-rules.md#costs)."""
_KONEX_TAX = 100
_UNTAXED = frozenset({"ETF", "ETN", "ELW"})


@dataclass(frozen=True, slots=True)
class Costs:
    """What one execution costs, in won."""

    fee: int
    tax: int

    @property
    def total(self) -> int:
        return self.fee + self.tax


def commission(value: int, pct: float = REAL_COMMISSION_PCT) -> int:
    """One side's commission in won, cut to 10 won; `pct` is in percent of the value.

    Measured on the mock server (258,000 at 0.35 % → 900); for the real one the cut is the usual
    practice and not verified.
    """
    return value * round(pct * 1_000_000) // 100_000_000 // 10 * 10


def sell_tax(value: int, market: str, kind: str, trade_date: date) -> int:
    """The tax on a sale in won, cut to 1 won. The rate is the settlement date's
    (docs/market-rules.md#costs)."""
    return value * sell_tax_rate(market, kind, trade_date) // 100_000


def sell_tax_rate(market: str, kind: str, trade_date: date) -> int:
    """The tax on a sale in 1/100,000 of its value: 200 is 0.20 %."""
    if kind in _UNTAXED:
        return 0
    if market == "KONEX":
        return _KONEX_TAX
    settles = calendar.settlement_day(trade_date)
    return _TAX_FROM[bisect_right(_TAX_FROM, settles, key=lambda row: row[0]) - 1][1]


def costs(
    side: Side,
    value: int,
    *,
    market: str,
    kind: str,
    trade_date: date,
    commission_pct: float = REAL_COMMISSION_PCT,
) -> Costs:
    """Commission and tax of one execution of this value in won."""
    tax = sell_tax(value, market, kind, trade_date) if side is Side.SELL else 0
    return Costs(commission(value, commission_pct), tax)


def buy_cost(value: int, commission_pct: float = REAL_COMMISSION_PCT) -> int:
    """What a purchase takes out of the account, in won."""
    return value + commission(value, commission_pct)


def affordable(money: int, price: int, commission_pct: float = REAL_COMMISSION_PCT) -> int:
    """The most shares at `price` won whose value and commission `money` won pays for."""
    rate = round(commission_pct * 1_000_000)
    shares = max(0, money) * 100_000_000 // (price * (100_000_000 + rate))
    while buy_cost((shares + 1) * price, commission_pct) <= money:
        shares += 1  # the commission is cut to 10 won, which may leave room for a little more
    return shares


def net_proceeds(
    value: int,
    *,
    market: str,
    kind: str,
    trade_date: date,
    commission_pct: float = REAL_COMMISSION_PCT,
) -> int:
    """What a sale of this value brings into the account, in won."""
    return (
        value
        - costs(
            Side.SELL,
            value,
            market=market,
            kind=kind,
            trade_date=trade_date,
            commission_pct=commission_pct,
        ).total
    )
