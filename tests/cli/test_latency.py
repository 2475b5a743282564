"""kt latency: from real orders of a command line, on a terminal and in a pipe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from wcwidth import wcswidth

from kt.cli.show.latency_table import milliseconds
from kt.errors import ExitCode
from kt.records import OrderEventKind, OrderState, Origin
from tests.cli.front import Front
from tests.fakes import OPEN
from tests.store import make


@pytest.fixture
def kept(front: Front) -> Front:
    """A buy that was sent after 20 ms and answered after 90, its fill 30 ms later; a stop-loss of
    yesterday; and two calls."""
    journal, clock = front.world.journal, front.world.clock
    for number, (origin, day) in enumerate(((Origin.CYCLE, 0), (Origin.STOP_LOSS, 1))):
        began = OPEN - timedelta(days=day)
        order = make.order(
            f"O{number}", origin=origin, created_at=began, updated_at=began,
            tick_at=began - timedelta(milliseconds=4) if day else None,
        )  # fmt: skip
        journal.plan_order(order, make.event("PLANNED", order.order_id, at=began))
        journal.record(make.event("SENDING", order.order_id, at=began))
        answered = make.event(
            "ACKED", order.order_id, at=began + timedelta(milliseconds=90), ord_no="101"
        )
        journal.record(replace(answered, sent_at=began + timedelta(milliseconds=20)))
    clock.advance(0.120)
    filled = journal.record(make.fill_event(make.fill(0, 10, "O0", at=OPEN)))
    assert filled.state is OrderState.FILLED
    for took in (31, 12):
        journal.api_call("R1", "ka10001", OPEN, took, 200, "0", "")
    journal.api_call("R1", "ka10001", OPEN, 9_000, 0, "", "read timeout")
    return front


def test_the_stages_of_today_in_a_pipe(kept: Front) -> None:
    ran = kept("latency")
    assert (ran.code, ran.document["kind"]) == (0, "latencies")
    found = {row["stage"]: (row["count"], row["p50_ms"], row["max_ms"]) for row in ran.items}
    assert found == {
        "intent to send": (1, 20, 20),
        "send to answer": (1, 70, 70),
        "answer to fill": (1, 30, 30),
    }


def test_days_origins_and_stocks_are_filters(kept: Front) -> None:
    yesterday = f"{OPEN - timedelta(days=1):%Y-%m-%d}"
    rows = kept("latency", "--since", yesterday, "--by", "origin").items
    assert [(row["origin"], row["stage"]) for row in rows][-3:] == [
        ("stop_loss", "tick to intent"),
        ("stop_loss", "intent to send"),
        ("stop_loss", "send to answer"),
    ]
    assert rows[-3]["max_ms"] == 4
    assert {row["count"] for row in kept("latency", "--since", yesterday).items} == {1, 2}
    only = kept("latency", "--since", yesterday, "--origin", "stop_loss").items
    assert {row["count"] for row in only} == {1}
    assert kept("latency", "--until", yesterday).code == ExitCode.USAGE
    assert kept("latency", "--since", yesterday, "--until", yesterday).items[0]["max_ms"] == 4
    assert kept("latency", "--stock", "000660").items == []
    assert kept("latency", "--by", "api", "--stock", "005930").code == ExitCode.USAGE


def test_calls_without_an_answer_do_not_count(kept: Front) -> None:
    (row,) = kept("latency", "--by", "api").items
    assert (row["api_id"], row["count"], row["max_ms"]) == ("ka10001", 2, 31)


def test_a_terminal_shows_a_table_and_histograms(kept: Front) -> None:
    ran = kept("latency", terminal=True)
    lines = ran.out.splitlines()
    assert lines[0].split() == ["stage", "count", "p50", "p95", "p99", "longest"]
    assert f"  <= 20 ms  {'#' * 50} 1" in lines
    assert max(map(wcswidth, lines)) <= 80
    assert "#" not in kept("latency", "-o", "md").out


def test_a_buy_of_the_command_line_keeps_when_it_was_sent(front: Front) -> None:
    from tests.cli.test_orders import BUY

    assert front(*BUY).code == 0
    (order,) = front.world.journal.orders()
    kinds = [event.kind for event in front.world.journal.order_events(order.order_id)]
    assert kinds[:2] == [OrderEventKind.PLANNED, OrderEventKind.SENDING]
    assert order.tick_at is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 ms"), (0.44, "0.4 ms"), (7, "7 ms"), (12.4, "12 ms"), (1_234, "1.2 s"),
     (90_000, "90 s"), (50_000_000, "50,000 s")],
)  # fmt: skip
def test_a_time_is_written_in_its_unit(value: float, text: str) -> None:
    assert milliseconds(value) == text
