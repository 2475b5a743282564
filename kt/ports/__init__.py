"""The interfaces to the outside world, as Protocols that adapters implement. No adapter and no
implementation belongs here."""

from kt.ports.gateway import OrderGateway, SealedGateway
from kt.ports.journal import Journal, OrderLog, Results, RunLog, Stops
from kt.ports.world import Analyst, Broker, CallingClock, Clock, Market, Notifier, Stream

__all__ = [
    "Analyst",
    "Broker",
    "CallingClock",
    "Clock",
    "Journal",
    "Market",
    "Notifier",
    "OrderGateway",
    "OrderLog",
    "Results",
    "RunLog",
    "SealedGateway",
    "Stops",
    "Stream",
]
