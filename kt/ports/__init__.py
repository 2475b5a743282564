"""Every door to the outside, as Protocols. Steps and the engine know these and no adapter."""

from kt.ports.gateway import OrderGateway, SealedGateway
from kt.ports.journal import Journal, OrderLog, Results, RunLog, Stops
from kt.ports.world import Analyst, Broker, Clock, Market, Notifier, Stream

__all__ = [
    "Analyst",
    "Broker",
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
