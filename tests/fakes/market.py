"""A market that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from kt.clock import ManualClock
from kt.errors import UnknownCondition, UnknownStock
from kt.records import (
    KST,
    Bar,
    Book,
    BrokerActivity,
    BrokerShare,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    Instrument,
    Interval,
    Level,
    MarketIndex,
    MarketName,
    Quote,
    Ranked,
    Ranking,
    SectorFlow,
    Strength,
)
from kt.rules import ticks

OPEN = datetime(2026, 11, 23, 10, 0, 0, tzinfo=KST)
"""A Monday in the middle of the session."""
SAMSUNG = "005930"
HYNIX = "000660"
NAMES = {SAMSUNG: "삼성전자", HYNIX: "SK하이닉스", "035720": "카카오", "005380": "현대차"}


class FakeMarket:
    """A market that stands still at `prices`. What is in `failing` raises its error instead:
    by method name (`book`) or by method and stock (`book.005930`). What it tells is held to what
    the exchange tells: tests/contract/test_fakes.py."""

    def __init__(self, clock: ManualClock, prices: dict[str, int] | None = None) -> None:
        self.clock = clock
        self.prices = prices or {SAMSUNG: 70_000, HYNIX: 180_000, "035720": 45_000}
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.rankings: dict[Ranking, tuple[Ranked, ...]] = {}
        self.bars_by_code: dict[str, tuple[Bar, ...]] = {}

    def _ask(self, name: str, code: str = "") -> None:
        self.asked.append(f"{name}.{code}" if code else name)
        for key in (name, f"{name}.{code}"):
            if key in self.failing:
                raise self.failing[key]
        if code and code not in self.prices:
            raise UnknownStock(f"no such stock on the fake market: {code!r}")

    def instruments(self) -> tuple[Instrument, ...]:
        self._ask("instruments")
        return tuple(
            Instrument(
                stock_code=code,
                stock_name=NAMES.get(code, code),
                market=MarketName.KOSPI,
                base_price=price,
                listed_shares=1_000_000,
                sector="대형주",
            )
            for code, price in self.prices.items()
        )

    def index(self, market: MarketName) -> MarketIndex:
        self._ask("index")
        return MarketIndex(
            value=2_500.0, change=-12.5, change_pct=-0.5, rising=300, falling=500, unchanged=60
        )

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        self._ask("sectors")
        return tuple(
            SectorFlow(name=name, change_pct=-0.5, individual=40, foreign=-50, institution=10)
            for name in (f"종합({market})", "대형주")
        )

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        self._ask("streaks")
        if market is not MarketName.KOSPI:
            return ()
        return (
            BuyingStreak(
                stock_code=SAMSUNG,
                stock_name=NAMES[SAMSUNG],
                change_pct=1.5,
                institution=30_000,
                foreign=20_000,
                institution_days=3,
                foreign_days=-1,
            ),
        )

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        self._ask(f"ranking.{ranking.value}")
        if ranking in self.rankings:
            return self.rankings[ranking]
        return tuple(
            Ranked(
                ranking=ranking,
                rank=rank,
                stock_code=code,
                stock_name=NAMES.get(code, code),
                price=price,
                change_pct=2.5,
                volume=1_000_000,
                value=price * 1_000_000,
            )
            for rank, (code, price) in enumerate(self.prices.items(), 1)
        )

    def conditions(self) -> tuple[str, ...]:
        self._ask("conditions")
        return ("거래량 급증",)

    def condition(self, name: str) -> tuple[Ranked, ...]:
        self._ask(f"condition.{name}")
        if name not in self.conditions():
            raise UnknownCondition(name, self.conditions())
        code, price = next(iter(self.prices.items()))
        return (
            Ranked(
                ranking=f"condition:{name}",
                rank=1,
                stock_code=code,
                stock_name=NAMES.get(code, code),
                price=price,
                change_pct=2.5,
                volume=1_000_000,
            ),
        )

    def quote(self, stock_code: str) -> Quote:
        self._ask("quote", stock_code)
        price = self.prices[stock_code]
        lower, upper = ticks.price_limits(price)
        return Quote(
            stock_code=stock_code,
            stock_name=NAMES.get(stock_code, stock_code),
            price=price,
            base_price=price,
            change=0,
            change_pct=0.0,
            volume=1_000_000,
            value=price * 1_000_000,
            open=price,
            high=price,
            low=price,
            upper_limit=upper,
            lower_limit=lower,
            bid=price,
            ask=ticks.step(price, 1),
            at=self.clock.now(),
        )

    def quotes(self, stock_codes: Sequence[str]) -> tuple[Quote, ...]:
        self._ask("quotes")
        return tuple(self.quote(code) for code in stock_codes if code in self.prices)

    def book(self, stock_code: str) -> Book:
        self._ask("book", stock_code)
        price = self.prices[stock_code]
        return Book(
            stock_code=stock_code,
            asks=tuple(Level(ticks.step(price, n), 1000) for n in range(1, 4)),
            bids=tuple(Level(ticks.step(price, -n), 1000) for n in range(3)),
            total_ask=3000,
            total_bid=3000,
            at=self.clock.now(),
        )

    def brokers(self, stock_code: str) -> BrokerActivity:
        self._ask("brokers", stock_code)
        firm = BrokerShare(name="키움증권", code="050", quantity=1000)
        return BrokerActivity(stock_code=stock_code, sellers=(firm,), buyers=(firm,))

    def strength(self, stock_code: str) -> tuple[Strength, ...]:
        self._ask("strength", stock_code)
        return (
            Strength(
                at=self.clock.now(),
                price=self.prices[stock_code],
                volume=10,
                strength=110.0,
                strength_5m=110.0,
                strength_20m=108.0,
                strength_60m=105.0,
            ),
        )

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        self._ask("flow", stock_code)
        return (
            Flow(
                day=self.clock.now().date(),
                price=self.prices[stock_code],
                volume=1_000_000,
                individual=-20_000,
                foreign=10_000,
                institution=10_000,
            ),
        )

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        self._ask("foreign", stock_code)
        return ()

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        self._ask("institutions", stock_code)
        return ()

    def bars(
        self, stock_code: str, interval: Interval, count: int, *, size: int = 1
    ) -> tuple[Bar, ...]:
        self._ask("bars", stock_code)
        if stock_code in self.bars_by_code:
            return self.bars_by_code[stock_code][-count:]
        price = self.prices[stock_code]
        step = {
            Interval.TICK: timedelta(seconds=size),
            Interval.MINUTE: timedelta(minutes=size),
            Interval.WEEK: timedelta(days=7),
            Interval.MONTH: timedelta(days=30),
        }.get(interval, timedelta(days=1))
        known = count if interval is Interval.TICK else min(count, 3)
        return tuple(
            Bar(
                at=self.clock.now() - step * n,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=1000,
            )
            for n in range(known, 0, -1)
        )
