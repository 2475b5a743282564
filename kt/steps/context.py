"""What every step is handed: the doors, the configuration and the run it belongs to."""

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
    notifier: Notifier

    @property
    def profile(self) -> str:
        return self.config.profile
