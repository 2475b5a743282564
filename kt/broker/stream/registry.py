"""Who wants what: the subscriptions of this process and of its followers, and who gets an event."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kt.broker.stream.groups import Key

OWN = 0
"""This process among the parties; followers have the hub's numbers, from 1 on."""


class Route(NamedTuple):
    """Who gets the events of one subscription."""

    own: bool
    followers: tuple[int, ...]


class Registry:
    """Subscriptions by party. A key is wanted as long as one party wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wants: dict[int, set[Key]] = {}
        self.routes: Mapping[Key, Route] = {}
        """Replaced as a whole and never changed: read without a lock on every event."""

    def change(self, party: int, add: Iterable[Key], drop: Iterable[Key]) -> None:
        with self._lock:
            wants = self._wants.setdefault(party, set())
            changed = {*add, *drop}
            wants |= set(add)
            wants -= set(drop)
            self._route(changed)

    def forget(self, party: int) -> None:
        """A follower has gone."""
        with self._lock:
            self._route(self._wants.pop(party, set()))

    def refuse(self, keys: Iterable[Key]) -> None:
        """The broker would not take these: nobody shall go on asking for them."""
        with self._lock:
            refused = set(keys)
            for wants in self._wants.values():
                wants.difference_update(refused)
            self._route(refused)

    def wanted(self) -> frozenset[Key]:
        return frozenset(self.routes)

    def _route(self, changed: Iterable[Key]) -> None:
        routes = dict(self.routes)
        for key in changed:
            parties = [party for party, wants in self._wants.items() if key in wants]
            if parties:
                routes[key] = Route(OWN in parties, tuple(p for p in parties if p != OWN))
            else:
                routes.pop(key, None)
        self.routes = routes
