"""Kiwoom Securities as one object: the Market and the Broker port over REST."""

from __future__ import annotations

from collections.abc import Callable

from kt.broker.account_queries import KiwoomAccount
from kt.broker.instrument_cache import InstrumentCache
from kt.broker.market_queries import KiwoomMarket
from kt.broker.order_gateway import KiwoomOrders
from kt.broker.rest.client import Rest
from kt.broker.stream.condition_search import Searches
from kt.errors import WireError
from kt.ports import Clock


def _ignore(fault: WireError) -> None:
    """The default: rows that cannot be read are dropped without a report."""


class Kiwoom(KiwoomMarket, KiwoomAccount, KiwoomOrders):
    """Implements ports.Market and ports.Broker. Safe between threads.

    `on_fault` is called for every row of a list that could not be read and was left out.
    Without a `day_list` the list of stocks is fetched every time; without `searches` there are no
    condition searches.
    """

    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        on_fault: Callable[[WireError], None] = _ignore,
        day_list: InstrumentCache | None = None,
        searches: Searches | None = None,
    ) -> None:
        self.rest = rest
        self.clock = clock
        self.on_fault = on_fault
        self.day_list = day_list
        self.retired = set()
        self.searches = searches
