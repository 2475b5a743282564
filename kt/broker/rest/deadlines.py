"""How long each kind of call may take, in real seconds: one table, and what is left of it.

`once` bounds one send: looking up the name, connecting, TLS, every byte of the request and of its
answer. `whole` bounds all of a call: its turn in the budget, the token, every try and the pauses
between them. `kt.ports.patience.within` makes both shorter for who cannot wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kt.broker.rest.endpoints import Endpoint, Priority


@dataclass(frozen=True, slots=True)
class CallTimeouts:
    once: float
    whole: float


TIMEOUTS: dict[Priority, CallTimeouts] = {
    Priority.ORDER: CallTimeouts(once=10.0, whole=30.0),
    Priority.ACCOUNT: CallTimeouts(once=10.0, whole=25.0),
    Priority.EXIT: CallTimeouts(once=5.0, whole=15.0),
    Priority.SCAN: CallTimeouts(once=15.0, whole=60.0),
}
TOKEN = CallTimeouts(once=10.0, whole=20.0)
"""A new token: `whole` holds the wait for the lock too, which another process may have."""
PAGES_SECONDS = 120.0
"""All pages of one question together; the page that is under way then is the last."""
LOCK_SECONDS = 20.0
"""A lock file's wait where no limit is nearer."""
BOOKS_SECONDS = 1.0
"""What kt notes for itself after an order was sent holds up its outcome for no longer."""


def timeouts_of(endpoint: Endpoint, priority: Priority) -> CallTimeouts:
    """A list of thousands of rows has a scan's patience, whoever waits for it."""
    return TIMEOUTS[priority if endpoint.at_most == math.inf else Priority.SCAN]
