"""The subscriptions of all processes, registered at the broker on the current connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from kt.broker.stream.groups import Batch, Groups, Key
from kt.broker.stream.local_protocol import SubscriptionRefusal, SubscriptionRefused
from kt.broker.stream.stream_session import SHOWN, StreamSession
from kt.errors import KtError

OWN = 0
"""The party number of this process; followers have the local server's numbers, from 1 on."""
Done = Callable[[bool, tuple[SubscriptionRefusal, ...]], None]
"""Called with whether there is a connection, and the refusals of the requested keys."""


class Route(NamedTuple):
    """Who gets the events of one subscription."""

    own: bool
    followers: tuple[int, ...]


class Registry:
    """Subscriptions by party. A key is subscribed as long as one party wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wants: dict[int, set[Key]] = {}
        self.routes: Mapping[Key, Route] = {}
        """Replaced as a whole, never mutated: read without a lock for every event."""

    def change(self, party: int, add: Iterable[Key], drop: Iterable[Key]) -> None:
        with self._lock:
            wants = self._wants.setdefault(party, set())
            changed = {*add, *drop}
            wants |= set(add)
            wants -= set(drop)
            self._route(changed)

    def forget(self, party: int) -> None:
        """A follower has disconnected."""
        with self._lock:
            self._route(self._wants.pop(party, set()))

    def refuse(self, keys: Iterable[Key]) -> None:
        """The broker refused these keys: remove them for every party."""
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


class PendingChange(NamedTuple):
    """A change whose caller waits for the answer."""

    keys: frozenset[Key]
    done: Done


class Subscriptions:
    """Changes come in on any thread; one thread carries them out (`apply`, `settle`, `wait`)."""

    def __init__(self, report: Callable[[KtError], None]) -> None:
        self.report = report
        self.registry = Registry()
        self._groups = Groups()
        self._changed = threading.Condition()
        self._dirty = False
        self._live = False
        self._queued: list[PendingChange] = []
        self._due: list[PendingChange] = []
        self._refused: dict[Key, SubscriptionRefusal] = {}

    def change(self, party: int, add: Iterable[Key], drop: Iterable[Key], done: Done) -> None:
        """`done` is called once: now if there is no connection, otherwise after the answer."""
        keys = frozenset(add)
        self.registry.change(party, keys, drop)
        with self._changed:
            self._dirty = True
            live = self._live
            if live:
                self._queued.append(PendingChange(keys, done))
            self._changed.notify_all()
        if not live:
            done(False, ())

    def forget(self, party: int) -> None:
        """A follower has disconnected: drop the subscriptions that only it wanted."""
        self.registry.forget(party)
        self.wake(dirty=True)

    def wake(self, *, dirty: bool = False) -> None:
        """Make `wait` check its condition again."""
        with self._changed:
            self._dirty = self._dirty or dirty
            self._changed.notify_all()

    def wait(self, over: Callable[[], bool]) -> None:
        """Until there is a change to carry out, or `over`."""
        with self._changed:
            self._changed.wait_for(lambda: self._dirty or over())

    def restart(self) -> None:
        """A new connection has no subscriptions yet."""
        self._groups = Groups()

    def mark_connected(self) -> None:
        """There is a connection: from now on changes wait for the broker's answer."""
        with self._changed:
            self._live = True

    def apply(self, session: StreamSession) -> None:
        """Register what is missing, remove what is no longer wanted. Raises Unreachable."""
        with self._changed:
            self._dirty = False
            self._due += self._queued
            self._queued = []
        wanted = self.registry.wanted()
        for batch in self._groups.drop(self._groups.keys - wanted):
            session.request("REMOVE", batch)
        for batch in self._groups.add(wanted - self._groups.keys):
            self._register(session, batch)
        self._groups.drop(self._refused)
        self.registry.refuse(self._refused)

    def answer_pending(self, *, live: bool) -> None:
        """Answer every change that was carried out, or all when there is no connection."""
        with self._changed:
            due, self._due = self._due, []
            if not live:
                self._live = False
                due += self._queued
                self._queued = []
        refused, self._refused = self._refused, {}
        for ticket in due:
            ticket.done(live, tuple(refused[key] for key in ticket.keys & refused.keys()))
        asked = frozenset[Key]().union(*(ticket.keys for ticket in due))
        for key in refused.keys() - asked:
            self.report(SubscriptionRefused([refused[key]]))

    def _register(self, session: StreamSession, batch: Batch) -> None:
        """Send REG; a refused batch is split in halves until the refused stocks are known."""
        answer = session.request("REG", batch)
        if not answer.refused:
            return
        if len(batch.codes) == 1:
            said, number = answer.return_msg.strip(), str(answer.return_code).strip()
            reason = f"{said[:SHOWN]} ({number[:SHOWN]})"
            refusal = SubscriptionRefusal(batch.kind, batch.codes[0], reason)
            self._refused[refusal.key] = refusal
            return
        middle = len(batch.codes) // 2
        for codes in (batch.codes[:middle], batch.codes[middle:]):
            self._register(session, batch._replace(codes=codes))
