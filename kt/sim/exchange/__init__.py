"""The embedded exchange: matching and accounts over the seeded market."""

from kt.sim.exchange.core import Exchange, last_seen

__all__ = ["Exchange", "last_seen"]
