"""The charts that are being paged through, read once for all of their later pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from kt.records import Bar

KEPT = 8

Bars = tuple[Bar, ...]


class ChartCache:
    """What was read last, by what was asked; the oldest is forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Bars] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], Bars]) -> Bars:
        if key not in self._kept:
            self._kept[key] = read()
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]
