"""One cycle, end to end on the embedded exchange: from rankings to a filled, watched position."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kt.analyst.rules import RulesAnalyst
from kt.config.model import Config
from kt.engine.cycle import CycleReport, run_cycle
from kt.errors import AuthError, Unreachable
from kt.ports import SealedGateway
from kt.records import AdviceRequest, AnalystReply, OrderState, Ranking, StreamEvent
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.steps.context import Context
from kt.steps.decide import scan
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, OPEN, SAMSUNG, ExchangeStream, ListNotifier, PumpedClock, World


class Floor:
    """The embedded exchange in this process, with everything that looks at it."""

    def __init__(self, folder: Path, config: Config | None = None) -> None:
        from kt.store.journal import SqliteJournal

        self.folder = folder
        self.clock = PumpedClock(OPEN)
        self.exchange = Exchange(clock=self.clock, seed=1)
        self.journal = SqliteJournal(folder / "kt.db", self.clock, folder / "halt.json", "sim")
        self.notifier = ListNotifier()
        account = ExchangeBroker(self.exchange, "kt")
        self.ctx = Context(
            run="RUN",
            config=config or Config(),
            clock=self.clock,
            market=self.exchange.market,
            broker=account,
            gateway=SealedGateway(account),
            journal=self.journal,
            analyst=RulesAnalyst(self.clock),
            baseline=RulesAnalyst(self.clock),
            notifier=self.notifier,
        )
        self.events: queue.Queue[StreamEvent] = queue.Queue()
        self.stream = ExchangeStream(self.exchange, self.clock, "kt", most=5)
        self.stream.start(self.events.put)

    def cycle(self) -> CycleReport:
        return run_cycle(self.ctx, self.events)


@dataclass(frozen=True)
class Ran:
    """Two cycles on one floor: looked at by many tests, changed by none."""

    floor: Floor
    first: CycleReport
    second: CycleReport
    profits: tuple[dict[str, int], dict[str, int]]
    """By stock after the first cycle: kt's, and the exchange's."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    floor = Floor(tmp_path_factory.mktemp("floor"))
    first = floor.cycle()
    profits = (
        {position.stock_code: position.profit for position in floor.journal.positions()},
        {held.stock_code: held.profit for held in floor.ctx.broker.holdings().items},
    )
    floor.clock.advance(20)
    second = floor.cycle()
    floor.journal.flush()
    yield Ran(floor, first, second, profits)
    floor.journal.close()


def test_a_cycle_fills_an_order_and_watches_it(ran: Ran) -> None:
    report = ran.first
    assert [step.name for step in report.steps if step.outcome != "done"] == []
    filled = [order for order in report.orders if order.state is OrderState.FILLED]
    assert filled, "seed 1 has something worth buying"
    positions = {position.stock_code: position for position in report.positions}
    for order in filled:
        position = positions[order.stock_code]
        assert position.quantity == order.filled_quantity
        assert 0 < position.stop_price < position.average_price < position.target_price
    assert report.day is not None
    assert report.day.bought == sum(order.filled_value for order in report.orders)


def test_the_books_agree_with_the_exchange_to_the_won(ran: Ran) -> None:
    ours, theirs = ran.profits
    assert ours == theirs != {}


def test_a_second_cycle_finds_the_books_agreeing(ran: Ran) -> None:
    assert ran.second.reconciliation is not None
    assert ran.second.reconciliation.differences == ()
    held = {position.stock_code for position in ran.first.positions}
    assert {d.stock_code for d in ran.second.decisions} >= held, "what is held is asked about"


def test_a_cycle_journals_every_step_and_result(ran: Ran) -> None:
    names = (
        "scans", "candidates", "ai_calls", "decisions", "checks", "orders", "fills", "positions",
        "exits", "pnl_daily", "steps",
    )  # fmt: skip
    connection = sqlite3.connect(ran.floor.folder / "kt.db")
    counted = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
    }
    connection.close()
    assert all(counted.values()), counted
    assert counted["scans"] == 6
    assert counted["decisions"] == len(ran.first.decisions) + len(ran.second.decisions)
    decided = {decision.decision_id for decision in ran.first.decisions}
    assert {order.decision_id for order in ran.first.orders} <= decided


def test_a_cycle_without_stream_frames_ends_with_the_same_orders(ran: Ran, tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    floor.stream.muted = True
    report = floor.cycle()
    floor.journal.close()
    said = [(o.side, o.stock_code, o.quantity, o.price, o.state) for o in report.orders]
    assert said == [(o.side, o.stock_code, o.quantity, o.price, o.state) for o in ran.first.orders]


def test_nothing_is_sent_in_test_mode(tmp_path: Path) -> None:
    floor = Floor(tmp_path, Config(dry_run=True))
    report = floor.cycle()
    assert report.orders
    assert {(order.state, order.code) for order in report.orders} == {
        (OrderState.DENIED, "TEST_MODE")
    }
    assert floor.ctx.broker.day_orders() == ()
    floor.journal.close()


# a cycle where things go wrong


def test_after_a_failed_scan_exits_still_run(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    for ranking in Ranking:
        world.market.failing[f"ranking.{ranking.value}"] = Unreachable("no rankings")
    world.analyst.answers = [{SAMSUNG: fakes.sell(quantity=4)}]
    report = run_cycle(world.ctx)
    assert [step.name for step in report.failed] == ["scan fast"]
    assert [(order.side, order.quantity) for order in report.orders] == [("SELL", 4)]


def test_a_failed_analysis_places_nothing(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.analyst.error = "unavailable: 503 overloaded"
    report = run_cycle(world.ctx)
    assert report.candidates == ()
    assert {decision.action for decision in report.decisions} == {"ABSTAIN"}
    assert all("503" in decision.faults[0] for decision in report.decisions)
    assert world.broker.sent == []
    (told,) = [step.detail for step in report.steps if step.name == "analyze"]
    assert "1 ABSTAIN because scripted had a fault: 503 overloaded" in told
    (told,) = [step.detail for step in report.steps if step.name == "scan ai"]
    assert told == "0 candidates because scripted had a fault: 503 overloaded"


@pytest.mark.parametrize("error", ["timeout: 60 s", "auth: 403 leaked", "defect: x"])
def test_after_a_failed_analysis_the_steps_for_positions_still_run(
    world: World, error: str
) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    run_cycle(world.ctx)
    world.market.prices[SAMSUNG] = 65_000
    world.analyst.error = error
    report = run_cycle(world.ctx)
    assert [(o.side, o.quantity, o.origin) for o in report.orders] == [("SELL", 10, "stop_loss")]
    names = [step.name for step in report.steps]
    for name in ("exits", "unfilled", "settle", "compare", "learn"):
        assert name in names
    assert report.failed == ()


def test_what_is_held_comes_before_scans_and_the_analyst(world: World) -> None:
    """A stop is not kept waiting, and a profit that the analyst is asked about waits for no one
    but itself."""
    for code, price in ((SAMSUNG, 70_000), (HYNIX, 180_000)):
        world.broker.hold(code, 10, price)
    run_cycle(world.ctx)
    world.market.prices |= {SAMSUNG: 66_000, HYNIX: 200_000}
    sent_when_asked: list[list[tuple[str, str]]] = []
    advise = world.analyst.advise

    def watched(request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        sold = [(o.stock_code, o.origin) for o in world.journal.orders() if o.side == "SELL"]
        sent_when_asked.append(sold)
        return advise(request, faults)

    world.analyst.advise = watched  # type: ignore[method-assign]
    report = run_cycle(world.ctx)
    assert sent_when_asked[0] == [(SAMSUNG, "stop_loss")]
    names = [step.name for step in report.steps]
    assert names.index("exits") < names.index("unfilled") < names.index("scan fast")


def test_what_the_analyst_did_not_choose_is_not_bought(world: World) -> None:
    world.analyst.picks = ()
    world.analyst.answers = [{SAMSUNG: fakes.buy()}]
    report = run_cycle(world.ctx)
    assert (report.candidates, report.orders, report.failed) == ((), (), ())


def test_a_cycle_does_not_begin_when_the_books_cannot_be_compared(world: World) -> None:
    world.broker.failing["holdings"] = Unreachable("gone")
    with pytest.raises(Unreachable):
        run_cycle(world.ctx)
    assert world.market.asked == []


def test_a_refused_token_ends_the_cycle(world: World) -> None:
    world.market.failing["ranking.volume"] = AuthError("8001")
    with pytest.raises(AuthError):
        run_cycle(world.ctx)


def test_a_cycle_sells_what_is_below_its_stop(world: World) -> None:
    world.broker.fill_at_once = True
    world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    run_cycle(world.ctx)
    assert [p.quantity for p in world.journal.positions()] == [10]
    world.market.prices[SAMSUNG] = 66_000
    world.clock.advance(30)
    report = run_cycle(world.ctx)
    (order,) = report.orders
    assert (order.side, order.quantity, order.origin, order.state) == (
        "SELL", 10, "stop_loss", OrderState.FILLED,
    )  # fmt: skip
    assert "66,000 <= stop 66,500" in order.reason
    assert world.journal.positions() == ()


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_outcome_is_looked_for_and_shown(world: World, taken: bool) -> None:
    world.analyst.answers = [{SAMSUNG: fakes.buy()}]
    world.broker.outcomes = [fakes.unknown()]
    world.broker.taken = taken
    report = run_cycle(world.ctx)
    assert [order.stock_code for order in report.unknown] == ([] if taken else [SAMSUNG])
    assert [order.state for order in report.orders] == ["ACKED" if taken else "UNKNOWN"]


def test_the_steps_in_the_pipe_do_what_the_cycle_does(world: World) -> None:
    fast = scan.fast(world.ctx).candidates
    found = scan.shortlist(world.ctx, scan.deep(world.ctx, fast).candidates).candidates
    report = run_cycle(world.ctx)
    assert [c.stock_code for c in report.candidates] == [c.stock_code for c in found]
    assert check.check(world.ctx, report.decisions) == ()
