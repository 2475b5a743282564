"""What was answered survives: restarts, kills, and clocks that begin elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.clock import ManualClock
from kt.errors import ConfigError, KtError
from kt.records import CancelTicket, OutcomeStatus
from kt.rules import ticks
from kt.sim.exchange import Exchange, ExchangeBroker, last_seen
from tests.sim.scene import CODE, DAY, STATEFUL, at, buy, mine, opened, sell

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def files_are_let_go() -> Iterator[None]:
    """Without a last save, which would write an older exchange over a newer one."""
    yield
    while STATEFUL:
        state = STATEFUL.pop()._state
        assert state is not None
        state.close()


def reopened(state: Path, exchange: Exchange) -> Exchange:
    """The same file at the same time, without a word from the first exchange."""
    return opened(exchange.now(), state=state)[0]


def everything(exchange: Exchange) -> tuple[object, ...]:
    broker = ExchangeBroker(exchange, "a")
    return (
        broker.account(),
        broker.deposit(),
        broker.holdings(),
        broker.open_orders(),
        broker.day_orders(),
        broker.executions(),
        broker.realised(CODE),
        broker.returns(),
        exchange.market.book(CODE),
        exchange.session,
    )


def test_a_restart_knows_everything(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    exchange, clock = opened(state=state)
    broker = ExchangeBroker(exchange, "a")
    price = exchange.market.quote(CODE).price
    buy(broker, 60)
    waiting = buy(broker, 10, ticks.step(price, -50))
    clock.advance(40)
    sell(broker, 20)
    clock.advance(0.9)
    sell(broker, 10)
    after = everything(reopened(state, exchange))
    assert after == everything(exchange)
    again = reopened(state, exchange)
    done = ExchangeBroker(again, "a").cancel(CancelTicket(ord_no=waiting.ord_no, stock_code=CODE))
    assert done.status is OutcomeStatus.ACKED
    assert int(done.ord_no) == int(waiting.ord_no) + 3


def test_waiting_orders_fill_after_a_restart_as_without_one(tmp_path: Path) -> None:
    """Also the queue before an order is where it was."""
    results = []
    for restart in (False, True):
        state = tmp_path / f"{restart}.db"
        exchange, clock = opened(at(10), state=state)
        price = exchange.market.quote(CODE).price
        broker = ExchangeBroker(exchange, "a")
        for steps in (0, 1, 2, 3):
            buy(broker, 25, ticks.step(price, -steps))
        for minute in range(1, 30):
            clock.set(at(10, minute))
            exchange.advance()
            if restart and minute % 4 == 0:
                exchange, clock = opened(at(10, minute), state=state)
        clock.advance(1)
        results.append(ExchangeBroker(exchange, "a").executions())
    assert results[0]
    assert results[0] == results[1]


def test_the_market_moves_on_while_the_exchange_is_stopped(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    exchange, _ = opened(at(10), state=state)
    buy(ExchangeBroker(exchange, "a"), 10, exchange.market.quote(CODE).bid)
    later, _ = opened(at(14), state=state)
    assert [fill.quantity for fill in ExchangeBroker(later, "a").executions()]
    tomorrow, _ = opened(at(10, day=1), state=state)
    assert tomorrow.session == 1
    assert ExchangeBroker(tomorrow, "a").holdings().items[0].quantity == 10
    assert ExchangeBroker(tomorrow, "a").day_orders() == ()


def test_a_clock_that_begins_earlier_begins_the_next_session(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    exchange, clock = opened(state=state)
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    number = buy(broker, 1, ticks.step(exchange.market.quote(CODE).price, -50)).ord_no
    clock.set(at(14))
    exchange.close()
    again, _ = opened(at(10), state=state)
    assert again.session == 1
    broker = ExchangeBroker(again, "a")
    assert broker.holdings().items[0].quantity == 10
    assert broker.open_orders() == ()
    assert int(buy(broker, 1).ord_no) == int(number) + 1
    assert again.market.quote(CODE).at == at(10)


def test_last_seen_is_where_a_clock_may_go_on(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    assert last_seen(state) is None
    exchange, clock = opened(state=state)
    clock.set(at(13, 7))
    exchange.close()
    assert last_seen(state) == at(13, 7)


def test_another_seed_is_another_market(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    opened(state=state)[0].close()
    with pytest.raises(ConfigError, match="made with seed 1, not 2") as caught:
        opened(state=state, seed=2)
    assert "--seed 1" in str(caught.value.hint)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    state.write_bytes(b"not a database at all" * 100)
    with pytest.raises(KtError, match="cannot be opened"):
        opened(state=state)
    with pytest.raises(KtError, match="cannot be opened"):
        opened(state=tmp_path)


def test_a_change_that_cannot_be_saved_is_not_acknowledged(tmp_path: Path) -> None:
    exchange, _ = opened(state=tmp_path / "exchange.db")
    broker = ExchangeBroker(exchange, "a")
    state = exchange._state
    assert state is not None
    state.close()
    with pytest.raises(KtError, match="cannot be written"):
        buy(broker, 1)


def test_accounts_are_kept_apart(tmp_path: Path) -> None:
    exchange, _ = opened(state=tmp_path / "exchange.db", cash=3_000_000)
    first, second = ExchangeBroker(exchange, "a"), ExchangeBroker(exchange, "b")
    assert first.account() != second.account()
    assert len(first.account()) == 10
    assert buy(first, 10).status is OutcomeStatus.ACKED
    assert second.deposit().orderable == 3_000_000
    assert second.holdings().items == ()
    assert mine(exchange, "b") == []


CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from tests.sim.scene import CODE, at, buy, opened
from kt.rules import ticks
from kt.sim.exchange import ExchangeBroker

exchange, clock = opened(state=Path(sys.argv[1]), cash=10**9)
broker = ExchangeBroker(exchange, "a")
price = exchange.market.quote(CODE).price
while True:
    for steps in (3, -40):
        print(buy(broker, 3, ticks.step(price, steps)).ord_no, flush=True)
"""


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(state)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    answered = [child.stdout.readline().strip() for _ in range(60)]
    child.send_signal(signal.SIGKILL)
    answered += child.stdout.read().split()
    child.wait()
    child.stdout.close()
    exchange, clock = opened(at(10, 0, 7), state=state, cash=10**9)
    clock.advance(1)
    broker = ExchangeBroker(exchange, "a")
    known = {row.ord_no: row for row in broker.day_orders()}
    # The last line may have been cut in the middle by the kill.
    whole = [number for number in answered if len(number) == 7]
    assert set(whole) <= set(known)
    assert len(known) - len(whole) <= 1
    filled = sum(row.filled_quantity for row in known.values())
    assert filled > 0
    assert filled == sum(fill.quantity for fill in broker.executions())
    assert filled == broker.holdings().items[0].quantity
    spent = sum(fill.quantity * fill.price + fill.fee for fill in broker.executions())
    assert broker.deposit().d2_cash == 10**9 - spent
    assert int(buy(broker, 1).ord_no) == max(map(int, known)) + 1


def test_the_day_is_the_anchor_not_the_market() -> None:
    """Another date, the same prices: the first try is the same on every day."""
    one, _ = opened(at(10))
    other, _ = opened(at(10, day=7))
    assert one.market.ranking.__self__ is not other.market.ranking.__self__  # type: ignore[attr-defined]
    quotes = [exchange.market.quote(CODE) for exchange in (one, other)]
    assert quotes[0].price == quotes[1].price
    assert quotes[0].volume == quotes[1].volume
    assert (quotes[1].at or DAY).date() != (quotes[0].at or DAY).date()


def test_a_market_without_signals_is_another_market(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    opened(state=state)
    with pytest.raises(ConfigError, match="made with signals on") as caught:
        Exchange(clock=ManualClock(at(11)), signals=False, state_path=state)
    assert "simulator.signals" in str(caught.value.hint)
