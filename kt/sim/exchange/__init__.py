"""Order matching, accounts and their storage, over the seeded market; no HTTP and no broker field
names here."""

from kt.sim.exchange.broker_port import ExchangeBroker
from kt.sim.exchange.core import Exchange, last_seen
from kt.sim.exchange.steering import Steer, Steered

__all__ = ["Exchange", "ExchangeBroker", "Steer", "Steered", "last_seen"]
