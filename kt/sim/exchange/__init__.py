"""The embedded exchange: matching and accounts over the seeded market."""

from kt.sim.exchange.core import LISTING_DELAY, Exchange, last_seen

__all__ = ["LISTING_DELAY", "Exchange", "last_seen"]
