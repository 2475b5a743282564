"""A context over fakes, with each fake at hand."""

from __future__ import annotations

import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from kt.analyst.rules import RulesAnalyst
from kt.clock import ManualClock
from kt.config.model import Config
from kt.files import create_private
from kt.ports import SealedGateway
from kt.records import (
    OrderIntent,
    OrderTicket,
    OrderType,
    Origin,
    Side,
)
from kt.steps.context import Context
from kt.store.journal import SqliteJournal
from tests.fakes.analyst import ScriptedAnalyst
from tests.fakes.broker import FakeBroker
from tests.fakes.market import OPEN, SAMSUNG, FakeMarket


class ListNotifier:
    """Records the notifications: (level, title, text)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def notify(self, level: str, title: str, text: str) -> None:
        self.told.append((level, title, text))


def ticket(
    side: Side = Side.BUY,
    code: str = SAMSUNG,
    quantity: int = 10,
    price: int = 70_000,
    order_type: OrderType = OrderType.LIMIT,
) -> OrderTicket:
    return OrderTicket(
        side=side, stock_code=code, quantity=quantity, order_type=order_type, price=price
    )


def intent(*args: Any, origin: Origin = Origin.MANUAL, **fields: Any) -> OrderIntent:
    """An order somebody wants, by the arguments of `ticket`."""
    return wanted(ticket(*args, **fields), origin)


def wanted(ticket: OrderTicket, origin: Origin = Origin.MANUAL) -> OrderIntent:
    return OrderIntent(
        side=ticket.side,
        stock_code=ticket.stock_code,
        quantity=ticket.quantity,
        price=ticket.price,
        order_type=ticket.order_type,
        origin=origin,
    )


@cache
def new_journal() -> bytes:
    """The file of a journal without rows, made once: to create one runs all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kt.db"
        SqliteJournal(path, ManualClock(OPEN), path.with_name("halt.json"), "sim").close()
        return path.read_bytes()


class World:
    """A context over fakes, with each fake at hand."""

    def __init__(
        self, folder: Path, config: Config | None = None, *, at: datetime = OPEN, clock: Any = None
    ) -> None:
        self.clock = clock or ManualClock(at)
        self.folder = folder
        self.market = FakeMarket(self.clock)
        self.broker = FakeBroker(self.clock)
        self.analyst = ScriptedAnalyst(self.clock)
        self.notifier = ListNotifier()
        self.config = config or Config()
        self.journal = self.open()
        self.ctx = self.context()

    def open(self) -> SqliteJournal:
        path = self.folder / "kt.db"
        if not path.exists():
            create_private(path)
            path.write_bytes(new_journal())
        return SqliteJournal(
            path,
            self.clock,
            self.folder / "halt.json",
            "sim",
            tell=self.notifier.notify,
        )

    def context(self, **changes: Any) -> Context:
        parts: dict[str, Any] = {
            "run": "RUN",
            "config": self.config,
            "clock": self.clock,
            "market": self.market,
            "broker": self.broker,
            "journal": self.journal,
            "analyst": self.analyst,
            "baseline": RulesAnalyst(self.clock),
            "notifier": self.notifier,
        }
        parts |= changes
        return Context(**({"gateway": SealedGateway(parts["broker"])} | parts))

    def configure(self, **sections: Any) -> Context:
        """The same world under another configuration."""
        from msgspec.structs import replace as changed

        self.config = changed(self.config, **sections)
        self.ctx = self.context()
        return self.ctx

    def restart(self) -> Context:
        """A new process: nothing is left but what is on disk and at the broker."""
        self.journal.close()
        self.journal = self.open()
        self.ctx = self.context()
        return self.ctx

    def close(self) -> None:
        self.journal.close()
