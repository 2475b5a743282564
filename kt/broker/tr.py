"""The APIs kt calls: where each lives, which budget it draws on, how urgent it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """Who goes first when a budget is short."""

    ORDER = 0
    ACCOUNT = 1
    EXIT = 2
    """Prices that a stop-loss or take-profit waits for."""
    SCAN = 3


class Group(StrEnum):
    """Budgets: the order APIs share one, every other API has one of its own."""

    QUERY = "query"
    ORDER = "order"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Tr:
    """One API. `at_most` calls a second where the server is stricter than for its group."""

    api_id: str
    path: str
    group: Group = Group.QUERY
    priority: Priority = Priority.SCAN
    at_most: float = math.inf

    @property
    def bucket(self) -> str:
        """The budget it draws on."""
        return self.group.value if self.group is Group.ORDER else self.api_id


_ACCOUNT = "/api/dostk/acnt"
_ORDERS = "/api/dostk/ordr"
_RANKING = "/api/dostk/rkinfo"
_STOCK = "/api/dostk/stkinfo"
_CONDITION = "/api/dostk/mrkcond"
_CHART = "/api/dostk/chart"
_FOREIGN = "/api/dostk/frgnistt"

_TABLE: tuple[Tr, ...] = (
    Tr("au10001", "/oauth2/token", Group.TOKEN, Priority.ORDER),
    Tr("au10002", "/oauth2/revoke", Group.TOKEN, Priority.ORDER),
    Tr("ka00001", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("kt00001", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("kt00007", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("kt00010", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("kt00018", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("ka10075", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("ka10076", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("ka10077", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("ka10085", _ACCOUNT, priority=Priority.ACCOUNT),
    Tr("kt10000", _ORDERS, Group.ORDER, Priority.ORDER),
    Tr("kt10001", _ORDERS, Group.ORDER, Priority.ORDER),
    Tr("kt10002", _ORDERS, Group.ORDER, Priority.ORDER),
    Tr("kt10003", _ORDERS, Group.ORDER, Priority.ORDER),
    Tr("ka10001", _STOCK, priority=Priority.EXIT),
    Tr("ka10095", _STOCK, priority=Priority.EXIT),
    Tr("ka10004", _CONDITION, priority=Priority.EXIT),
    Tr("ka10002", _STOCK),
    Tr("ka10008", _FOREIGN),
    Tr("ka10045", _CONDITION),
    Tr("ka10046", _CONDITION),
    Tr("ka10059", _STOCK),
    Tr("ka10099", _STOCK, priority=Priority.EXIT, at_most=0.5),  # no check without the list
    Tr("ka10023", _RANKING),
    Tr("ka10027", _RANKING),
    Tr("ka10030", _RANKING),
    Tr("ka10032", _RANKING),
    Tr("ka10079", _CHART),
    Tr("ka10080", _CHART),
    Tr("ka10081", _CHART),
    Tr("ka10082", _CHART),
    Tr("ka10083", _CHART),
)
TABLE: dict[str, Tr] = {tr.api_id: tr for tr in _TABLE}

_MORE_ORDERS = "/api/dostk/crdordr"


def find(api_id: str) -> Tr:
    """The API's entry; one kt itself does not call is looked up in the facts (`kt api`).

    Raises UsageError for an id that does not exist.
    """
    known = TABLE.get(api_id)
    if known is not None:
        return known
    from kt.broker import facts

    path = facts.api(api_id).path
    if path in {_ORDERS, _MORE_ORDERS}:
        return Tr(api_id, path, Group.ORDER, Priority.ORDER)
    return Tr(api_id, path)
