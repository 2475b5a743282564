"""The answers of the market queries as records: what kt's adapters read from the exchange's JSON,
without writing it. tests/direct compares every one with the wire's.

The wire is coarser than the exchange: times have whole seconds, counters end at 32 bits, values are
in millions of won, listed shares in thousands, and an answer has one page of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from kt.broker.market_queries import CODES_A_CALL
from kt.broker.query_base import Question
from kt.broker.wire import stocks
from kt.broker.wire.charts import CHARTS
from kt.broker.wire.rankings import SHAPES
from kt.broker.wire.units import turnover
from kt.records import (
    Bar,
    Book,
    BrokerActivity,
    BrokerShare,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    Interval,
    Level,
    MarketIndex,
    Quote,
    Ranked,
    Ranking,
    SectorFlow,
    Strength,
)
from kt.sim.wire import markets, rankings
from kt.sim.wire.call import Call
from kt.sim.wire.charts import PAGES
from kt.sim.wire.values import SATURATED, bare_code

MILLION = 1_000_000
PAGE = 100
"""The rows of a page, of every list but charts."""

Reader = Callable[[Call], Any]
"""Makes the records of one checked call. Raises UnknownStock, the broker's refusals, and
NotDirect for what only the wire answers."""


class NotDirect(Exception):
    """This question has no direct form: the wire's is taken."""


def _shares(quote: Quote) -> int:
    return quote.listed_shares // stocks.THOUSAND * stocks.THOUSAND


def quote(call: Call) -> Quote:
    """ka10001, which has no value, no best prices and no time."""
    found = call.market.quote(call.code())
    return replace(
        found,
        volume=min(found.volume, SATURATED),
        expected_volume=min(found.expected_volume, SATURATED),
        change_pct=found.change_pct + 0.0,  # the wire has no -0.0
        listed_shares=_shares(found),
        value=0,
        bid=0,
        ask=0,
        at=None,
    )


def quotes(call: Call) -> tuple[Quote, ...]:
    """ka10095."""
    codes = [bare_code(part) for part in call.text("stk_cd").split("|") if part.strip()]
    if len(codes) > CODES_A_CALL:
        raise NotDirect
    return tuple(_watched(found, call) for found in call.market.quotes(codes))


def _watched(found: Quote, call: Call) -> Quote:
    volume = min(found.volume, SATURATED)
    return replace(
        found,
        volume=volume,
        expected_volume=min(found.expected_volume, SATURATED),
        change_pct=found.change_pct + 0.0,
        listed_shares=_shares(found),
        value=turnover(found.value // MILLION, volume, found.price),
        at=(found.at or call.now).replace(microsecond=0),
    )


def book(call: Call) -> Book:
    """ka10004."""
    found = call.market.book(call.code())
    if max(found.total_ask, found.total_bid) > SATURATED:
        found = saturated(found)
    return replace(found, at=(found.at or call.now).replace(microsecond=0))


def saturated(found: Book) -> Book:
    """A book whose quantities end at 32 bits."""
    return replace(
        found,
        asks=_levels(found.asks),
        bids=_levels(found.bids),
        total_ask=min(found.total_ask, SATURATED),
        total_bid=min(found.total_bid, SATURATED),
    )


def _levels(levels: Iterable[Level]) -> tuple[Level, ...]:
    return tuple(Level(level.price, min(level.quantity, SATURATED)) for level in levels)


def brokers(call: Call) -> BrokerActivity:
    """ka10002."""
    found = call.market.brokers(call.code())
    firms = (*found.sellers, *found.buyers)
    if max((firm.quantity for firm in firms), default=0) <= SATURATED:
        return found
    return replace(found, sellers=_few(found.sellers), buyers=_few(found.buyers))


def _few(firms: Iterable[BrokerShare]) -> tuple[BrokerShare, ...]:
    return tuple(replace(firm, quantity=min(firm.quantity, SATURATED)) for firm in firms)


def strength(call: Call) -> tuple[Strength, ...]:
    """ka10046."""
    return _counted(call.market.strength(call.code()))


def flow(call: Call) -> tuple[Flow, ...]:
    """ka10059, as net buying in single shares; other questions are the wire's."""
    asked = call.text("trde_tp"), call.text("amt_qty_tp"), call.text("unit_tp")
    if asked != ("0", "2", "1"):
        raise NotDirect
    last, days = call.date("dt"), call.market.flow(call.code())
    if days and days[0].day > last:
        days = tuple(item for item in days if item.day <= last)
    return _counted(days)


def foreign(call: Call) -> tuple[ForeignHolding, ...]:
    """ka10008."""
    return _counted(call.market.foreign(call.code()))


def institutions(call: Call) -> tuple[InstitutionDay, ...]:
    """ka10045."""
    start, end = call.date("strt_dt"), call.date("end_dt")
    return _counted(call.market.institutions(call.code(), start, end))


def _counted(rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """One page of rows with a volume; nearly always the rows as they are."""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
    for row in rows:
        if row.volume > SATURATED:
            break
    else:
        return rows
    return tuple(replace(row, volume=min(row.volume, SATURATED)) for row in rows)


def index(call: Call) -> MarketIndex:
    """ka20001."""
    found = call.market.index(markets.BY_INDEX[call.text("inds_cd")])
    return replace(
        found,
        change=found.change + 0.0,
        change_pct=found.change_pct + 0.0,
        at=(found.at or call.now).replace(microsecond=0),
    )


def sectors(call: Call) -> tuple[SectorFlow, ...]:
    """ka10051, whose rate is read from the index of the sector."""
    found = call.market.sectors(markets.BY_SECTOR[call.text("mrkt_tp")])
    return tuple(replace(row, change_pct=_of_index(row)) for row in found[:PAGE])


def _of_index(row: SectorFlow) -> float:
    change = round(row.change_pct * markets.BASE / 100)
    return round(100 * change / markets.BASE, 2)


def streaks(call: Call) -> tuple[BuyingStreak, ...]:
    """ka10131."""
    found = call.market.streaks(markets.BY_INDEX[call.text("mrkt_tp")])
    return tuple(replace(row, change_pct=row.change_pct + 0.0) for row in found[:PAGE])


def _ranking(ranking: Ranking, select: Callable[[Call], Iterable[Ranked]]) -> Reader:
    shape = SHAPES[ranking]

    def read(call: Call) -> tuple[Ranked, ...]:
        found = []
        for place, item in enumerate(select(call), 1):
            if place > PAGE:
                break
            volume = min(item.volume, SATURATED)
            worth = turnover(item.value // MILLION, volume, item.price) if shape.value else 0
            found.append(
                Ranked(
                    ranking=ranking,
                    rank=place,
                    stock_code=item.stock_code,
                    stock_name=item.stock_name,
                    price=item.price,
                    change_pct=item.change_pct + 0.0,
                    volume=volume,
                    value=worth,
                    surge_pct=(item.surge_pct or 0.0) + 0.0 if shape.surge else None,
                    strength=(item.strength or 0.0) + 0.0 if shape.strength else None,
                )
            )
        return tuple(found)

    return read


def _surging(call: Call) -> Iterable[Ranked]:
    if call.text("tm_tp") == "1":
        raise NotDirect
    return [row.item for row in rankings.surging(call)]


def _chart(interval: Interval) -> Reader:
    dated = CHARTS[interval].dated

    def read(call: Call) -> tuple[Bar, ...]:
        """Newest first."""
        asked = call.body
        if not isinstance(asked, Question) or asked.most > PAGES[interval]:
            raise NotDirect
        size = 1 if dated else call.whole("tic_scope")
        if size not in CHARTS[interval].sizes:
            raise NotDirect
        bars = call.market.bars(call.code(), interval, asked.most, size=size)
        return tuple(_bar(bar, interval) for bar in reversed(bars))

    return read


def _bar(bar: Bar, interval: Interval) -> Bar:
    volume, value = min(bar.volume, SATURATED), 0
    if CHARTS[interval].dated:
        value = bar.value or bar.volume * bar.close
        value = value // MILLION if interval is Interval.DAY else value
        value = turnover(value, volume, bar.close)
    return replace(bar, volume=volume, value=value, at=bar.at.replace(microsecond=0))


CHART_READERS: Mapping[str, Reader] = {
    chart.api_id: _chart(interval) for interval, chart in CHARTS.items()
}
MARKET_READERS: Mapping[str, Reader] = {
    "ka10001": quote,
    "ka10095": quotes,
    "ka10004": book,
    "ka10002": brokers,
    "ka10046": strength,
    "ka10059": flow,
    "ka10008": foreign,
    "ka10045": institutions,
    "ka20001": index,
    "ka10051": sectors,
    "ka10131": streaks,
    "ka10023": _ranking(Ranking.VOLUME_SURGE, _surging),
    "ka10030": _ranking(Ranking.VOLUME, rankings.by_volume),
    "ka10032": _ranking(Ranking.VALUE, rankings.by_value),
    "ka10027": _ranking(Ranking.CHANGE, rankings.by_change),
    **CHART_READERS,
}
