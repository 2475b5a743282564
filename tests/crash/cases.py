"""One case of the matrix: a kt command is killed, or the exchange misbehaves, or both; then kt is
started again, and what it knows is compared with what the exchange says.

A case is made of a point to die at, a fault, a side and a seed; the same four make the same case.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kt.rules import ticks
from kt.steps.failpoints import POINTS
from tests.crash import invariants
from tests.crash.forge import ANSWER_SECONDS
from tests.crash.house import CONFIG, Account, House, Row, Truth
from tests.crash.processes import Forge, Ran

STOCKS = ("005930", "064350", "035720", "028050", "011200", "034020", "015760", "316140")
"""Of different prices; a case trades one of them, its stranger another."""
SIDES = ("BUY", "SELL")
RECOVERY = tuple(point for point in POINTS if point.startswith(("reconcile.", "follow.")))
"""Where a kt that starts again may die."""
NOTHING = "none"
TIGHT_EXITS = "exits: {stop_loss_pct: 0.01, take_profit_pct: 0.01}\n"
"""Whatever is held is due to be sold: what a cycle does then ends in trades."""
BUSY_DAY = (
    CONFIG.replace("ai_keep: 1", "ai_keep: 2, fast_every: 5, deep_every: 8, ai_every: 8")
    + TIGHT_EXITS
    + "cycle: {every: 5}\norders: {unfilled_after: 10}\n"
)
"""A trading day with something to do every few seconds."""
DAY_SECONDS = 6.0
"""Real seconds after which a day that nobody killed is ended."""

ORDER, STREAM, LISTS = "order", "stream", "lists"


@dataclass(frozen=True)
class Fault:
    """How the exchange misbehaves. `target` says to what its rules apply; one that `stays` is
    still there when kt is started again, and is lifted only after that."""

    rules: tuple[Row, ...]
    target: str = ORDER
    stays: bool = False


def _order(**rule: Any) -> Fault:
    return Fault(({"api": "", **rule},))


def _late(seconds: float) -> Fault:
    rule = {"action": "late", "api": "lists", "seconds": seconds, "count": 0}
    return Fault((rule,), LISTS, stays=True)


FAULTS: dict[str, Fault] = {
    NOTHING: Fault(()),
    "cut-after": _order(action="cut", when="after"),
    "cut-before": _order(action="cut", when="before"),
    "time-out-after": _order(action="hang", when="after", seconds=30),
    "time-out-before": _order(action="hang", when="before", seconds=30),
    "5xx-after": _order(action="status", status=503, when="after"),
    "5xx-before": _order(action="status", status=500, when="before"),
    "empty-body": _order(action="empty"),
    "no-ord-no": _order(action="no_order_number"),
    "no-return-code": _order(action="no_return_code"),
    "not-json": _order(action="not_json"),
    "429": _order(action="rate", count=2),
    "token-dead": _order(action="token_dead"),
    "late-0.5": _late(0.5),
    "late-2": _late(2.0),
    "late-10": _late(10.0),
    "late-20": _late(20.0),
    "lists-5xx": Fault(({"action": "status", "api": "lists", "count": 2},), LISTS),
    "fills-twice": Fault(({"action": "duplicate", "stream": "00", "count": 0},), STREAM),
    "fills-lost": Fault(({"action": "drop", "stream": "00", "count": 0},), STREAM),
    "stream-cut": Fault(({"action": "cut", "stream": "00"},), STREAM),
    "cut-after-late-2": Fault(
        (
            {"api": "", "action": "cut", "when": "after"},
            {"action": "late", "api": "lists", "seconds": 2.0, "count": 0},
        ),
        stays=True,
    ),
}
"""By name. An empty `api` is filled with the case's own order API."""
APIS = {"amend": "kt10002", "cancel": "kt10003", "BUY": "kt10000", "SELL": "kt10001"}


@dataclass(frozen=True)
class Case:
    """`point` empty: no named kill; with `kill_after` (real seconds), one at that moment. `again`
    is a point to die at once more, when kt is started again. `doing` is what kt is at; left out,
    it is what the point belongs to.
    """

    point: str
    fault: str
    side: str
    seed: int = 0
    nth: int = 1
    kill_after: float = 0.0
    again: str = ""
    doing: str = ""

    @property
    def flow(self) -> str:
        """What kt is doing when it is killed."""
        flow = self.point.partition(".")[0] or ("place", "amend", "cancel")[self.seed % 3]
        flow = "repair" if self.point in ("reconcile.repairing", "reconcile.repaired") else flow
        return self.doing or flow

    @property
    def name(self) -> str:
        nth = f":{self.nth}" if self.nth > 1 else ""
        when = f"{self.kill_after * 1000:.0f}ms" if self.kill_after else "no-kill"
        again = f" then {self.again}" if self.again else ""
        doing = f" in {self.doing}" if self.doing else ""
        return f"{self.point or when}{nth}{doing}{again} {self.fault} {self.side} {self.seed}"


@dataclass
class Result:
    """What a case did. `acted` counts how often the exchange really misbehaved."""

    case: Case
    kills: int = 0
    acted: int = 0
    verdict: invariants.Verdict = field(default_factory=lambda: invariants.Verdict((), 0))
    log: str = ""

    def failure(self) -> str:
        """Everything a person needs to see what went wrong."""
        lines = "\n  ".join(self.verdict.differences)
        return f"{self.case.name}: the books differ\n  {lines}\n{self.log}"


class Play:
    """Plays one case on an account of its own."""

    def __init__(self, case: Case, house: House, folder: Path, forge: Forge, plain: bool) -> None:
        self.case, self.house, self.plain = case, house, plain
        self.chance = random.Random(f"{case.point}{case.fault}{case.side}{case.seed}")
        config = {"settle": CONFIG + TIGHT_EXITS, "day": BUSY_DAY}.get(case.flow, CONFIG)
        self.account = Account(house, folder, forge, config)
        self.code, self.other = self.chance.sample(STOCKS, 2)
        self.foreign: set[int] = set()
        self.result = Result(case)
        self.strange: list[str] = []

    def run(self) -> Result:
        flows: dict[str, Callable[[], None]] = {
            "place": self._place,
            "amend": self._amend,
            "cancel": self._cancel,
            "follow": self._follow,
            "settle": self._settle,
            "reconcile": self._reconcile,
            "repair": self._repair,
            "day": self._day,
            "flatten": self._flatten,
        }
        try:
            flows[self.case.flow]()
            self._restart()
        finally:
            self.house.lift()
            self.account.close()
        self.result.log = self.account.told()
        return self.result

    # --- what is under way when it happens ----------------------------------------------------

    def _place(self) -> None:
        argv = self._order()
        self._prepare()
        self._attack(*argv)

    def _follow(self) -> None:
        argv = ["order", self.case.side.lower(), self.code, str(self._quantity()), "--market"]
        self._prepare()
        self._attack(*argv, "--wait")

    def _amend(self) -> None:
        name = self._resting()
        last, lower, upper = self.account.prices(self.code)
        near = self.chance.random() < 0.4  # where it fills at once
        price = last if near else self._far(last, lower, upper, 0.05)
        self._attack("order", "amend", name, "--price", str(ticks.round_down(price)))

    def _cancel(self) -> None:
        quantity = ["--quantity", "2"] if self.chance.random() < 0.3 else []
        self._attack("order", "cancel", self._resting(), *quantity)

    def _settle(self) -> None:
        """A whole cycle, which sells what is held because its exits are so tight."""
        self._prepare(hold=True)
        self._attack("run", "--once")

    def _reconcile(self) -> None:
        """First an order whose outcome nobody knows, then a death while that is found out."""
        argv = self._order()
        self._prepare()
        self._fault()
        if self.case.fault == NOTHING or FAULTS[self.case.fault].target != ORDER:
            self._kt(*argv, KT_CRASH_AT="place.sent")
        else:
            self._kt(*argv)
        self._attack(*invariants.NOTHING_TO_DO)

    def _repair(self) -> None:
        """Somebody else has traded on the account; kt dies while it takes that over."""
        self._prepare(hold=True)
        self.foreign.add(self.account.trade(self.case.side, self.code, 2))
        self.foreign.add(self.account.trade("BUY", self.other, 3))
        self.account.truth()
        self._attack(*invariants.NOTHING_TO_DO)

    def _day(self) -> None:
        """The trading day at its busiest; one that is not killed is ended after a while."""
        self._prepare(hold=True)
        self._attack("run", ends_after=DAY_SECONDS)

    def _flatten(self) -> None:
        """Something held, something open; kt dies while it sells and takes back everything."""
        self._prepare(hold=True)
        last, lower, _ = self.account.prices(self.other)
        price = max(lower, ticks.round_down(int(last * 0.9)))
        self._kt("order", "buy", self.other, "3", "--price", str(price))
        self._attack("flatten")

    def _after_flatten(self) -> None:
        """A flatten that was cut short is begun again, and then nothing is left."""
        ran = self._kt("flatten")
        truth = self.account.truth()
        if ran.code not in (0, 5, 7) or (ran.code == 0 and (truth.held or truth.open)):
            self.strange.append(f"strange: flatten ended with {ran.code}, {truth.held} are held")
        stop = self.account.rows("SELECT mode FROM halts ORDER BY seq DESC LIMIT 1")
        if not stop or stop[0]["mode"] != "halt":
            self.strange.append(f"strange: after flatten the stop is {stop}")

    # --- pieces ---------------------------------------------------------------------------

    def _quantity(self) -> int:
        return self.chance.choice((1, 3, 7, 12))

    def _order(self) -> list[str]:
        """A command that orders: at market, where it fills at once, or where it rests."""
        last, lower, upper = self.account.prices(self.code)
        kind = self.chance.choice(("market", "through", "resting"))
        argv = ["order", self.case.side.lower(), self.code, str(self._quantity())]
        if kind == "market":
            argv.append("--market")
        elif kind == "through":
            through = 1.02 if self.case.side == "BUY" else 0.98
            argv += ["--price", str(ticks.round_down(int(last * through)))]
        else:
            argv += ["--price", str(self._far(last, lower, upper, 0.07))]
        return argv + (["--wait"] if self.chance.random() < 0.4 else [])

    def _far(self, last: int, lower: int, upper: int, part: float) -> int:
        """A price on the order's own side of the market, inside the day's limits."""
        if self.case.side == "BUY":
            return max(lower, ticks.round_down(int(last * (1 - part))))
        return min(upper, ticks.round_up(int(last * (1 + part))))

    def _prepare(self, *, hold: bool = False) -> None:
        """What can be sold must be held first."""
        if self.case.side == "SELL" or hold:
            done = self._kt("order", "buy", self.code, "15", "--market", "--wait")
            if done.code:
                self.strange.append(f"strange: the first purchase ended with {done.code}")

    def _resting(self) -> str:
        """An open order of kt's, far from the market; its id."""
        self._prepare()
        last, lower, upper = self.account.prices(self.code)
        price = self._far(last, lower, upper, 0.08)
        self._kt("order", self.case.side.lower(), self.code, "5", "--price", str(price))
        found = self.account.orders("state = 'ACKED'")
        if not found:
            raise AssertionError(f"no order rests:\n{self.account.told()}")
        return str(found[-1]["order_id"])

    def _attack(self, *argv: str, ends_after: float = 0.0) -> None:
        """The command that is killed, or meets the fault."""
        if not any(rule["acted"] or rule["matched"] for rule in self.house_rules()):
            self._fault()
        point = self.case.point
        nth = f":{self.case.nth}" if self.case.nth > 1 else ""
        env = {"KT_CRASH_AT": point + nth} if point else {}
        self._kt(*argv, kill_after=self.case.kill_after, ends_after=ends_after, **env)

    def house_rules(self) -> list[Row]:
        return self.house.control.faults()

    def _fault(self) -> None:
        flow, side = self.case.flow, self.case.side
        many = flow in ("settle", "day", "flatten")
        api = APIS.get(flow, "orders" if many else APIS[side])
        self.house.fault(
            *({**rule, "api": api} if rule.get("api") == "" else rule for rule in self._rules())
        )

    def _rules(self) -> tuple[Row, ...]:
        return FAULTS[self.case.fault].rules

    def _lift(self) -> None:
        self.result.acted += sum(rule["acted"] for rule in self.house.lift())

    def _kt(self, *argv: str, kill_after: float = 0.0, ends_after: float = 0.0, **env: str) -> Ran:
        slow = self.case.fault.startswith("time-out")
        env |= {ANSWER_SECONDS: "0.7"} if slow else {}
        running = self.account.start(*argv, plain=self.plain and not slow, **env)
        if kill_after and not running.ended(kill_after):
            running.kill()
        elif ends_after and not running.ended(ends_after):
            running.signal(signal.SIGTERM)
        ran = self.account.kept(running.wait())
        self.result.kills += ran.killed
        if ran.killed and not (kill_after or env.get("KT_CRASH_AT")):
            self.strange.append(f"strange: kt {' '.join(argv)} was killed by somebody else")
        if "unexpected error" in ran.err or "Traceback" in ran.err:
            self.strange.append(f"strange: kt {' '.join(argv)} has a fault of its own")
        return ran

    # --- and then ---------------------------------------------------------------------------

    def _restart(self) -> None:
        """kt starts again as it would: the first thing an order command does is to reconcile.

        A market that moves between our look and kt's is no fault of kt's: looked at again.
        """
        stays = FAULTS[self.case.fault].stays or self.chance.random() < 0.2
        if not stays:
            self._lift()
        if self.case.again:
            self._kt(*invariants.NOTHING_TO_DO, KT_CRASH_AT=self.case.again)
        if self.chance.random() < 0.3:
            self._kt("order", "list")  # a quick look must do no harm
        self._again(in_trouble=stays)
        self._lift()
        if self.case.flow == "flatten":
            self._after_flatten()
        for _ in range(3):
            before = self.account.truth()
            self._again()
            after = self.account.truth()
            if before == after:
                break
        verdict = invariants.examine(self.account, after, self.foreign)
        if verdict.leftovers and not verdict.differences:
            self._resolve(after)
        self.result.verdict = invariants.Verdict(
            (*self.strange, *verdict.differences), verdict.leftovers
        )

    def _resolve(self, truth: Truth) -> None:
        """A person looks at the broker and says what became of each; then nothing is left."""
        for row in self.account.orders("state = 'UNKNOWN'"):
            known = {number for order in self.account.orders() for number in order["numbers"]}
            found = [
                listed.number
                for listed in truth.orders
                if invariants.fits(row, listed) and listed.number not in known | self.foreign
            ]
            word = ("--placed", f"{found[0]:07d}") if found else ("--not-placed",)
            self._kt("order", "resolve", row["order_id"], *word)
        self._again()
        verdict = invariants.examine(self.account, self.account.truth(), self.foreign)
        if verdict.leftovers or verdict.differences:
            self.strange.append(f"strange: after a person's word: {verdict}")

    def _again(self, *, in_trouble: bool = False) -> None:
        """An order command that finds nothing to do after it has reconciled; `in_trouble`, while
        the exchange still misbehaves, it may find that it cannot."""
        ran = self._kt(*invariants.NOTHING_TO_DO)
        if ran.code not in ((2, 9) if in_trouble else (2,)):
            self.strange.append(f"strange: the start ended with {ran.code}")


def play(case: Case, house: House, folder: Path, forge: Forge, *, plain: bool = False) -> Result:
    """Play a case; `plain` runs `python -m kt` itself."""
    return Play(case, house, folder, forge, plain).run()


def by_seed(seed: int) -> Case:
    """One of all possible cases: a named kill, one at any moment, or none; of one command, of a
    flatten, or of the trading day."""
    chance = random.Random(seed)
    fault, side = chance.choice(tuple(FAULTS)), chance.choice(SIDES)
    again = chance.choice(RECOVERY) if chance.random() < 0.25 else ""
    kind, doing = chance.random(), chance.choice(("", "", "", "", "", "day", "flatten"))
    nth = chance.choice((1, 1, 1, 2, 3))
    if kind < 0.7:
        return Case(chance.choice(POINTS), fault, side, seed, nth, again=again, doing=doing)
    longest = 4.0 if doing == "day" else 0.5
    if kind < 0.9 or doing == "day":  # a day must end somehow
        moment = chance.uniform(0.01, longest)
        return Case("", fault, side, seed, kill_after=moment, again=again, doing=doing)
    return Case("", fault, side, seed, again=again, doing=doing)
