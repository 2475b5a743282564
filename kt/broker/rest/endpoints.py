"""Every API as kt calls it: its path, its rate budget, its priority."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from kt import api_catalog


class Priority(IntEnum):
    """The order in which calls get a scarce budget: the lowest number first."""

    ORDER = 0
    ACCOUNT = 1
    EXIT = 2
    """Prices that a stop-loss or take-profit needs."""
    SCAN = 3


class Group(StrEnum):
    """Budgets: the order APIs share one, every other API has one of its own."""

    QUERY = "query"
    ORDER = "order"
    TOKEN = "token"


@dataclass(frozen=True)
class Endpoint:
    """One API. `at_most` calls a second where the server is stricter than for its group."""

    api_id: str
    path: str
    group: Group = Group.QUERY
    priority: Priority = Priority.SCAN
    at_most: float = math.inf

    @functools.cached_property
    def bucket(self) -> str:
        """The name of its rate budget."""
        return self.group.value if self.group is Group.ORDER else self.api_id


_URGENT = {
    Priority.ACCOUNT: "ka00001 kt00001 kt00007 kt00010 kt00018 ka10075 ka10076 ka10077 ka10085",
    Priority.EXIT: "ka10001 ka10095 ka10004 ka10099",  # no check without the list of stocks
}
URGENT = {api_id: priority for priority, ids in _URGENT.items() for api_id in ids.split()}
"""The queries with a higher priority than scans. Orders and tokens come first."""
AT_MOST = {"ka10099": 0.5}
"""Calls a second where the server is stricter than for its group."""
TOKENS = frozenset({"au10001", "au10002"})


@functools.cache
def find(api_id: str) -> Endpoint:
    """How the API is called. Raises UsageError for an id that does not exist."""
    api = api_catalog.api(api_id)
    if api.places_orders:
        return Endpoint(api_id, api.path, Group.ORDER, Priority.ORDER)
    if api_id in TOKENS:
        return Endpoint(api_id, api.path, Group.TOKEN, Priority.ORDER)
    priority = URGENT.get(api_id, Priority.SCAN)
    return Endpoint(api_id, api.path, priority=priority, at_most=AT_MOST.get(api_id, math.inf))
