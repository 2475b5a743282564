"""The function that answers each API, and which APIs of the catalogue the server knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt import api_catalog
from kt.api_catalog import Api
from kt.sim.wire import (
    charts,
    deposit,
    flows,
    holdings,
    markets,
    order_lists,
    order_requests,
    other_queries,
    quotes,
    rankings,
    tokens,
)
from kt.sim.wire.call import Call, CallReply

RETIRED = frozenset({"ka10009"})
"""In older documents, but no longer known to the server."""
TOKENS = {api_catalog.api(api_id).path: api_id for api_id in (tokens.ISSUE, tokens.REVOKE)}
"""The token APIs have no api-id header; the path identifies them: path -> id."""
ANSWERS: dict[str, Callable[[Call], CallReply]] = {
    "ka00001": deposit.account,
    "kt00001": deposit.deposit,
    "kt00010": deposit.orderable,
    "kt00018": holdings.holdings,
    "kt00004": other_queries.account_status,
    "kt00005": other_queries.filled_holdings,
    "kt00007": order_lists.day_orders,
    "ka10075": order_lists.open_orders,
    "ka10076": order_lists.fills,
    "ka10077": holdings.realised,
    "ka10085": holdings.returns,
    "ka10023": rankings.surges,
    "ka10030": rankings.volumes,
    "ka10032": rankings.values,
    "ka10027": rankings.changes,
    "ka10001": quotes.stock,
    "ka10002": quotes.firms,
    "ka10003": other_queries.trades,
    "ka10100": other_queries.instrument,
    "ka10004": quotes.order_book,
    "ka10008": flows.foreign,
    "ka10045": flows.institutions,
    "ka10046": flows.strength,
    "ka10059": flows.investors,
    "ka10095": quotes.watch_list,
    "ka20001": markets.index,
    "ka10051": markets.sectors,
    "ka10131": markets.streaks,
    "ka10099": quotes.instruments,
    "ka10079": charts.ticks,
    "ka10080": charts.minutes,
    "ka10081": charts.days,
    "ka10082": charts.weeks,
    "ka10083": charts.months,
    "kt10000": order_requests.buy,
    "kt10001": order_requests.sell,
    "kt10002": order_requests.amend,
    "kt10003": order_requests.cancel,
}


@dataclass(frozen=True, slots=True)
class Served:
    """One API that the exchange serves: its catalogue entry and the function that answers it."""

    api: Api
    answer: Callable[[Call], CallReply]

    @property
    def bucket(self) -> str:
        """The rate limit bucket of its calls."""
        return "order" if self.api.places_orders else self.api.api_id


SERVED = {api_id: Served(api_catalog.api(api_id), answer) for api_id, answer in ANSWERS.items()}


def documented(api_id: str) -> Api | None:
    """The catalogue entry for an api-id header; None for a token API, a live type or an unknown
    id."""
    if api_id in RETIRED or api_id in TOKENS.values() or api_id not in api_catalog.ids():
        return None
    api = api_catalog.api(api_id)
    return api if api.transport == "rest" else None
