"""Tables stand in line with Korean names in them, at every width."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from kt.cli.show.table import Column, render
from kt.cli.show.width import paragraph, shorten, width_of
from kt.cli.support.console import Console
from kt.translation import speaking, tr

NAMES = st.text(
    st.sampled_from("가나다라마바사아자차카타파하ABCdef12 &.-삼성전자"), min_size=1, max_size=16
).filter(lambda text: text.strip() == text and "  " not in text)


def console(width: int = 80, *, color: bool = False) -> Console:
    environ = {} if color else {"NO_COLOR": "1"}
    streams = (io.StringIO(), io.StringIO(), io.StringIO())
    return Console(*streams, out_terminal=True, width=width, environ=environ)


COLUMNS = (
    Column("code", lambda row: row[0]),
    Column("name", lambda row: row[1], shorten=8),
    Column("price", lambda row: f"{row[2]:,}", right=True),
    Column("extra", lambda row: row[3], rank=1, shorten=16),
    Column("more", lambda row: row[3], rank=2),
)


def starts(line: str, word: str) -> int:
    """The terminal column in which a word begins."""
    return wcswidth(line[: line.index(word)])


def test_hangul_counts_two() -> None:
    text = render(COLUMNS, [("005930", "삼성전자", 70_000, ""), ("1", "A", 1, "")], console())
    assert text == (
        "code    name       price\n005930  삼성전자  70,000\n1       A              1\n"
    )


@given(st.lists(st.tuples(st.just("005930"), NAMES, st.integers(0, 10**9), NAMES), min_size=1))
def test_every_price_ends_in_the_same_column(rows: list[tuple[str, str, int, str]]) -> None:
    lines = render(COLUMNS[:3], rows, console(0)).splitlines()
    ends = {wcswidth(line) for line in lines}
    assert len(lines) == len(rows) + 1 and len(ends) == 1


@given(
    st.lists(st.tuples(st.just("005930"), NAMES, st.integers(0, 10**9), NAMES), min_size=1),
    st.integers(33, 120),
)
def test_no_line_is_wider_than_the_terminal(
    rows: list[tuple[str, str, int, str]], width: int
) -> None:
    for line in render(COLUMNS, rows, console(width)).splitlines():
        assert wcswidth(line) <= width


def test_columns_go_by_rank_before_the_table_is_too_wide() -> None:
    row = ("005930", "삼성전자", 70_000, "x" * 30)
    headings = {
        width: render(COLUMNS, [row], console(width)).splitlines()[0].split()
        for width in (100, 60, 40, 30)
    }
    assert headings == {
        100: ["code", "name", "price", "extra", "more"],
        60: ["code", "name", "price", "extra"],
        40: ["code", "name", "price"],
        30: ["code", "name", "price"],
    }


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    assert render(COLUMNS, [("1", "A", 1, "")], console()).split() == [
        *("code", "name", "price"),
        *("1", "A", "1"),
    ]


def test_in_a_pipe_nothing_is_cut() -> None:
    row = ("005930", "가" * 60, 70_000, "x" * 200)
    assert "가" * 60 in render(COLUMNS, [row], console(0))


@given(NAMES, st.integers(1, 20))
def test_shortened_texts_fit(text: str, width: int) -> None:
    assert width_of(shorten(text, width)) <= width


def test_names_cannot_steer_the_terminal() -> None:
    text = render(COLUMNS, [("1", "\x1b[31mred", 1, "")], console())
    assert "\x1b" not in text


@given(st.lists(NAMES, min_size=1, max_size=30), st.integers(52, 100), st.integers(0, 20))
def test_paragraphs_keep_every_word_and_fit(words: list[str], width: int, taken: int) -> None:
    text = paragraph(" ".join(words), width, taken=taken)
    assert text.split() == " ".join(words).split()
    lines = (" " * taken + text).splitlines()
    assert all(wcswidth(line) <= width for line in lines)


def test_colours_do_not_move_columns() -> None:
    columns = (
        Column("side", lambda row: row, color=lambda row: "31"),
        Column("next", lambda row: "x"),
    )
    bare = render(columns, ["BUY", "SELL"], console())
    colored = render(columns, ["BUY", "SELL"], console(color=True))
    assert "\x1b[31mBUY\x1b[0m" in colored
    for code in ("\x1b[31m", "\x1b[1m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == bare


def test_headings_in_korean() -> None:
    with speaking("ko"):
        shown = render(COLUMNS, [("005930", "삼성전자", 70_000, "")], console())
        none = render(COLUMNS, [], console())
        words = render((Column("price", lambda row: "market"),), [1], console())
    assert shown == "종목코드  종목명      가격\n005930    삼성전자  70,000\n"
    assert none == "(없음)\n"
    assert words == "가격\n시장가\n"


def test_every_heading_of_a_table_has_a_korean_word() -> None:
    from kt.cli.show import account, daily, decisions, orders, pnl, scores, trail
    from kt.cli.show.live_table import COLUMNS as LIVE

    layouts = (
        *(account.POSITIONS, account.OPEN_ORDERS, decisions.CANDIDATES, decisions.DECISIONS),
        *(decisions.CHECKS, orders.ORDERS, orders.FILLS, pnl.TRADES, pnl.DAYS),
        *(pnl.STOCKS, LIVE, daily.DENIALS, daily.ERRORS, daily.CALLS, daily.PLAN),
        *(scores.SCORES, trail.LEVELS, trail.SALES),
    )
    headings = {column.heading for layout in layouts for column in layout}
    with speaking("ko"):
        same = {heading for heading in headings if tr(heading) == heading}
    assert same == {"API", "ECE", "n"}


def test_a_coloured_table_in_a_message_stays_in_line() -> None:
    told = console(60, color=True)
    table = render(COLUMNS, [("005930", "삼성전자", 70_000, "one", "two")], told)
    assert "\x1b[" in table
    assert len(table.splitlines()[0]) > 60, "with its colours it is longer than a line"
    told.say(table.rstrip())
    assert told.stderr.getvalue() == table  # type: ignore[attr-defined]
