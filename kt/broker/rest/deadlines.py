"""The time-outs of each kind of call, in real seconds.

`once` bounds one send: DNS, connecting, TLS, every byte of the request and of its answer. `whole`
bounds the call as a whole: the rate limit, the token, every retry and the pauses between them.
`kt.ports.patience.within` shortens both for a caller that cannot wait.
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
"""A new token: `whole` includes the wait for the lock, which another process may hold."""
PAGES_SECONDS = 120.0
"""All pages of one query together; the page being fetched then is the last."""
LOCK_SECONDS = 20.0
"""The longest wait for a lock file, if no shorter limit is in force."""
BOOKS_SECONDS = 1.0
"""Bookkeeping after an order was sent may delay its outcome by no more than this."""


def timeouts_of(endpoint: Endpoint, priority: Priority) -> CallTimeouts:
    """A slow API (a list of thousands of rows) has a scan's time-outs at every priority."""
    return TIMEOUTS[priority if endpoint.at_most == math.inf else Priority.SCAN]
