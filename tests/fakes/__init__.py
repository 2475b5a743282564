"""Hand-written fakes of the ports, shared by the tests of steps, engine and commands."""

from tests.fakes.analyst import ScriptedAnalyst, buy, decision, sell
from tests.fakes.broker import FakeBroker, acked, not_placed, rejected, unknown
from tests.fakes.market import HYNIX, NAMES, OPEN, SAMSUNG, FakeMarket
from tests.fakes.stream import ExchangeStream, FakeStream, PumpedClock
from tests.fakes.world import ListNotifier, World, intent, new_journal, ticket, wanted

__all__ = [
    "HYNIX",
    "NAMES",
    "OPEN",
    "SAMSUNG",
    "ExchangeStream",
    "FakeBroker",
    "FakeMarket",
    "FakeStream",
    "ListNotifier",
    "PumpedClock",
    "ScriptedAnalyst",
    "World",
    "acked",
    "buy",
    "decision",
    "intent",
    "new_journal",
    "not_placed",
    "rejected",
    "sell",
    "ticket",
    "unknown",
    "wanted",
]
