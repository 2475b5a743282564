"""The listed stocks of the embedded market: real codes and names, plausible figures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from kt.records import Instrument, MarketName


@dataclass(frozen=True, slots=True)
class Listing:
    """One stock. `base_price` is the close before session 0, in won; `usual_volume` is the volume
    of a quiet day, in shares."""

    code: str
    name: str
    market: MarketName
    base_price: int
    shares: int
    usual_volume: int
    kind: str = "STOCK"
    sector: str = ""

    @property
    def usual_value(self) -> int:
        """The traded value of a quiet day, in won."""
        return self.base_price * self.usual_volume

    def instrument(self, base_price: int) -> Instrument:
        return Instrument(
            stock_code=self.code,
            stock_name=self.name,
            market=self.market,
            base_price=base_price,
            listed_shares=self.shares,
            kind=self.kind,
            sector=self.sector,
        )


SIZE_CLASSES = {
    MarketName.KOSPI: ("대형주", "중형주", "소형주"),
    MarketName.KOSDAQ: ("KOSDAQ 100", "KOSDAQ MID 300", "KOSDAQ SMALL"),
}
"""The only sectors of the embedded market: large, mid and small caps, a third of the stocks
each."""


def by_size(stocks: Sequence[Listing]) -> tuple[Listing, ...]:
    """The stocks in the same order, each with its size class as its sector."""
    found = {}
    for market, classes in SIZE_CLASSES.items():
        of_market = [stock for stock in stocks if stock.market is market]
        of_market.sort(key=lambda stock: (-stock.base_price * stock.shares, stock.code))
        for place, stock in enumerate(of_market):
            found[stock.code] = classes[place * len(classes) // len(of_market)]
    return tuple(replace(stock, sector=found.get(stock.code, "")) for stock in stocks)


@cache
def listings() -> tuple[Listing, ...]:
    """The built-in stocks, sorted by code (`stocks.csv`: data of one day, 2026-03-20)."""
    text = resources.files("kt.sim").joinpath("stocks.csv").read_text(encoding="utf-8")
    return tuple(
        Listing(
            code=row["code"],
            name=row["name"],
            market=MarketName(row["market"]),
            base_price=int(row["base_price"]),
            shares=int(row["listed_shares"]),
            usual_volume=int(row["usual_volume"]),
        )
        for row in csv.DictReader(text.splitlines())
    )
