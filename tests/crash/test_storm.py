"""Everything at once, by hand: a trading day, two people who type, faults that come and go, and
kills at any moment; afterwards kt's books are the broker's.

    pytest -m soak tests/crash/test_storm.py -s

`STORM_RUNS` (20) seeds from `STORM_FIRST` (1) on.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from kt.rules import ticks
from tests.crash.cases import BUSY_DAY, FAULTS
from tests.crash.house import Account, House
from tests.crash.invariants import NOTHING_TO_DO, examine
from tests.crash.stage import Stage

SECONDS = 8.0
"""Real seconds that a storm lasts: more than a minute of the exchange's."""
STOCKS = ("015760", "316140", "011200", "034020")
FIRST = int(os.environ.get("STORM_FIRST", "1"))
RUNS = int(os.environ.get("STORM_RUNS", "20"))


class Storm:
    """One account, and everything that happens to it."""

    def __init__(self, seed: int, account: Account) -> None:
        self.account = account
        self.chance = random.Random(seed)
        self.end = time.monotonic() + SECONDS
        self.kills = self.commands = self.acted = 0
        self.lock = threading.Lock()
        self.prices = {code: account.prices(code) for code in STOCKS}

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.end

    def run(self) -> None:
        people = [
            threading.Thread(target=self.person, args=(self.chance.random(),)) for _ in range(2)
        ]
        others = [threading.Thread(target=self.day, args=(self.chance.random(),))]
        for thread in (*people, *others):
            thread.start()
        weather = random.Random(self.chance.random())
        while self.goes_on:
            name = weather.choice(tuple(FAULTS))
            rules = [{**rule, "api": rule["api"] or "orders"} if "api" in rule else rule
                     for rule in FAULTS[name].rules]  # fmt: skip
            self.account.house.fault(*rules)
            time.sleep(weather.uniform(0.2, 1.0))
            self.acted += sum(rule["acted"] for rule in self.account.house.lift())
        for thread in (*people, *others):
            thread.join()

    def day(self, seed: float) -> None:
        """The trading day, begun again whenever it was killed; sometimes by cron."""
        chance = random.Random(seed)
        while self.goes_on:
            argv = ("run",) if chance.random() < 0.7 else ("run", "--once", "--skip-if-running")
            self.command(argv, kill_after=chance.uniform(0.5, 4.0), chance=0.6, draw=chance)

    def person(self, seed: float) -> None:
        chance = random.Random(seed)
        while self.goes_on:
            argv = self.typed(chance)
            self.command(argv, kill_after=chance.uniform(0.02, 0.8), chance=0.25, draw=chance)

    def typed(self, chance: random.Random) -> tuple[str, ...]:
        code = chance.choice(STOCKS)
        last, lower, _ = self.prices[code]
        verb = chance.choice(("buy", "buy", "sell", "rest", "amend", "cancel", "list"))
        open_now = [row["order_id"] for row in self.account.orders("state IN ('ACKED', 'PARTIAL')")]
        if verb in ("amend", "cancel") and open_now:
            name = chance.choice(open_now)
            price = str(ticks.round_down(int(last * 0.95)))
            return ("order", verb, name, *(("--price", price) if verb == "amend" else ()))
        if verb == "rest":
            price = max(lower, ticks.round_down(int(last * 0.92)))
            return ("order", "buy", code, "2", "--price", str(price))
        if verb in ("buy", "sell"):
            wait = ("--wait",) if chance.random() < 0.5 else ()
            return ("order", verb, code, str(chance.choice((1, 3))), "--market", *wait)
        return ("order", "list")

    def command(
        self, argv: tuple[str, ...], *, kill_after: float, chance: float, draw: random.Random
    ) -> None:
        running = self.account.start(*argv, KT_TEST_ANSWER_SECONDS="0.7")
        killed = draw.random() < chance
        if not running.ended(kill_after if killed else max(0.0, self.end - time.monotonic())):
            running.kill() if killed else running.signal(signal.SIGTERM)
        ran = running.wait()
        with self.lock:
            self.account.kept(ran)
            self.commands += 1
            self.kills += ran.killed


def settled(account: Account) -> Any:
    """The verdict after kt has been started until nothing moves any more."""
    for _ in range(4):
        before = account.truth()
        ran = account.kt(*NOTHING_TO_DO)
        assert ran.code == 2, account.told()
        after = account.truth()
        if before == after:
            break
    return examine(account, after)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_a_storm_of_faults_keeps_every_invariant(stage: Stage, seed: int) -> None:
    house = House(stage.new_folder("exchange"), cash=10_000_000)
    with (
        closing(house),
        closing(Account(house, stage.new_folder("account"), stage.forge, BUSY_DAY)) as account,
    ):
        assert account.kt("order", "buy", STOCKS[0], "9", "--market", "--wait").code == 0
        storm = Storm(seed, account)
        storm.run()
        verdict = settled(account)
        print(
            f"storm {seed}: {storm.commands} commands, {storm.kills} kills, {storm.acted} faults, "
            f"{len(account.truth().orders)} orders, {verdict.leftovers} left to a person"
        )
        bad = [ran.told() for ran in account.ran if "unexpected error" in ran.err]
        assert not bad, "\n".join(bad)
        assert not verdict.differences, "\n".join((*verdict.differences, account.told()[-20000:]))
