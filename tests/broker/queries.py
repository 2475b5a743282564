"""Every query of the client by its API id, and what it makes of a body without any network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import ApiReply
from kt.clock import ManualClock
from kt.records import Interval, MarketName, Ranking
from tests.broker.wiring import NOW

EVERY_QUERY: dict[str, Callable[[Kiwoom], object]] = {
    "ka10099": lambda kiwoom: kiwoom.instruments(),
    "ka20001": lambda kiwoom: kiwoom.index(MarketName.KOSPI),
    "ka10051": lambda kiwoom: kiwoom.sectors(MarketName.KOSPI),
    "ka10131": lambda kiwoom: kiwoom.streaks(MarketName.KOSDAQ),
    "ka10023": lambda kiwoom: kiwoom.ranking(Ranking.VOLUME_SURGE),
    "ka10030": lambda kiwoom: kiwoom.ranking(Ranking.VOLUME),
    "ka10032": lambda kiwoom: kiwoom.ranking(Ranking.VALUE),
    "ka10027": lambda kiwoom: kiwoom.ranking(Ranking.CHANGE),
    "ka10001": lambda kiwoom: kiwoom.quote("005930"),
    "ka10095": lambda kiwoom: kiwoom.quotes(["005930", "000660"]),
    "ka10004": lambda kiwoom: kiwoom.book("005930"),
    "ka10002": lambda kiwoom: kiwoom.brokers("005930"),
    "ka10046": lambda kiwoom: kiwoom.strength("005930"),
    "ka10059": lambda kiwoom: kiwoom.flow("005930"),
    "ka10008": lambda kiwoom: kiwoom.foreign("005930"),
    "ka10045": lambda kiwoom: kiwoom.institutions("005930", date(2026, 11, 1), date(2026, 11, 23)),
    "ka10079": lambda kiwoom: kiwoom.bars("005930", Interval.TICK, 10, size=30),
    "ka10080": lambda kiwoom: kiwoom.bars("005930", Interval.MINUTE, 10, size=5),
    "ka10081": lambda kiwoom: kiwoom.bars("005930", Interval.DAY, 10),
    "ka10082": lambda kiwoom: kiwoom.bars("005930", Interval.WEEK, 10),
    "ka10083": lambda kiwoom: kiwoom.bars("005930", Interval.MONTH, 10),
    "ka00001": lambda kiwoom: kiwoom.account(),
    "kt00001": lambda kiwoom: kiwoom.deposit(),
    "kt00010": lambda kiwoom: kiwoom.orderable("005930", 70_000),
    "kt00018": lambda kiwoom: kiwoom.holdings(),
    "kt00007": lambda kiwoom: kiwoom.day_orders("0000010"),
    "ka10075": lambda kiwoom: kiwoom.open_orders(),
    "ka10076": lambda kiwoom: kiwoom.executions("005930"),
    "ka10077": lambda kiwoom: kiwoom.realised("005930"),
    "ka10085": lambda kiwoom: kiwoom.returns(),
}


class OneBody:
    """A wire on which every call is answered with the same body, and every list has two pages."""

    skew = None

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def call(self, api_id: str, body: object = None) -> ApiReply:
        return ApiReply(self.body)

    def pages(self, api_id: str, body: object = None) -> Iterator[ApiReply]:
        yield from (ApiReply(self.body), ApiReply(self.body))


def read(api_id: str, body: dict[str, Any]) -> object:
    """What the client makes of the body. Raises WireError or UnknownStock."""
    wire: Any = OneBody(body)
    return EVERY_QUERY[api_id](Kiwoom(wire, ManualClock(NOW)))
