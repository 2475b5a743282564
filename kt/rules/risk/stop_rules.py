"""What each stop allows: the one rule for everyone who sends, changes or takes back an order.

stop      buys   sells   exits' sells   open buys        cancels
running   yes    yes     yes            stay             yes
reduce    no     yes     yes            taken back       yes
flatten   no     no      yes            by the flatten   yes
halt      no     no      no             taken back       yes
"""

from __future__ import annotations

from datetime import date

from kt.records import EXITS, Origin, Side, Stop, StopMode
from kt.rules.risk.denials import Code

STRICTNESS: dict[StopMode, int] = {
    StopMode.RUNNING: 0,
    StopMode.REDUCE: 1,
    StopMode.FLATTEN: 2,
    StopMode.HALT: 3,
}
"""Flatten still sells, halt does nothing: halt is the stricter one."""


def refusal(mode: StopMode, side: Side, origin: Origin) -> Code | None:
    """The code with which this stop denies such an order or amend; None when it is allowed. An
    amend is a new wish of a person: its origin is MANUAL."""
    if mode is StopMode.HALT or (mode is StopMode.FLATTEN and not is_exit(side, origin)):
        return Code.HALTED
    return Code.REDUCING if mode is StopMode.REDUCE and side is Side.BUY else None


def is_exit(side: Side, origin: Origin) -> bool:
    """Whether this is a sell of an exit rule or a flatten: discretionary rules never block it."""
    return side is Side.SELL and origin in EXITS


def halts(mode: StopMode) -> bool:
    """Whether this stop ends trading: at most a flatten's own sells are still sent."""
    return refusal(mode, Side.SELL, Origin.MANUAL) is Code.HALTED


def takes_buys_back(mode: StopMode) -> bool:
    """Whether the run cancels its open buys under this stop. A flatten cancels them itself."""
    return mode in (StopMode.HALT, StopMode.REDUCE)


def in_force(stop: Stop, today: date) -> bool:
    """Whether a stop is in force today: it ends by itself on the day `until`."""
    return stop.mode is not StopMode.RUNNING and (stop.until is None or today < stop.until)


def stricter(first: Stop, second: Stop) -> Stop:
    """The stricter of two stops; the newer one if they are equal."""
    return max(first, second, key=lambda stop: (STRICTNESS[stop.mode], stop.at))
