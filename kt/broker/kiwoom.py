"""Kiwoom Securities as one object: the Market and the Broker port over the REST wire."""

from __future__ import annotations

from collections.abc import Callable

from kt.broker.account_queries import KiwoomAccount
from kt.broker.instrument_cache import InstrumentCache
from kt.broker.market_queries import KiwoomMarket
from kt.broker.order_gateway import KiwoomOrders
from kt.broker.rest.client import Rest
from kt.errors import WireError
from kt.ports import Clock


def _ignore(fault: WireError) -> None:
    """Nobody asked to be told."""


class Kiwoom(KiwoomMarket, KiwoomAccount, KiwoomOrders):
    """Implements ports.Market and ports.Broker. Safe between threads.

    `on_fault` is told about every row of a list that could not be read and was left out.
    Without a `day_list` the list of stocks is asked for every time.
    """

    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        on_fault: Callable[[WireError], None] = _ignore,
        day_list: InstrumentCache | None = None,
    ) -> None:
        self.rest = rest
        self.clock = clock
        self.on_fault = on_fault
        self.day_list = day_list
