"""The stream's time-outs, in real seconds at any speed of the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Transport waits. The defaults fit the broker; tests take shorter ones."""

    connect: float = 10.0
    answer: float = 10.0
    """To LOGIN, REG and REMOVE, and to each frame of a condition search."""
    search: float = 30.0
    """For a whole condition search by the process that holds the stream."""
    silence: float = 35.0
    """The server's PING and the leader's heartbeat come every 10 seconds: after three and a half
    intervals without one the connection is considered dead."""
    frame: float = 10.0
    """From a message's first byte to its last."""
    backoff: tuple[float, ...] = (0.5, 3.0, 10.0)
    """Before each attempt to reconnect; the last one is repeated."""
    reconnects: int = 3
    """Failed attempts after which the stream gives up."""
    brief: float = 5.0
    """A connection that lasted less counts as short-lived."""
    join: float = 15.0
    """For the leader to become reachable."""
    hello: float = 3.0
    """For the leader's Welcome."""
    start: float = 60.0
    """For the start as a whole."""
