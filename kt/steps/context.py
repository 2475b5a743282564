"""What every step gets: the ports, the configuration and the id of the run."""

from __future__ import annotations

from dataclasses import dataclass

from kt.config.model import Config
from kt.ports import Analyst, Broker, Clock, Journal, Market, Notifier, SealedGateway


@dataclass(frozen=True, slots=True)
class Context:
    run: str
    config: Config
    clock: Clock
    market: Market
    broker: Broker
    gateway: SealedGateway
    journal: Journal
    analyst: Analyst
    baseline: Analyst
    """The rules analyst, which every other one is compared with."""
    notifier: Notifier

    @property
    def profile(self) -> str:
        return self.config.profile
