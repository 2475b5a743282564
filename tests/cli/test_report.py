"""kt report: exact output of a day, on a terminal, as Markdown and in a pipe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from wcwidth import wcswidth

from kt.errors import ExitCode
from kt.records import Action, CashNote, Equity, ScanSummary
from kt.steps.portfolio import daily_pnl, daily_report
from tests.cli.booked import sold
from tests.cli.front import Front
from tests.fakes import HYNIX, OPEN, SAMSUNG
from tests.store.make import answer, candidate, check, decision


@pytest.fixture
def traded_day(front: Front) -> Front:
    """A day with at least one entry in every section of the report."""
    journal = front.world.journal
    sold(front)
    journal.put_cash_note(CashNote(cash=1_009_156, won=0, fills=0, outside=0, at=OPEN))
    journal.put_equity(
        Equity(at=OPEN - timedelta(days=3), cash=1_000_000, value=0, equity=1_000_000)
    )
    bought = decision(reason="Buyers lead: strength 131, foreigners +5,000; score 71 of 100.")
    refused = decision("D2", stock_code=HYNIX, stock_name="SK하이닉스")
    held = decision("D3", action=Action.HOLD, price=0)
    journal.decisions("R1", [bought, refused, held])
    journal.checks("R1", [check(of=bought), check("C2", passed=False, of=refused)])
    journal.error("R1", "network", "scan.ka10023", "HTTP 503", OPEN)
    journal.error("R1", "network", "scan.ka10023", "HTTP 502", OPEN + timedelta(seconds=1))
    journal.api_call("R1", "ka10023", OPEN, 40, 503, "", "")
    journal.api_call("R1", "ka10023", OPEN, 60, 200, "0", "")
    journal.answer("R1", answer())
    journal.scan("R1", "fast", OPEN, [candidate(stage="fast", stock_code="000270")], ScanSummary())
    journal.scan(
        "R1", "ai", OPEN, [candidate(stage="ai", reasons=("the analyst: strong",))], ScanSummary()
    )
    return front


SHOWN = """\
Result
day              2026-11-23, as of 10:00:00; the plan is for 2026-11-24
realised         +9,156 won
unrealised       0 won
total            +9,156 won after costs
before costs     +10,000 won
costs            0 won: fees 0, taxes 0
return           +2.54% of the invested, +2.78% before costs
on equity        +0.92% of the equity, +0.92% before costs
index            not known
equity           1,009,156 won
trades           1 (1 won)
bought and sold  0 and 0 won

Profit by stock
code    name        held  realised  unrealised   total  return  trades  wins
000660  SK하이닉스     0    +9,156           0  +9,156  +2.54%       1     1

Trades
code    name        quantity   bought     sold  profit  return  why sold
000660  SK하이닉스         2  180,000  185,000  +9,156  +2.54%  take_profit

Decided
2 BUY, 1 HOLD
10:00:00 BUY 005930 삼성전자 at 70,100, confidence 0.71: Buyers lead: strength
              131, foreigners +5,000; score 71 of 100.
10:00:00 BUY 000660 SK하이닉스 at 70,100, confidence 0.71: Buy: buyers lead;
              score 71 of 100.

Denied
rule         times  name        detail
TOTAL_LIMIT      1  SK하이닉스  6,710,000 > limit 5,000,000

Errors
kind     place         times  detail
network  scan.ka10023      2  HTTP 502

Calls
gemini gemini-2.5-flash: 1 questions, 0 failed, 1,020 tokens, 0.0006 dollars
API      times  failed  milliseconds
ka10023      2       1            50

Plan
code    name      quantity   price  why
005930  삼성전자         0  70,000  the analyst: strong
"""


def test_a_day_on_a_terminal(traded_day: Front) -> None:
    ran = traded_day("report", terminal=True)
    assert (ran.code, ran.out) == (0, SHOWN), ran.err
    assert max(wcswidth(line) for line in ran.out.splitlines()) <= 80


def test_a_day_as_markdown(traded_day: Front) -> None:
    parts = traded_day("report", "-o", "md").out.split("## ")
    titles = [part.splitlines()[0] for part in parts[1:]]
    assert titles == [
        *("Result", "Profit by stock", "Trades", "Decided", "Denied", "Errors", "Calls", "Plan"),
    ]
    assert "- **realised** +9,156 won\n" in parts[1]
    assert parts[4].splitlines()[2:4] == [
        "2 BUY, 1 HOLD",
        "",
    ]
    assert parts[5].splitlines()[2:] == [
        "| rule         | times | name       | detail                       |",
        "|:-------------|------:|:-----------|:-----------------------------|",
        r"| TOTAL\_LIMIT |     1 | SK하이닉스 | 6,710,000 \> limit 5,000,000 |",
        "",
    ]


def test_untrusted_text_is_not_rendered_as_markup(traded_day: Front) -> None:
    traded_day.world.journal.error("R1", "wire", "scan", "a | <b> [c](d) `e`", OPEN)
    assert r"a \| \<b\> \[c\](d) \`e\`" in traded_day("report", "-o", "md").out


def test_a_day_in_a_pipe(traded_day: Front) -> None:
    ran = traded_day("report")
    (item,) = ran.items
    assert (ran.document["kind"], item["day"], item["next_day"]) == (
        *("reports", "2026-11-23", "2026-11-24"),
    )
    assert (item["result"]["realised"], item["stocks"][0]["equity_pct"]) == (9_156, 0.92)
    assert item["decided"] == {"BUY": 2, "HOLD": 1}
    assert [one["decision_id"] for one in item["decisions"]] == ["D1", "D2"]


def test_positions_are_in_the_plan_with_their_exits(front: Front) -> None:
    front.world.broker.fill_at_once = True
    front("order", "buy", SAMSUNG, "10", "--price", "70000", "--wait")
    ran = front("report", terminal=True)
    assert ran.out.endswith(
        "Plan\n"
        "code    name      quantity   price    stop  target\n"
        "005930  삼성전자        10  70,000  66,500  77,000\n"
    )


def test_a_settled_day_is_shown_as_it_was_written(traded_day: Front) -> None:
    ctx = traded_day.world.ctx
    daily_report.write(ctx, daily_report.made(ctx, daily_pnl.close_day(ctx)))
    traded_day.world.journal.error("R1", "network", "after", "the settlement", OPEN)
    traded_day.world.clock.set(OPEN + timedelta(days=3))
    assert traded_day("report", "2026-11-23", terminal=True).out == SHOWN


def test_a_day_without_a_written_report_is_computed_from_the_journal(traded_day: Front) -> None:
    daily_pnl.close_day(traded_day.world.ctx)
    traded_day.world.clock.set(OPEN + timedelta(days=3))
    sold(traded_day)
    (item,) = traded_day("report", "2026-11-23").items
    assert (item["result"]["realised"], item["plan"][0]["stock_code"]) == (9_156, SAMSUNG)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-11-20", "the journal has no result of 2026-11-20"),
        ("2026-11-24", "2026-11-24 lies in the future: today is 2026-11-23"),
        ("yesterday", "'yesterday' is not a date"),
    ],
)
def test_a_day_without_data_is_an_error(front: Front, day: str, said: str) -> None:
    ran = front("report", day)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert said in ran.err


def test_a_document_without_markdown_output_is_an_error(front: Front) -> None:
    for words in (("run", "--once"), ("watch", SAMSUNG), ("api", "ka10001", "{}")):
        ran = front(*words, "-o", "md")
        assert ran.code == ExitCode.USAGE, words


def test_the_analysts_plan_lesson_and_strategy_are_shown_where_there_are_any(
    front: Front,
) -> None:
    ctx = front.world.ctx
    made = daily_report.made(ctx, daily_pnl.close_day(ctx))
    answered = replace(
        made,
        day_plan="CAREFUL: few buys",
        lesson="Late buys lost.",
        stance="AVOID",
        strategy="Wait for the exports.",
    )
    daily_report.write(ctx, answered)
    shown = front("report", terminal=True).out
    assert "\nPlan of the day\nCAREFUL: few buys\n" in shown
    assert "\nLesson\nLate buys lost.\n\nStrategy\nAVOID: Wait for the exports.\n" in shown
    daily_report.write(ctx, made)
    assert "Lesson" not in front("report", terminal=True).out
    assert front("report").items[0]["lesson"] == ""
