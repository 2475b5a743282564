"""Prices and flows from the broker: the Market port over the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from kt.broker.instrument_cache import InstrumentCache
from kt.broker.query_base import Queries, Question, parsed
from kt.broker.stream.condition_search import Searches
from kt.broker.wire import OnFault, charts, markets, rankings, stocks
from kt.errors import BrokerRefused, UsageError, WireError
from kt.records import (
    Bar,
    Book,
    BrokerActivity,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    Instrument,
    Interval,
    MarketIndex,
    MarketName,
    Quote,
    Ranked,
    Ranking,
    SectorFlow,
    Strength,
)

T = TypeVar("T")

KRX = "1"
"""stex_tp of the rankings: the exchange kt trades on, and the only one of the mock server."""
STREAK_DAYS = "5"
"""dt of ka10131: over how many days net buying is added up."""
INSTITUTION_TODAY = "ka10009"
CODES_A_CALL = 100
"""ka10095 takes no more (1634)."""

RANKING_BODIES: dict[Ranking, dict[str, str]] = {
    # By rate against yesterday, as recorded; at least 10,000 shares; no stocks under watch.
    Ranking.VOLUME_SURGE: {
        "mrkt_tp": "000", "sort_tp": "2", "tm_tp": "2", "trde_qty_tp": "10", "tm": "",
        "stk_cnd": "1", "pric_tp": "0", "stex_tp": KRX,
    },
    Ranking.VOLUME: {
        "mrkt_tp": "000", "sort_tp": "1", "mang_stk_incls": "1", "crd_tp": "0",
        "trde_qty_tp": "0", "pric_tp": "0", "trde_prica_tp": "0", "mrkt_open_tp": "0",
        "stex_tp": KRX,
    },
    # Here 0 leaves the stocks under watch out; in ka10030 it is 1.
    Ranking.VALUE: {"mrkt_tp": "000", "mang_stk_incls": "0", "stex_tp": KRX},
    Ranking.CHANGE: {
        "mrkt_tp": "000", "sort_tp": "1", "trde_qty_cnd": "0010", "stk_cnd": "1",
        "crd_cnd": "0", "updown_incls": "1", "pric_cnd": "0", "trde_prica_cnd": "0",
        "stex_tp": KRX,
    },
}  # fmt: skip


class KiwoomMarket(Queries):
    """Implements ports.Market. A row that cannot be read is left out and reported to `on_fault`."""

    on_fault: OnFault
    day_list: InstrumentCache | None
    retired: set[str]
    """Ids of APIs that the server has refused in this process: they are not asked again."""
    searches: Searches | None

    def instruments(self) -> tuple[Instrument, ...]:
        """ka10099, once a day for all processes of the profile."""
        return self.day_list.get(self._instruments) if self.day_list else self._instruments()

    def _instruments(self) -> tuple[Instrument, ...]:
        found: list[Instrument] = []
        for market, number in stocks.MARKETS.items():
            for body in self._bodies("ka10099", {"mrkt_tp": number}):
                found += stocks.instruments(body, market, self.on_fault)
        return tuple(found)

    def index(self, market: MarketName) -> MarketIndex:
        reply = self.rest.call("ka20001", markets.INDICES[market])
        return parsed(reply, lambda body: markets.index(body, self._today()))

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        asked = {
            "mrkt_tp": markets.SECTOR_MARKETS[market],
            "amt_qty_tp": "0",  # amounts
            "base_dt": f"{self._today():%Y%m%d}",
            "stex_tp": KRX,
        }
        return self._rows("ka10051", asked, lambda body: markets.sectors(body, self.on_fault))

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        asked = {
            "dt": STREAK_DAYS,
            "strt_dt": "",
            "end_dt": "",
            "mrkt_tp": markets.STREAK_MARKETS[market],
            "netslmt_tp": "2",  # net buying, the only one there is
            "stk_inds_tp": "0",  # stocks
            "amt_qty_tp": "1",  # quantities
            "stex_tp": KRX,
        }
        return self._rows("ka10131", asked, lambda body: markets.streaks(body, self.on_fault))

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        api_id = rankings.SHAPES[ranking].api_id
        return self._rows(
            api_id,
            RANKING_BODIES[ranking],
            lambda body: rankings.ranked(body, ranking, self.on_fault),
        )

    def conditions(self) -> tuple[str, ...]:
        return self._searches().names()

    def condition(self, name: str) -> tuple[Ranked, ...]:
        return self._searches().matches(name)

    def _searches(self) -> Searches:
        if self.searches is None:
            raise BrokerRefused("there are no condition searches without the stream")
        return self.searches

    def quote(self, stock_code: str) -> Quote:
        return self._one("ka10001", stock_code, lambda body: stocks.quote(body, stock_code))

    def quotes(self, stock_codes: Sequence[str]) -> tuple[Quote, ...]:
        found: list[Quote] = []
        for start in range(0, len(stock_codes), CODES_A_CALL):
            codes = "|".join(stock_codes[start : start + CODES_A_CALL])
            reply = self.rest.call("ka10095", {"stk_cd": codes})
            if not reply.nothing:
                found += parsed(reply, self._quotes)
        return tuple(found)

    def _quotes(self, body: dict[str, object]) -> list[Quote]:
        return stocks.quotes(body, self._today(), self.on_fault)

    def book(self, stock_code: str) -> Book:
        return self._one(
            "ka10004", stock_code, lambda body: stocks.book(body, stock_code, self._today())
        )

    def brokers(self, stock_code: str) -> BrokerActivity:
        return self._one("ka10002", stock_code, lambda body: stocks.brokers(body, stock_code))

    def strength(self, stock_code: str) -> tuple[Strength, ...]:
        today = self._today()
        return self._rows(
            "ka10046",
            {"stk_cd": stock_code},
            lambda body: stocks.strength(body, today, self.on_fault),
        )

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        asked = {
            "dt": f"{self._today():%Y%m%d}",
            "stk_cd": stock_code,
            "amt_qty_tp": "2",  # quantities
            "trde_tp": "0",  # net buying
            "unit_tp": "1",  # single shares
        }
        return self._rows("ka10059", asked, lambda body: stocks.flow(body, self.on_fault))

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        return self._rows(
            "ka10008", {"stk_cd": stock_code}, lambda body: stocks.foreign(body, self.on_fault)
        )

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        """ka10045. Its predecessor ka10009 is asked first, for a newer day than that has; the
        broker has retired it (1505), and what was refused once is not asked again."""
        newest = self._institution_today(stock_code)
        asked = {
            "stk_cd": stock_code,
            "strt_dt": f"{start:%Y%m%d}",
            "end_dt": f"{end:%Y%m%d}",
            "orgn_prsm_unp_tp": "1",
            "for_prsm_unp_tp": "1",
        }
        days = self._rows("ka10045", asked, lambda body: stocks.institutions(body, self.on_fault))
        if newest is None or not start <= newest.day <= end:
            return days
        return days if days and days[0].day >= newest.day else (newest, *days)

    def _institution_today(self, stock_code: str) -> InstitutionDay | None:
        if INSTITUTION_TODAY in self.retired:
            return None
        try:
            reply = self.rest.call(INSTITUTION_TODAY, {"stk_cd": stock_code})
            return stocks.institution_today(reply.body, INSTITUTION_TODAY)
        except BrokerRefused:
            self.retired.add(INSTITUTION_TODAY)
        except WireError as fault:
            self.on_fault(fault)
        return None

    def bars(
        self, stock_code: str, interval: Interval, count: int, *, size: int = 1
    ) -> tuple[Bar, ...]:
        chart = charts.CHARTS[interval]
        if size not in chart.sizes:
            raise UsageError(
                f"{interval} bars of {size} are not offered",
                hint=f"Sizes: {', '.join(map(str, chart.sizes))}.",
            )
        asked = {"stk_cd": stock_code, "upd_stkpc_tp": "1"}
        if chart.dated:
            asked["base_dt"] = f"{self._today():%Y%m%d}"
        else:
            asked["tic_scope"] = str(size)
        found: list[Bar] = []
        for reply in self.rest.pages(chart.api_id, Question(asked, count)):
            if not reply.nothing:
                found += parsed(reply, lambda body: charts.bars(body, interval, self.on_fault))
            if len(found) >= count:
                break
        return tuple(reversed(found[:count]))

    def _one(self, api_id: str, stock_code: str, parse: Callable[[dict[str, object]], T]) -> T:
        """The answer about one stock; no data about it means no such stock."""
        reply = self.rest.call(api_id, {"stk_cd": stock_code})
        if reply.nothing:
            raise stocks.unknown(api_id, stock_code)
        return parsed(reply, parse)

    def _rows(
        self, api_id: str, asked: dict[str, str], parse: Callable[[dict[str, object]], list[T]]
    ) -> tuple[T, ...]:
        """The first page's rows: more than a decision looks at."""
        reply = self.rest.call(api_id, asked)
        return () if reply.nothing else tuple(parsed(reply, parse))
