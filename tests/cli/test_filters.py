"""Orders and events are chosen by stock, state, origin and time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, datetime, time, timedelta

import click
import pytest

from kt.cli.commands import log as log_module
from kt.cli.support.row_filters import ORIGINS, MomentType, beginning, ending
from kt.errors import ExitCode
from kt.records import Origin
from tests.cli.front import Front
from tests.cli.test_orders import BUY
from tests.fakes import HYNIX, OPEN, SAMSUNG


@pytest.fixture
def three(front: Front) -> Front:
    """A filled buy at 10:00, one that stands at 10:10, and a sell that stands at 10:20."""
    front.world.broker.fill_at_once = True
    front(*BUY, "--wait")
    front.world.broker.fill_at_once = False
    front.world.clock.advance(600)
    front("order", "buy", HYNIX, "1", "--price", "180000")
    front.world.clock.advance(600)
    front("order", "sell", SAMSUNG, "1", "--price", "71000")
    return front


def found(front: Front, *filters: str) -> list[tuple[str, str]]:
    items = front("order", "list", *filters).items
    return [(item["side"], item["stock_code"]) for item in items]


FIRST, SECOND, THIRD = ("BUY", SAMSUNG), ("BUY", HYNIX), ("SELL", SAMSUNG)


def test_orders_are_chosen(three: Front) -> None:
    assert found(three) == [THIRD, SECOND, FIRST]
    assert found(three, "--stock", SAMSUNG) == [THIRD, FIRST]
    assert found(three, "--stock", SAMSUNG, "--stock", HYNIX) == [THIRD, SECOND, FIRST]
    assert found(three, "--state", "filled") == [FIRST]
    assert found(three, "--stock", HYNIX, "--state", "FILLED") == []
    assert found(three, "--origin", "manual") == [THIRD, SECOND, FIRST]
    assert found(three, "--origin", "stop_loss") == []
    assert found(three, "--since", "10:10") == [THIRD, SECOND]
    assert found(three, "--until", "10:10") == [FIRST]
    assert found(three, "--since", "2026-11-23T10:05", "--until", "10:15") == [SECOND]


def test_a_time_reaches_beyond_today(three: Front) -> None:
    three.world.clock.advance(86_400)
    assert found(three) == []
    assert found(three, "--since", "2026-11-23", "--stock", HYNIX) == [SECOND]
    assert found(three, "--until", "2026-11-22") == []


def test_the_log_is_chosen(three: Front) -> None:
    items = three("log", "--stock", HYNIX).items
    assert items and {item["stock_code"] for item in items} == {HYNIX}
    items = three("log", "--kind", "order", "--state", "PLANNED").items
    assert [item["what"] for item in items] == ["PLANNED"] * 3
    assert {
        item["passed"] for item in three("log", "--kind", "check", "--state", "passed").items
    } == {True}
    items = three("log", "--since", "10:10", "--until", "10:15").items
    assert items and all("T10:1" in item["at"] for item in items)


def test_a_damaged_time_without_an_offset_is_of_korea(three: Front) -> None:
    three.world.journal.error("R", "network", "stream", "cut", OPEN)
    three.world.journal.flush()
    with closing(sqlite3.connect(three.world.journal.path)) as file, file:
        file.execute("UPDATE errors SET at = '2026-11-23'")
    for since, count in (("2026-11-23", 1), ("09:00", 0), ("2026-11-24", 0)):
        ran = three("log", "--kind", "error", "--since", since)
        assert (ran.code, len(ran.items)) == (0, count), ran.err


def test_what_is_sought_far_back_is_found(three: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "PAGE", 3)
    for number in range(20):
        three.world.journal.error("R", "network", "stream", f"cut {number}", OPEN)
    (newest,) = three(
        "log", "--kind", "fill", "--kind", "error", "-n", "1", "--stock", SAMSUNG
    ).items
    assert newest["kind"] == "fill"


def test_what_cannot_be_meant_is_refused(front: Front) -> None:
    ran = front("order", "list", "--state", "nonsense")
    assert ran.code == ExitCode.USAGE and "One of PLANNED" in ran.err
    for wrong in ("yesterday", "2026-13-01", "25:00", "", "2026-11-23T"):
        assert front("order", "list", "--since", wrong).code == ExitCode.USAGE, wrong


def test_moments() -> None:
    read = lambda text: MomentType().convert(text, None, click.Context(click.Command("x")))  # noqa: E731
    assert read("10:30") == time(10, 30)
    assert read("2026-11-23") == date(2026, 11, 23)
    assert read("2026-11-23T10:30:05") == datetime(2026, 11, 23, 10, 30, 5)
    day = OPEN.replace(hour=0, minute=0)
    assert beginning(OPEN.date(), OPEN) == day
    assert ending(OPEN.date(), OPEN) == day + timedelta(days=1)
    assert ending(time(10, 30), OPEN) == beginning(time(10, 30), OPEN)


def test_the_origins_are_those_of_the_records() -> None:
    assert set(ORIGINS) == set(Origin)
