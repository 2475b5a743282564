"""What kt log and kt watch print, on a terminal and in a pipe."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from kt.errors import ExitCode
from kt.records import (
    Tick,
)
from kt.records.base import Side
from tests.cli.front import GONE, Front
from tests.fakes import OPEN, SAMSUNG


def test_log_prints_events_of_the_chosen_kinds(front: Front) -> None:
    front("status")
    front.world.journal.error("RUN1", "network", "somewhere", "no route", OPEN)
    ran = front("log")
    assert [(row["kind"], row["at"][:19]) for row in ran.items] == [
        ("run", "2026-11-23T10:00:00"),
        ("error", "2026-11-23T10:00:00"),
        ("run", "2026-11-23T10:00:00"),
    ]
    assert front("log", "--kind", "error", terminal=True).out == (
        "10:00:00  error     network somewhere no route\n"
    )
    assert len(front("log", "-n", "1").items) == 1
    assert front("log", "-n", "0").items == []
    assert front("log", "--kind", "api_call").items == []
    assert front("log", "--kind", "api_call", terminal=True).out == "(none)\n"
    assert len(front("log", "--kind", "all").items) > 3


def test_log_follow_writes_lines_until_its_reader_leaves(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            front.world.journal.error("RUN1", "wire", "later", "a late error", OPEN)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    ran = front("log", "--follow", "--kind", "error")
    assert ran.code == 130
    assert [json.loads(line)["message"] for line in ran.out.splitlines()] == ["a late error"]


TICK = Tick(
    stock_code=SAMSUNG,
    price=70_100,
    quantity=5,
    side=Side.BUY,
    volume=1_000,
    change_pct=0.14,
    at=OPEN,
)


def say_when_subscribed(front: Front, *events: Tick) -> None:
    """The stream speaks as soon as somebody listens."""
    listen = front.stream.subscribe

    def subscribe(kinds: object, stock_codes: object = ()) -> None:
        listen(kinds, stock_codes)  # type: ignore[arg-type]
        if stock_codes:
            for event in events:
                front.stream.say(event)

    front.stream.subscribe = subscribe  # type: ignore[assignment,method-assign]


def test_watch_in_a_pipe_is_one_object_a_line(front: Front) -> None:
    say_when_subscribed(front, TICK, replace(TICK, price=70_200))
    ran = front("watch", SAMSUNG, "--count", "2")
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["type"], line["price"], line["at"]) for line in lines] == [
        ("trade", 70_100, "2026-11-23T10:00:00+09:00"),
        ("trade", 70_200, "2026-11-23T10:00:00+09:00"),
    ]
    assert front.stream.closed


@pytest.mark.parametrize(
    ("name", "kind"),
    [("01", "0B"), ("0B", "0B"), ("trade", "0B"), ("02", "0D"), ("0D", "0D"), ("book", "0D")],
)
def test_watch_takes_the_process_documents_names(name: str, kind: str, front: Front) -> None:
    say_when_subscribed(front, TICK)
    assert front("watch", SAMSUNG, "--type", name, "--count", "1").code == 0
    assert {item.value: codes for item, codes in front.stream.subscribed.items()} == {
        kind: {SAMSUNG}
    }


def test_watch_takes_several_types_with_commas(front: Front) -> None:
    say_when_subscribed(front, TICK)
    assert front("watch", SAMSUNG, "--type", "01,02", "--count", "1").code == 0
    assert {item.value for item in front.stream.subscribed} == {"0B", "0D"}
    refused = front("watch", SAMSUNG, "--type", "01,03")
    assert refused.code == ExitCode.USAGE
    assert "'03' is not a type; known are 0B, 01, trade" in refused.err


def test_watch_on_a_terminal_leaves_its_last_table(front: Front) -> None:
    say_when_subscribed(front, TICK)
    ran = front("watch", SAMSUNG, "--count", "1", terminal=True)
    assert ran.code == 0
    assert ran.out.startswith("\x1b[?1049h\x1b[?25l")
    assert ran.out.endswith(
        "\x1b[?25h\x1b[?1049l"
        "code    name       price  change  volume     bid     ask  time\n"
        "005930  삼성전자  70,100  +0.14%   1,000  70,000  70,100  10:00:00\n"
    )


def test_the_usual_screen_comes_back_however_a_live_table_ends(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(table: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kt.cli.show.live_table.LiveTable._draw", interrupt)
    ran = front("watch", SAMSUNG, terminal=True)
    assert ran.code == 130
    assert "\x1b[?25h\x1b[?1049l" in ran.out and front.stream.closed


def test_watch_of_an_unknown_code_is_refused(front: Front) -> None:
    ran = front("watch", "999999")
    assert (ran.code, ran.err) == (
        ExitCode.REFUSED,
        "kt: unknown stock 999999. Check the six characters of the code.\n",
    )


def test_watch_without_a_stream_exits_with_9(front: Front) -> None:
    front.stream.refuse = GONE
    assert front("watch", SAMSUNG).code == ExitCode.UNREACHABLE
    assert front.stream.closed


def test_watch_ends_with_an_error_when_its_stream_is_replaced(front: Front) -> None:
    from kt.records import StreamState

    say_when_subscribed(front, StreamState(state="replaced", at=OPEN))  # type: ignore[arg-type]
    ran = front("watch", SAMSUNG)
    assert ran.code == ExitCode.UNREACHABLE
    assert "another program logged in with this app key" in ran.err
