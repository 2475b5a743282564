"""The exchange's rate limits per app key, on its own clock."""

from __future__ import annotations

from kt.ports import Clock
from kt.sim.server.access_tokens import LONGEST_KEY

QUERIES = 5.0
HEAVY = {"ka10099": 0.5}
"""Requests a second for expensive APIs, regardless of the general rate."""
TOKENS = 1.0
TOKEN_BURST = 3.0
"""The token endpoint's rate and burst size: stricter than queries, regardless of `--rate`."""
JITTER = 0.25
"""Real seconds of tolerance. A client that paces itself exactly may still be early because of
network and scheduler delays. So a bucket holds the requests of one second plus this much real
time, which is 15 seconds of the exchange's clock at 60 times the speed."""


MOST_BUCKETS = 100_000
"""The most buckets; beyond it all are reset, because clients may try any number of app keys."""


class RateLimits:
    """Token buckets by app key and bucket name. `rate` requests a second for each API id and for
    all order APIs together; 0 switches the limits off."""

    def __init__(self, clock: Clock, rate: float = QUERIES, speed: float = 1.0) -> None:
        self._clock = clock
        self._rate = rate
        self._jitter = JITTER * speed
        self._levels: dict[tuple[str, str], tuple[float, float]] = {}

    def rate(self, bucket: str) -> float:
        return min(self._rate, HEAVY.get(bucket, self._rate))

    def allow(self, app_key: str, bucket: str) -> bool:
        """Take one request from the bucket; False, taking nothing, if it is empty."""
        rate = self.rate(bucket)
        if rate <= 0:
            return True
        return self._take((app_key, bucket), rate, max(1.0, rate) + rate * self._jitter)

    def allow_token(self, app_key: str) -> bool:
        if self._rate <= 0:
            return True
        return self._take(
            (app_key[:LONGEST_KEY], "token"), TOKENS, TOKEN_BURST + TOKENS * self._jitter
        )

    def _take(self, key: tuple[str, str], rate: float, capacity: float) -> bool:
        now = self._clock.monotonic()
        if len(self._levels) > MOST_BUCKETS:
            self._levels.clear()
        level, since = self._levels.get(key, (capacity, now))
        level = min(capacity, level + (now - since) * rate)
        if level < 1.0:
            self._levels[key] = (level, now)
            return False
        self._levels[key] = (level - 1.0, now)
        return True
