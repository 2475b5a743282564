"""`kt run --once` each minute and one `kt run` of the same cadence on the same market come to the
same decisions; what differs between them is in `kt help cron`."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kt.analyst.rules import RulesAnalyst
from kt.config.model import Config, Cycle, Scan
from kt.engine.cycle import run_cycle
from kt.engine.day import Day
from kt.records import Decision, Order, Side, StreamEvent, StreamKind
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.sim.exchange.steering import Steer
from kt.steps.context import Context
from tests.engine.acting import at
from tests.fakes import ExchangeStream, PumpedClock, World

MINUTES = 6
EACH_MINUTE = Config(
    scan=Scan(fast_every=60, deep_every=60, ai_every=60, fast_keep=6, deep_keep=4, ai_keep=2),
    cycle=Cycle(every=60),
)
FIRST = at("10:00:01")
"""The second at which a run that starts at 10:00:00 decides first; cron's second is the same."""
FALLS_AT = at("10:04:20")
"""A moment between two cycles."""
FALLEN_PCT = 7


@dataclass(frozen=True)
class Told:
    """What the journal says in the end, oldest first."""

    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]

    def choices(self) -> list[tuple[datetime, str, str, int, int]]:
        return [
            (d.decided_at, d.stock_code, str(d.action), d.quantity, d.price) for d in self.decisions
        ]

    def sales(self) -> list[tuple[datetime, str, int, str]]:
        return [
            (o.created_at, o.stock_code, o.filled_quantity, str(o.origin))
            for o in self.orders
            if o.side is Side.SELL
        ]


class Market:
    """An exchange of the same seed for either way, on which one held stock falls."""

    def __init__(self, folder: Path, start: datetime, falls: bool) -> None:
        self.clock = PumpedClock(start, step=1)
        self.exchange = Exchange(clock=self.clock, seed=1)
        self.world = World(folder, EACH_MINUTE, clock=self.clock)
        if falls:
            self.clock.listeners.append(self._fall)

    def _fall(self) -> None:
        if self.clock.now() == FALLS_AT:
            held = min(self.world.journal.positions(), key=lambda position: position.stock_code)
            price = held.average_price * (100 - FALLEN_PCT) // 100
            self.exchange.steer(Steer(stock_code=held.stock_code, price=price // 100 * 100))

    def context(self, run: str) -> Context:
        return self.world.context(
            run=run,
            market=self.exchange.market,
            broker=ExchangeBroker(self.exchange, "kt"),
            analyst=RulesAnalyst(self.clock),
        )

    def stream(self) -> ExchangeStream:
        return ExchangeStream(self.exchange, self.clock, "kt", most=5)

    def told(self) -> Told:
        journal = self.world.journal
        journal.flush()
        return Told(journal.decisions_of(FIRST.date()), journal.orders()[::-1])


@contextmanager
def market(folder: Path, start: datetime, falls: bool) -> Iterator[Market]:
    folder.mkdir()
    made = Market(folder, start, falls)
    with closing(made.world):
        yield made


def by_cron(folder: Path, falls: bool) -> Told:
    """A process a minute: a run, a stream and a context of its own."""
    with market(folder, FIRST, falls) as made:
        for number in range(MINUTES):
            due = FIRST + timedelta(minutes=number)
            made.clock.advance((due - made.clock.now()).total_seconds())
            events: queue.Queue[StreamEvent] = queue.Queue()
            with closing(made.stream()) as stream:
                stream.start(events.put)
                run_cycle(
                    made.context(f"RUN{number}"),
                    events,
                    watch=lambda codes, at=stream: at.subscribe([StreamKind.TRADE], codes),
                )
        return made.told()


def by_one_run(folder: Path, falls: bool) -> Told:
    with market(folder, at("10:00"), falls) as made:
        day = Day(made.context("RUN"), made.stream)
        end = FIRST + timedelta(minutes=MINUTES, seconds=-10)
        made.clock.listeners.append(lambda: made.clock.now() >= end and day.stop())
        day.run()
        return made.told()


def test_a_cycle_each_minute_and_one_run_decide_the_same(tmp_path: Path) -> None:
    cron, run = by_cron(tmp_path / "cron", False), by_one_run(tmp_path / "run", False)
    assert cron.choices() == run.choices()
    assert len(cron.choices()) >= MINUTES
    assert "BUY" in {action for _, _, action, _, _ in cron.choices()}
    assert cron.sales() == run.sales() == []


def test_a_stop_between_two_minutes_is_what_differs(tmp_path: Path) -> None:
    """The run sells in that second, the next cycle at its minute; up to then both decide the same,
    and both sell the same. Afterwards what is held differs, and with it the decisions."""
    cron, run = by_cron(tmp_path / "cron", True), by_one_run(tmp_path / "run", True)
    before = [[c for c in told.choices() if c[0] < FALLS_AT] for told in (cron, run)]
    assert before[0] == before[1] != []
    (late, *sold), (soon, *also) = cron.sales()[0], run.sales()[0]
    assert sold == also
    assert sold[-1] == "stop_loss"
    assert FALLS_AT <= soon <= FALLS_AT + timedelta(seconds=2)
    assert late == FIRST + timedelta(minutes=5)
