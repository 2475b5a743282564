"""The server's Date against our clock: only what the network cannot explain counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.server_clock import seconds_off
from tests.broker.wiring import NOW, answers, line, ok

HEARD = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def dated(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)


@pytest.mark.parametrize(
    ("before", "after", "off"),
    [
        (0.0, 0.1, 0.0),
        (0.99, 1.2, 0.0),
        (-5.0, 5.0, 0.0),
        (31.0, 31.5, 30.0),
        (-40.0, -39.0, -39.0),
    ],
)
def test_the_header_counts_whole_seconds_and_may_come_late(
    before: float, after: float, off: float
) -> None:
    heard = seconds_off(
        dated(HEARD), HEARD + timedelta(seconds=before), HEARD + timedelta(seconds=after)
    )
    assert heard == pytest.approx(off)


@pytest.mark.parametrize("header", ["", "yesterday", "2026-11-23"])
def test_a_header_that_tells_no_time(header: str) -> None:
    assert seconds_off(header, HEARD, HEARD) is None


def test_the_newest_answer_tells_and_is_asked_for_once(tmp_path: Path) -> None:
    told = line(answers(ok(acctNo="1"), ok(acctNo="1"), ok(acctNo="1")), tmp_path)
    broker = Kiwoom(told.rest, told.clock)
    assert broker.skew() == 0.0, "no Date, no word of a wrong clock"
    late = dated(NOW - timedelta(hours=1))
    late_answer = httpx.Response(
        200, json={"return_code": 0, "acctNo": "1"}, headers={"date": late}
    )
    told = line(answers(late_answer), tmp_path)
    broker = Kiwoom(told.rest, told.clock)
    assert broker.skew() == pytest.approx(3599, abs=2)
    assert broker.skew() == pytest.approx(3599, abs=2)
    assert len(told.requests) == 1
