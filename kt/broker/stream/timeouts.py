"""How long the stream waits: real seconds, whatever the speed of the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Transport waits. The defaults fit the broker; tests take shorter ones."""

    connect: float = 10.0
    answer: float = 10.0
    """To LOGIN, REG and REMOVE."""
    silence: float = 35.0
    """The server's PING and the leader's beat come every 10 seconds: after three and a half of
    them the connection is dead."""
    frame: float = 10.0
    """For the rest of a message that began: it is small, and its sender has all of it."""
    backoff: tuple[float, ...] = (0.5, 3.0, 10.0)
    """Before each attempt to reconnect; the last one is repeated."""
    reconnects: int = 3
    """So many attempts fail before the stream gives up."""
    brief: float = 5.0
    """A shorter connection counts as one that breaks as soon as it is made."""
    join: float = 15.0
    """For the process that holds the stream to become reachable."""
    hello: float = 3.0
    """For its Welcome."""
    start: float = 60.0
    """For a start as a whole."""
