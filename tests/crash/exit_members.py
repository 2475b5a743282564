"""The accounts of an exit scene: what each holds, how it becomes due, and who sells it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from tests.crash.forge import ANSWER_SECONDS, BACK_OFF
from tests.crash.house import House
from tests.crash.invariants import NOTHING_TO_DO, examine
from tests.crash.processes import Forge, Running
from tests.crash.trader import Trader, config, until

QUANTITY = 6
HURRIED = {ANSWER_SECONDS: "1.0", BACK_OFF: "0.2"}
READY = 30.0
"""Real seconds after which a run that is not trading is taken to hang."""


class Member:
    """One account with a `kt run` of its own. `stocks`: what leaves each, by code."""

    kinds: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}
    argv: ClassVar[tuple[str, ...]] = ("run",)
    mode = "running"
    """The stop in force in the end."""

    def __init__(
        self, house: House, folder: Any, forge: Forge, stocks: Mapping[str, str], **more: Any
    ) -> None:
        self.stocks = stocks
        self.trader = Trader(house, folder, forge, config(**{**self.settings, **more}))
        self.running: Running | None = None
        self.alone = True
        self.foreign: list[int] = []
        self.strange: list[str] = []

    def of(self, kind: str) -> list[str]:
        return [code for code, found in self.stocks.items() if found == kind]

    @property
    def name(self) -> str:
        return "+".join(self.kinds)

    # --- before -------------------------------------------------------------------------------

    def buy(self) -> Running:
        return self.trader.buying(self.stocks, QUANTITY)

    def bought(self, buying: Running) -> None:
        self.trader.holds(buying)

    def start(self, **env: str) -> None:
        self.running = self.trader.start(*self.argv, **HURRIED, **env)

    def ready(self) -> None:
        """Until the run is at work."""
        until(self.is_ready, READY, self.said)

    def is_ready(self) -> bool:
        """Whether the newest run has reconciled, and its stream follows what is held."""
        done = self.trader.rows(
            "SELECT name FROM steps WHERE outcome = 'done' AND name IN ('reconcile', 'feed')"
            " AND run = (SELECT MAX(run) FROM runs WHERE command = 'run')"
        )
        return len(done) >= 2

    def prime(self) -> None:
        """What must have happened before the exits can be due."""
        self.lead_up()
        until(self.is_primed, READY, self.said)

    def lead_up(self) -> None:
        """Bring that about."""

    def is_primed(self) -> bool:
        return True

    # --- and then -----------------------------------------------------------------------------

    def due(self) -> None:
        """Make all of it due, now."""
        raise NotImplementedError

    def ends(self) -> dict[str, str]:
        return self.trader.ends(self.stocks)

    def lifted(self) -> None:
        """The trouble is over; who has ended before it was is started again."""

    def settle(self) -> None:
        """Until its books say so too."""
        until(lambda: not self.trader.positions(), READY, self.said)
        until(lambda: self.trader.mode() == self.mode, READY, self.said)

    def stop(self) -> None:
        if self.running is not None and not self.running.ended(0):
            self.running.signal(signal.SIGTERM)

    def stopped(self) -> None:
        assert self.running is not None
        ran = self.trader.kept(self.running.wait())
        if ran.code != 0:
            self.strange.append(f"{self.name}: the run ended with {ran.code}")
        self.no_defects(ran.err)

    def no_defects(self, said: str) -> None:
        if "unexpected error" in said or "Traceback" in said or "defect" in said:
            self.strange.append(f"{self.name}: kt has a fault of its own")

    def close(self) -> None:
        """Whatever happened, nothing is left of it."""
        if self.running is not None:
            if not self.running.ended(0):
                self.running.kill()
            self.running.wait()
        self.trader.close()

    def said(self) -> str:
        said = self.running.said() if self.running else ""
        notices = "\n".join(f"  {n['title']}: {n['text']}" for n in self.trader.notices())
        return f"{self.name}: {self.ends()}\n{said}\n{notices}\n{self.trader.told()}"

    # --- what must be true --------------------------------------------------------------------

    def check(self) -> None:
        """Once everything has ended: each share sold once, and the books right."""
        ran = self.trader.kept(self.again.wait())
        if ran.code != 2:
            self.strange.append(f"{self.name}: the next start ended with {ran.code}")
        truth = self.trader.truth()
        self.strange += examine(self.trader, truth, self.foreign).differences
        sold: dict[str, int] = {}
        for order in truth.orders:
            if order.side == "SELL":
                shares = truth.fills.get(order.number, (0, 0))[0]
                sold[order.code] = sold.get(order.code, 0) + shares
        if sold != self.trader.bought:
            self.strange.append(f"{self.name}: bought {self.trader.bought}, sold {sold}")
        self.strange += self._oversold()

    def start_again(self) -> None:
        self.again = self.trader.start(*NOTHING_TO_DO)

    def _oversold(self) -> Iterable[str]:
        """A sell for want of shares is explained by one whose answer was lost before it."""
        lost: set[str] = set()
        for row in self.trader.sells():
            events = self.trader.rows(
                "SELECT kind FROM order_events WHERE order_id = ?", [row["order_id"]]
            )
            if self.alone and row["code"] == "800033" and row["stock_code"] not in lost:
                yield f"{self.name}: {row['stock_code']} was offered twice"
            if {"UNKNOWN", "GIVEN_UP"} & {event["kind"] for event in events}:
                lost.add(row["stock_code"])


class Prices(Member):
    """Sold when a price says so."""

    kinds = ("stop-loss", "take-profit", "trailing", "beside")
    settings: ClassVar[Mapping[str, Any]] = {
        "exits": {
            "stop_loss_pct": 4, "take_profit_pct": 13, "trailing_stop_pct": 6,
            "min_holding_minutes": 1440,
        }
    }  # fmt: skip

    def bought(self, buying: Running) -> None:
        super().bought(buying)
        typed = []
        for code in self.of("beside"):
            upper = self.trader.prices(code)[2]
            typed.append(self.trader.start("order", "sell", code, "4", "--price", str(upper)))
        for each in typed:
            ran = self.trader.kept(each.wait())
            assert ran.code == 0, ran.told()

    def lead_up(self) -> None:
        """A new high, which the trailing stop follows."""
        for code in self.of("trailing"):
            self.trader.steer(code, self.trader.known(code)["average_price"] * 109 // 100)

    def is_primed(self) -> bool:
        held = self.trader.positions()
        return all(held[code]["trailing"] for code in self.of("trailing"))

    def due(self) -> None:
        for code, kind in self.stocks.items():
            if kind == "take-profit":
                self.trader.rise(code)
            else:
                self.trader.fall(code)


class Aged(Member):
    """Sold when it has been held for too long."""

    kinds = ("time",)
    settings: ClassVar[Mapping[str, Any]] = {
        "exits": {
            "stop_loss_pct": 30, "take_profit_pct": 1000, "max_holding_minutes": 90,
            "min_holding_minutes": 1440,
        },
        "cycle": {"every": 2},
    }  # fmt: skip

    def due(self) -> None:
        for code in self.stocks:
            self.trader.age(code, 91)


class Closed(Member):
    """Sold before the close, which the configuration sets to one of the next minutes."""

    kinds = ("close",)
    settings: ClassVar[Mapping[str, Any]] = {
        "exits": {"stop_loss_pct": 30, "take_profit_pct": 1000, "min_holding_minutes": 1440}
    }

    def start(self, **env: str) -> None:
        soon = self.trader.house.now() + timedelta(seconds=40)
        self.closing = soon.replace(second=0, microsecond=0) + timedelta(minutes=1)
        session = {"last_buy": f"{self.closing:%H:%M}", "close_positions": True}
        text = config(**self.settings, session=session)
        (self.trader.folder / "config.yaml").write_text(text, encoding="utf-8")
        super().start(**env)

    def due(self) -> None:
        """The clock makes it due."""


class Alarmed(Member):
    """Sold in an emergency: the price of one of them jumps."""

    kinds = ("emergency",)
    mode = "halt"
    settings: ClassVar[Mapping[str, Any]] = {
        "exits": {"stop_loss_pct": 30, "take_profit_pct": 1000, "min_holding_minutes": 1440},
        "emergency": {"price_jump_pct": 4, "action": "flatten"},
    }

    def due(self) -> None:
        code = next(iter(self.stocks))
        self.trader.steer(code, self.trader.known(code)["average_price"] * 108 // 100)


class Typed(Member):
    """Sold by `kt flatten`, with no run beside it."""

    kinds = ("typed",)
    mode = "halt"
    argv = ("flatten",)
    settings: ClassVar[Mapping[str, Any]] = {
        "exits": {"stop_loss_pct": 30, "take_profit_pct": 1000, "min_holding_minutes": 1440}
    }

    def start(self, **env: str) -> None:
        """There is nothing to start before."""

    def is_ready(self) -> bool:
        return True

    def due(self) -> None:
        super().start()

    def lifted(self) -> None:
        """One that left something said so, and is typed again."""
        assert self.running is not None
        ran = self.trader.kept(self.running.wait())
        if ran.code:
            if ran.code not in (5, 7) or not self.trader.notices():
                self.strange.append(f"{self.name}: kt flatten ended with {ran.code}")
            self.no_defects(ran.err)
            super().start()


MEMBERS: tuple[type[Member], ...] = (Prices, Aged, Closed, Alarmed, Typed)


def beside(member: Member) -> Iterator[tuple[Member, Running]]:
    """Other processes at the same moment: looks, a manual sell, a flatten where one is due."""
    argvs: list[tuple[str, ...]] = [("order", "list"), ("status",)]
    if isinstance(member, Alarmed | Typed):
        argvs.append(("flatten",))
    else:
        code = next(iter(member.stocks))
        argvs.append(("order", "sell", code, "2", "--market"))
    member.alone = False
    for argv in argvs:
        yield member, member.trader.start(*argv, **HURRIED)
