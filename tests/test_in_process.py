"""The broker's adapters on the exchange in the same process: the same wire, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kt.broker.latency import ACCOUNT, MARKET, ORDER, STOCK_LIST, TOKEN, Latency, median
from kt.broker.stream.groups import Groups
from kt.config.load import build_config
from kt.errors import BrokerRefused, Unreachable
from kt.ports.patience import within
from kt.records import (
    KST,
    LatencyStage,
    OrderIntent,
    OrderNotice,
    OrderTicket,
    OrderType,
    Origin,
    Side,
    StreamEvent,
    StreamKind,
    StreamState,
    Tick,
)
from kt.rules.latency_figures import by_stage
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from kt.virtual_app import VirtualApp
from kt.virtual_time import VirtualTime

SAMSUNG = "005930"
TEN = datetime(2026, 1, 5, 10, tzinfo=KST)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[VirtualApp]:
    given = {"state_dir": str(tmp_path), "simulator": {"seed": "7"}, "analyst": {"kind": "rules"}}
    time = VirtualTime(TEN)
    with time.driving():
        made = VirtualApp(build_config(given, {}, {}), {}, lambda line: None, time)
        yield made
        time.close()
        made.close()


def calls(app: VirtualApp) -> list[tuple[str, int]]:
    app.journal.flush()
    rows = app.journal.events(kinds=("api_call",), limit=1000)
    return [(row["api_id"], row["milliseconds"]) for row in rows]


def test_a_query_takes_the_time_of_the_model(app: VirtualApp) -> None:
    app.context("test")
    began = app.clock.monotonic()
    quote = app.market.quote(SAMSUNG)
    took = app.clock.monotonic() - began
    assert quote.price > 0
    expected = Latency(7)
    token, query = expected.request("au10001"), expected.request("ka10001")
    assert took == pytest.approx(sum(token) + sum(query), abs=1e-5)
    assert calls(app) == [
        ("au10001", round(sum(token) * 1000)),
        ("ka10001", round(sum(query) * 1000)),
    ]


def test_an_answer_after_the_deadline_is_none(
    app: VirtualApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.context("test")
    app.market.quote(SAMSUNG)
    monkeypatch.setattr(app.latency, "request", lambda api_id: (0.1, 60.0))
    began = app.clock.monotonic()
    with pytest.raises(Unreachable, match="read timeout"), within(2.0):
        app.market.quote(SAMSUNG)
    assert app.clock.monotonic() - began == pytest.approx(2.0, abs=1e-3)


def test_the_stream_brings_prices_and_the_accounts_own_orders(app: VirtualApp) -> None:
    seen: list[StreamEvent] = []
    stream = app.stream()
    stream.start(seen.append)
    stream.subscribe((StreamKind.ORDERS,))
    stream.subscribe((StreamKind.TRADE,), (SAMSUNG,))
    app.time.sleep(30)
    assert isinstance(seen[0], StreamState) and seen[0].state == "connected"
    ticks = [event for event in seen if isinstance(event, Tick)]
    assert len(ticks) > 5 and {tick.stock_code for tick in ticks} == {SAMSUNG}
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    ticket = OrderTicket(
        stock_code=SAMSUNG, side=Side.BUY, quantity=1, price=0, order_type=OrderType.MARKET
    )
    outcome = app.kiwoom.place(ticket)
    app.time.sleep(1)
    notices = [event for event in seen if isinstance(event, OrderNotice)]
    assert outcome.ord_no and {notice.ord_no for notice in notices} == {outcome.ord_no}
    assert notices[-1].fill_quantity == 1
    stream.unsubscribe((StreamKind.TRADE,), (SAMSUNG,))
    count = len(seen)
    app.time.sleep(30)
    assert len(seen) == count
    stream.close()
    with pytest.raises(Unreachable):
        stream.subscribe((StreamKind.TRADE,), (SAMSUNG,))


def test_what_the_exchange_refuses_to_register_is_said(app: VirtualApp) -> None:
    stream = app.stream()
    stream.start(lambda event: None)
    stream.subscribe((StreamKind.TRADE,), [f"{place:06d}" for place in range(100)])
    stream._groups = Groups()  # type: ignore[attr-defined]  # what is registered is forgotten
    with pytest.raises(BrokerRefused, match="TRADE"):
        stream.subscribe((StreamKind.TRADE,), ["999999"])


def test_the_rate_limit_paces_in_virtual_time(app: VirtualApp) -> None:
    app.context("test")
    began = app.clock.monotonic()
    for _ in range(20):
        app.market.book(SAMSUNG)
    took = app.clock.monotonic() - began
    assert 2.0 < took < 8.0, "five a second, whatever the machine needs"


def test_the_model_knows_every_kind_of_call() -> None:
    assert median("kt10000") == ORDER
    assert median("kt00018") == ACCOUNT
    assert median("ka10004") == median("no such") == MARKET
    assert median("ka10099") == STOCK_LIST
    assert median("au10001") == TOKEN


def test_latencies_depend_on_seed_and_api_alone() -> None:
    one, two, other = Latency(1), Latency(1), Latency(2)
    drawn = [one.request("ka10004") for _ in range(3)]
    two.request("kt10000")
    assert [two.request("ka10004") for _ in range(3)] == drawn
    assert other.request("ka10004") != drawn[0]
    times = sorted(sum(one.request("ka10001")) for _ in range(2000))
    assert times[1000] == pytest.approx(MARKET, rel=0.1)
    assert times[1900] == pytest.approx(2.3 * MARKET, rel=0.15)


def test_condition_searches_go_over_the_same_stream(app: VirtualApp) -> None:
    stream = app.stream()
    stream.start(lambda event: None)
    names = app.searches.names()
    assert names
    assert all(found.stock_code for found in app.searches.matches(names[0]))
    stream.close()
    assert app.searches.names() == names, "over a stream of its own"


def test_the_journal_keeps_the_times_of_an_order_of_the_exchange(app: VirtualApp) -> None:
    """From the send to the answer lies the time of the model; the stages follow each other."""
    ctx = app.context("test")
    price = ctx.market.book(SAMSUNG).asks[1].price
    intent = OrderIntent(
        side=Side.BUY, stock_code=SAMSUNG, quantity=1, price=price,
        order_type=OrderType.LIMIT, origin=Origin.MANUAL,
    )  # fmt: skip
    seen: list[StreamEvent] = []
    stream = app.stream()
    stream.start(seen.append)
    stream.subscribe((StreamKind.ORDERS,))
    began = app.clock.now()
    order = place.place(ctx, check.check_order(ctx, intent))
    assert order.ord_no, order.message
    app.time.sleep(5)
    for notice in seen:
        if isinstance(notice, OrderNotice):
            order_tracking.on_notice(ctx, notice)
    stream.close()
    rows = {
        row.stage: row.max_ms
        for row in by_stage(ctx.journal.order_timings(began, TEN + timedelta(days=1)))
    }
    (call,) = (took for api_id, took in calls(app) if api_id == "kt10000")
    assert rows[LatencyStage.ANSWER] == pytest.approx(call, abs=1)
    assert rows[LatencyStage.SEND] > 0 and rows[LatencyStage.FILL] > 0
    assert LatencyStage.TICK not in rows
