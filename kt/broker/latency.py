"""How long the broker takes to answer on a virtual clock: a documented model, not a measurement
(docs/virtual-clock.md#latency)."""

from __future__ import annotations

import functools
import math
from random import Random

from kt.api_catalog import ids
from kt.broker.rest.endpoints import Group, Priority, find

ORDER, ACCOUNT, MARKET, STOCK_LIST, TOKEN, FRAME = 0.060, 0.080, 0.090, 0.900, 0.150, 0.015
"""Medians in seconds: of a request with its answer, and of one frame of the stream."""
SPREAD = 0.5
"""The standard deviation of the logarithm: one request in 20 takes over 2.3 times the median."""
THERE = 0.4
"""The part of a request's time until it reaches the server."""


class Latency:
    """Draws times in seconds. `seed` and the number of requests of an API so far decide."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws: dict[str, Random] = {}

    def request(self, api_id: str) -> tuple[float, float]:
        """Seconds to the server, and back."""
        took = median(api_id) * math.exp(SPREAD * self._of(api_id).gauss(0.0, 1.0))
        return took * THERE, took * (1 - THERE)

    def frame(self) -> float:
        """Seconds of one frame of the stream."""
        return FRAME * math.exp(SPREAD * self._of("stream").gauss(0.0, 1.0))

    def _of(self, name: str) -> Random:
        if name not in self._draws:
            self._draws[name] = Random(f"{self._seed}:latency:{name}")
        return self._draws[name]


@functools.cache
def median(api_id: str) -> float:
    """The usual time of one request, in seconds."""
    if api_id not in ids():
        return MARKET
    endpoint = find(api_id)
    if endpoint.group is not Group.QUERY:
        return ORDER if endpoint.group is Group.ORDER else TOKEN
    if endpoint.at_most < 1:
        return STOCK_LIST
    return ACCOUNT if endpoint.priority is Priority.ACCOUNT else MARKET
