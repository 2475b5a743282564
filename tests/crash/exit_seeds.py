"""One random exit: what leaves, what fails and for how long, when kt is killed, who acts beside it.

The same seed draws the same exit; what the processes make of it is theirs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kt.steps.failpoints import POINTS
from tests.crash.exit_faults import FAULTS, KINDS, ORDER_FAULTS, SELL
from tests.crash.exit_members import HURRIED, MEMBERS, READY, Alarmed, Closed, Member, Typed
from tests.crash.exit_scene import Played
from tests.crash.house import House, Row
from tests.crash.processes import Forge, Running
from tests.crash.trader import centre, stocks, until

BESIDE: tuple[tuple[str, ...], ...] = (
    (), (), (), ("order", "list"), ("status",), ("flatten",), ("order", "sell"),
)  # fmt: skip
"""What another process does at the same moment."""
ON_THE_WAY = tuple(point for point in POINTS if not point.startswith("amend."))
NOTHING = "none"
MET = 1.0
"""Real seconds after which it is noted how an exit stands, at the earliest."""
SOON = 45.0
"""Real seconds in which everything must be sold once nothing fails any more."""
MOST = 100
"""So many of the stocks, those that trade most, are played with."""


@dataclass(frozen=True)
class Exit:
    """The fault `lasts` so many real seconds and begins `late` after the exit is due (below 0:
    before it); `moment` after that kt is killed (0: never)."""

    seed: int
    kind: str
    stocks: int
    fault: str
    lasts: float
    late: float
    point: str
    moment: float
    beside: tuple[str, ...]

    @property
    def name(self) -> str:
        killed = self.point or (f"{self.moment * 1000:.0f}ms" if self.moment else "no-kill")
        also = f" beside {' '.join(self.beside)}" if self.beside else ""
        fault = f"{self.fault} at {self.late:+.2f} for {self.lasts:.2f}"
        return f"{self.seed}: {self.kind} x{self.stocks}, {fault}, {killed}{also}"


def by_seed(seed: int) -> Exit:
    chance = random.Random(f"exit {seed}")
    how = chance.random()
    nth = chance.choice(("", "", ":2"))
    return Exit(
        seed=seed,
        kind=chance.choice(KINDS),
        stocks=chance.choice((1, 1, 2)),
        fault=chance.choice((NOTHING, *FAULTS, *ORDER_FAULTS)),
        lasts=chance.uniform(0.2, 2.5),
        late=chance.uniform(-0.3, 0.3),
        point=chance.choice(ON_THE_WAY) + nth if how < 0.45 else "",
        moment=chance.uniform(0.01, 1.5) if 0.45 <= how < 0.7 else 0.0,
        beside=chance.choice(BESIDE),
    )


@dataclass
class Ended(Played):
    kills: int = 0
    persons: int = 0
    """Stocks that kt left to a person, who was notified."""

    def line(self) -> str:
        met = ", ".join(end or "not yet" for end in self.first.values())
        return f"{self.name}: {met}; {self.acted} faults acted, {self.kills} kills"


class Play:
    """Plays one exit on an account of its own."""

    def __init__(self, case: Exit, house: House, folder: Path, forge: Forge) -> None:
        self.case, self.house = case, house
        self.ended = Ended(case.name)
        codes = random.Random(f"stocks {case.seed}").sample(stocks()[:MOST], case.stocks)
        kind = next(kind for kind in MEMBERS if case.kind in kind.kinds)
        self.one: Member = kind(house, folder, forge, dict.fromkeys(codes, case.kind))
        self.trader = self.one.trader
        self.other: Running | None = None
        self.trouble = ExitStack()

    def run(self) -> Ended:
        try:
            self._prepare()
            self._act()
            self._after()
        except (AssertionError, TimeoutError) as failed:
            self.ended.wrong.append(str(failed))
        finally:
            self.trouble.close()
            self.house.lift()
            if self.ended.wrong:
                self.ended.story = self.one.said()
            self._close()
        return self.ended

    def _close(self) -> None:
        if self.other is not None and not self.other.ended(0):
            self.other.kill()
        if self.other is not None:
            self.other.wait()
        self.one.close()

    # --- before -------------------------------------------------------------------------------

    def _prepare(self) -> None:
        centre(self.trader, self.one.stocks)
        self.one.bought(self.one.buy())
        self.one.start(**self._crash())
        self._until(self.one.is_ready, READY)
        self.one.lead_up()
        self._until(self.one.is_primed, READY)
        if isinstance(self.one, Closed):
            early = self.one.closing - timedelta(seconds=self.house.clock.speed * 0.3)
            self._until(lambda: self.house.now() >= early, READY)
        self.trader.listen()

    def _crash(self) -> dict[str, str]:
        return {"KT_CRASH_AT": self.case.point} if self.case.point else {}

    def _until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Wait for it; a kt that dies meanwhile is started again."""
        end = time.monotonic() + seconds
        while not happened():
            self._revive()
            assert time.monotonic() < end, f"not within {seconds:g} s: {self.one.said()}"
            time.sleep(0.02)

    def _revive(self) -> None:
        """Start kt again if it was killed; a flatten that left something is typed again."""
        running = self.one.running
        if running is None or not running.ended(0):
            return
        ran = running.wait()
        if ran.code == 0:
            return
        self.trader.kept(ran)
        self.one.no_defects(ran.err)
        self.ended.kills += ran.killed
        left = isinstance(self.one, Typed) and ran.code in (5, 7)
        assert ran.killed or left, f"kt ended with {ran.code}: {self.one.said()}"
        before = self._runs()
        Member.start(self.one)
        if not left and not isinstance(self.one, Typed):
            until(lambda: self._runs() > before, READY, self.one.said)

    def _runs(self) -> int:
        return len(self.trader.rows("SELECT 1 FROM runs WHERE command = 'run'"))

    # --- it is due ----------------------------------------------------------------------------

    def _act(self) -> None:
        """Everything at its time, until the fault is over."""
        case = self.case
        acts: list[tuple[float, Callable[[], None]]] = [
            (0.0, self._due),
            (0.0, self._beside),
            (case.late, self._fail),
            (max(MET, case.late + case.lasts), self._note),
            (case.late + case.lasts, self._lift),
        ]
        if case.moment:
            acts.append((case.moment, self._kill))
        acts.sort(key=lambda act: act[0])
        began = time.monotonic() - acts[0][0]
        for at, act in acts:
            while time.monotonic() < began + at:
                self._revive()
                time.sleep(0.01)
            act()

    def _due(self) -> None:
        if isinstance(self.one, Typed):
            Member.start(self.one, **self._crash())
        else:
            self.one.due()

    def _beside(self) -> None:
        argv = self.case.beside
        if argv == ("order", "sell"):
            argv = (*argv, next(iter(self.one.stocks)), "2", "--market")
        if argv:
            self.one.alone = False
            self.other = self.trader.start(*argv, **HURRIED)

    def _fail(self) -> None:
        fault = self.case.fault
        rules: Iterable[Row] = FAULTS[fault].rules if fault in FAULTS else ()
        if fault in ORDER_FAULTS:
            rules = [{"api": SELL, "stock": c, **ORDER_FAULTS[fault]} for c in self.one.stocks]
        self.house.fault(*rules)
        if fault in FAULTS and FAULTS[fault].busy:
            self.trouble.enter_context(self.trader.busy_journal())

    def _lift(self) -> None:
        self.ended.acted += sum(rule["acted"] for rule in self.house.lift())
        self.trouble.close()

    def _note(self) -> None:
        for code, end in self.one.ends().items():
            self.ended.first[f"{self.case.kind} {code}"] = end

    def _kill(self) -> None:
        running = self.one.running
        if running is not None and not running.ended(0):
            running.kill()
            running.ended(READY)

    # --- and then -----------------------------------------------------------------------------

    def _after(self) -> None:
        if isinstance(self.one, Alarmed):
            self._alarm_again()
        self._until(self._gone_or_given_up, SOON)
        if self.other is not None:
            ran = self.trader.kept(self.other.wait(SOON))
            self.one.no_defects(ran.err)
        for code in self.trader.real().held:
            self._person(code)
        self.one.mode = self._mode()
        self._until(lambda: not self.trader.positions(), READY)
        self._until(lambda: self.trader.mode() == self.one.mode, READY)
        self._revive()  # one that was killed when all was gone already
        if isinstance(self.one, Typed):
            self._until(self._ended, READY)
        else:
            self._until(self.one.is_ready, READY)
        self.one.stop()
        self.one.stopped()
        self.one.start_again()
        self.one.check()
        self.ended.wrong += self.one.strange

    def _ended(self) -> bool:
        """Whether a flatten that was typed has ended by itself, with nothing left."""
        return self.one.running is not None and self.one.running.ended(0)

    def _alarm_again(self) -> None:
        """A jump between two ticks of which kt did not see one is no emergency: one more jump."""
        self._revive()
        self._until(self.one.is_ready, READY)
        self.house.pass_time(5)
        unseen = self.ended.kills or self.case.fault == "stream-cut"
        if self.trader.mode() == "running" and unseen:
            for code in self.one.stocks:
                self.trader.steer(code, self.trader.known(code)["average_price"])

    def _gone_or_given_up(self) -> bool:
        return all(self._given_up(code) for code in self.trader.real().held)

    def _given_up(self, code: str) -> bool:
        """A sell that was lost twice is left to a person, who is notified."""
        lost = self.trader.orders(f"code = 'NOT_FOUND' AND stock_code = '{code}'")
        told = self.trader.rows("SELECT * FROM notices WHERE text LIKE '%kt tries no third time%'")
        return len(lost) > 1 and any(code in row["title"] for row in told)

    def _person(self, code: str) -> None:
        """Looks, and sells what is left by hand."""
        self.ended.persons += 1
        for argv in (("halt",), ("resume",)):
            self.trader.kt(*argv)
        shares = str(self.trader.real().held[code])
        ran = self.trader.kt("order", "sell", code, shares, "--market", "--wait")
        assert ran.code == 0, ran.told()

    def _mode(self) -> str:
        """What is in force in the end: a stream that does not come back is an emergency too."""
        if self.ended.persons:
            return "running"
        flattened = isinstance(self.one, Alarmed | Typed) or self.case.beside == ("flatten",)
        gone = self.case.fault == "stream-cut" and self.trader.mode() != "running"
        return "halt" if flattened or gone else "running"


def play(case: Exit, house: House, folder: Path, forge: Forge) -> Ended:
    return Play(case, house, folder, forge).run()
