"""kt pnl on a terminal: the equity and a bar for each day in text cells, nothing more in a pipe."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from wcwidth import wcswidth

from kt.cli.show.text_charts import pnl_charts
from kt.cli.support.console import Console
from kt.records import Equity
from tests.cli.front import Front
from tests.fakes import OPEN
from tests.store.make import DAY, day_result


class Ascii(io.StringIO):
    """A terminal of a locale without block elements."""

    encoding = "ascii"


def console(width: int = 60, *, color: bool = False, out: io.StringIO | None = None) -> Console:
    environ = {} if color else {"NO_COLOR": "1"}
    return Console(io.StringIO(), out or io.StringIO(), out_terminal=True, width=width,
                   environ=environ)  # fmt: skip


def points(*values: int) -> list[Equity]:
    return [
        Equity(at=OPEN + timedelta(minutes=number), cash=value, value=0, equity=value)
        for number, value in enumerate(values)
    ]


WEEK = [
    day_result(day=DAY + timedelta(days=number), realised=realised, unrealised=0)
    for number, realised in enumerate((12_000, -34_000, 0))
]


def test_the_curve_goes_from_the_lowest_to_the_highest() -> None:
    shown = pnl_charts([], points(10_000, 10_050, 10_090, 10_150, 10_200, 10_040), console())
    assert shown == (
        "\nEquity\n"
        "10,200     █\n"
        "          ▄█\n"
        "          ██\n"
        "         ▆██\n"
        "        ▅███▂\n"
        "10,000 ▁█████\n"
        "from 11-23 10:00 to 11-23 10:05, drawdown -1.57%\n"
    )


def test_losses_are_left_of_the_middle_and_gains_right_of_it() -> None:
    assert pnl_charts(WEEK, [], console()) == (
        "\nProfit by day\n"
        "2026-11-23 +12,000                     |███████\n"
        "2026-11-24 -34,000 ████████████████████|\n"
        "2026-11-25       0                     |\n"
    )


def test_a_locale_without_blocks_gets_plain_signs() -> None:
    shown = pnl_charts(WEEK, points(10_000, 10_050), console(out=Ascii()))
    assert shown.isascii() and "|@@@@@@@" in shown and "10,050  @\n" in shown


def test_colours_are_those_of_gain_and_loss() -> None:
    shown = pnl_charts(WEEK, [], console(color=True))
    assert "|\x1b[31m███████\x1b[0m" in shown and "\x1b[34m████████████████████\x1b[0m|" in shown


@pytest.mark.parametrize("width", [40, 53, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    many = points(*(10_000_000 + 7_919 * (n % 311) for n in range(4_000)))
    shown = pnl_charts(WEEK, many, console(width))
    assert max(map(wcswidth, shown.splitlines())) <= min(width, 80)
    assert shown.count("\n") == 14 + (width == 40)


def test_an_unchanged_equity_is_a_flat_line() -> None:
    shown = pnl_charts([], points(5_000, 5_000), console())
    assert "5,000 ▁▁\n" in shown and "drawdown 0.00%" in shown


def test_a_narrow_terminal_a_single_day_and_a_single_minute_get_no_chart() -> None:
    assert pnl_charts(WEEK, points(1, 2), console(39)) == ""
    assert pnl_charts(WEEK[:1], points(1), console()) == ""


def test_nothing_changes_in_a_pipe(front: Front) -> None:
    journal = front.world.journal
    for number, value in enumerate((10_000, 10_050)):
        at = OPEN - timedelta(minutes=5 - number)
        journal.put_equity(Equity(at=at, cash=value, value=0, equity=value))
    for day in WEEK:
        journal.put_day(day)
    assert "Profit by day" not in front("pnl", "-o", "table").out
    assert "Profit by day" not in front("pnl", "-o", "md", terminal=True).out
    assert "Equity\n" not in front("pnl", "--fields", "day,total", terminal=True).out
    assert "Equity\n10,050  █\n" in front("pnl", terminal=True).out
    assert "Equity" not in front("pnl", "--by", "stock", terminal=True).out
    assert front("pnl", "-o", "csv", terminal=True).out.startswith("type,day,")
