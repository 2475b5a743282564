"""The one place of the broker's that catches everything: what was raised becomes a value.

Around the HTTP library and around an order, nothing may escape that would leave nobody knowing
what became of a request. KeyboardInterrupt, SIGTERM and the like still do.
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
