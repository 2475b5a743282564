"""The embedded exchange: matching and accounts over the seeded market."""

from kt.sim.exchange.broker_port import ExchangeBroker
from kt.sim.exchange.core import Exchange, last_seen
from kt.sim.exchange.steering import Steer, Steered

__all__ = ["Exchange", "ExchangeBroker", "Steer", "Steered", "last_seen"]
