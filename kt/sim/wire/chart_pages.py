"""A cache of the charts that clients are paging through: each is read once for all later
pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from kt.records import Bar

MOST_CHARTS = 8

Bars = tuple[Bar, ...]


class ChartCache:
    """An LRU cache of bars by request."""

    def __init__(self) -> None:
        self._charts: OrderedDict[Hashable, Bars] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], Bars]) -> Bars:
        if key not in self._charts:
            self._charts[key] = read()
        self._charts.move_to_end(key)
        if len(self._charts) > MOST_CHARTS:
            self._charts.popitem(last=False)
        return self._charts[key]
