"""One scene: an exchange that fails in one way, five accounts on it, and every exit due at once.

The position is gone, or its sell stands in the market, or the owner was told, while the exchange
still fails; and all of it is gone, each share sold once, when it does not fail any more.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.exit_faults import FAULTS, ORDER_FAULTS, SELL, TELLING
from tests.crash.exit_members import MEMBERS, Alarmed, Member, Prices, Typed, beside
from tests.crash.house import House, Row
from tests.crash.processes import Forge, Running
from tests.crash.trader import centre, stocks, until

SPEED = 20.0
WITHIN = 20.0
"""Real seconds in which each exit must be sent or reported while the exchange fails, on a busy
machine."""
SOON = 25.0
"""Real seconds in which everything must be sold once the exchange works again."""
ORDERS = "orders"
"""The scene in which each stock has a fault of its own."""
SCENES = (ORDERS, *FAULTS)


@dataclass
class Played:
    """What a scene came to: by account and stock, what each exit met and how it stood."""

    name: str
    first: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    acted: int = 0
    wrong: list[str] = field(default_factory=list)
    story: str = ""

    def line(self) -> str:
        ends = ", ".join(f"{count} {end}" for end, count in Counter(self.first.values()).items())
        return f"{self.name}: {ends} in {self.seconds:.1f} s, {self.acted} faults acted"

    def failure(self) -> str:
        lines = "\n  ".join(self.wrong)
        return f"{self.name}:\n  {lines}\n{self.story}"


class Scene:
    """`faults` are those of single stocks, in the scene that has them; with `beside` other
    processes sell and look at the same moment. Its faults are for the whole exchange, so one scene
    at a time plays on it."""

    def __init__(
        self,
        fault: str,
        house: House,
        folder: Path,
        forge: Forge,
        *,
        faults: Iterable[str],
        beside: bool,
    ) -> None:
        self.fault, self.beside = fault, beside
        self.faults = tuple(faults)
        self.played = Played(f"{fault}{' and another process' if beside else ''}")
        self.house = house
        codes = iter(stocks())
        self.rules: list[Row] = list(FAULTS[fault].rules) if fault in FAULTS else []
        self.members: list[Member] = []
        self.others: list[tuple[Member, Running]] = []
        for kind in MEMBERS:
            held = dict(self._stocks(kind, codes))
            more: dict[str, Any] = {}
            if kind is Prices and fault in FAULTS and FAULTS[fault].emergency:
                more = {"emergency": {"rejects_in_row": 3, "action": "flatten"}}
            member = kind(self.house, folder / kind.kinds[0], forge, held, **more)
            member.mode = "halt" if more else member.mode
            self.members.append(member)

    def _stocks(self, member: type[Member], codes: Iterator[str]) -> Iterator[tuple[str, str]]:
        """What it holds: of each kind one stock, or one for each fault of orders."""
        for kind in member.kinds:
            if self.fault == ORDERS:
                for name in self.faults:
                    code = next(codes)
                    self.rules.append({"api": SELL, "stock": code, **ORDER_FAULTS[name]})
                    yield code, kind
            else:
                yield next(codes), kind
                if member in (Alarmed, Typed):
                    yield next(codes), kind

    # --- the play -----------------------------------------------------------------------------

    def play(self) -> Played:
        try:
            self._prepare()
            with contextlib.ExitStack() as trouble:
                self._trouble(trouble)
                self._due()
            self._after()
        except (AssertionError, TimeoutError) as failed:
            self.played.wrong.append(str(failed))
        finally:
            self._close()
        return self.played

    def _prepare(self) -> None:
        for member in self.members:
            centre(member.trader, member.stocks)
        buying = [member.buy() for member in self.members]
        for member, bought in zip(self.members, buying, strict=True):
            member.bought(bought)
        for member in self.members:
            member.start()
        for member in self.members:
            member.ready()
        for member in self.members:
            member.prime()

    def _trouble(self, stack: contextlib.ExitStack) -> None:
        for member in self.members:
            member.trader.listen()
            if self.fault in FAULTS and FAULTS[self.fault].busy:
                stack.enter_context(member.trader.busy_journal())
        self.house.fault(*self.rules)

    def _due(self) -> None:
        began = time.monotonic()
        if self.beside:
            self.others = [other for member in self.members for other in beside(member)]
        for member in self.members:
            member.due()
        for member in self.members:
            until(lambda each=member: all(each.ends().values()), WITHIN, member.said)
            self.played.first |= {
                f"{member.stocks[code]} {code}": end for code, end in member.ends().items()
            }
        self.played.seconds = time.monotonic() - began
        self.played.acted = sum(rule["acted"] for rule in self.house.lift())

    def _ended(self) -> None:
        """What ran beside: whatever it met, it ends, and without a fault of its own."""
        for member, running in self.others:
            member.trader.kept(running.wait(SOON))
            member.no_defects(running.said())

    def _after(self) -> None:
        self._ended()
        for member in self.members:
            member.lifted()
        for member in self.members:
            until(lambda each=member: not each.trader.real().held, SOON, member.said)
        for member in self.members:
            member.settle()
        for step in (Member.stop, Member.stopped, Member.start_again):
            for member in self.members:
                step(member)
        for member in self.members:
            member.check()
            self.played.wrong += member.strange

    def _close(self) -> None:
        if self.played.wrong:
            self.played.story = "\n".join(member.said() for member in self.members)
        for _, running in self.others:
            if not running.ended(0):
                running.kill()
                running.wait()
        for member in self.members:
            member.close()
        self.house.lift()


def play(
    fault: str,
    house: House,
    folder: Path,
    forge: Forge,
    *,
    faults: Iterable[str] = TELLING,
    beside: bool = False,
) -> Played:
    return Scene(fault, house, folder, forge, faults=faults, beside=beside).play()
