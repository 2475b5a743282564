"""The one place in the broker that catches every exception and turns it into a value.

Used around the HTTP library and around an order: an exception that escaped there would lose what
became of the request. KeyboardInterrupt, SIGTERM and the like still do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def capture(work: Callable[[], T], instead: Callable[[Exception], T]) -> T:
    """What `work` returns, or what `instead` makes of what it raised."""
    try:
        return work()
    except Exception as fault:  # noqa: BLE001
        return instead(fault)
