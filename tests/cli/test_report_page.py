"""kt report --html: one file that loads nothing, in which text of the journal is only text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kt.errors import ExitCode
from kt.records import MinutePrice
from kt.steps.portfolio import daily_pnl, daily_report, period_report
from tests.cli.front import Front
from tests.store.make import day_result
from tests.tools import sample_days
from tests.tools.sample_days import WALKS, at

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
VOID = {"meta", "img", "br", "link", "input"}


class Found(HTMLParser):
    """The elements of a page: their order, attributes and texts, and the texts of each section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self.sections: dict[str, str] = {}
        self._section = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = dict(attrs)["id"] or ""
            self.sections[self._section] = ""
        if tag in ("script", "style"):
            self.raw.append((dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every element is closed where it should be"
        if tag == "section":
            self._section = ""

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.raw[-1] = (self.raw[-1][0], self.raw[-1][1] + data)
        elif self._section:
            self.sections[self._section] += data

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(next(text for a, text in self.raw if "id" in a))
        return found


@pytest.fixture
def traded(front: Front) -> Front:
    sample_days.fill(front.world.ctx)
    return front


def page_of(front: Front, *more: str) -> str:
    target = front.folder / "page.html"
    ran = front("report", "--html", str(target), *more)
    assert (ran.code, ran.out, ran.err) == (0, f"{target}\n", "")
    return target.read_text(encoding="utf-8")


def test_every_part_of_the_day_is_on_the_page(traded: Front) -> None:
    page = page_of(traded)
    parts = Found(page).sections
    assert list(parts) == [
        *("result", "equity", "positions", "stocks", "trades", "decisions", "calibration"),
        *("denials", "risk", "errors", "calls"),
    ]
    assert "realised profit (won)+46,626" in parts["result"]
    assert "closed trades4" in parts["result"] and "win rate75.00%" in parts["result"]
    assert "14 shares" in parts["trades"] and "take_profit" in parts["trades"]
    assert "FILLED 14/14 @ 69,800" in parts["decisions"]
    assert "denied TOTAL_LIMIT: 6,710,000 > limit 5,000,000" in parts["decisions"]
    assert "hit+1.40%" in parts["decisions"]
    assert "Buyers lead: strength 131" in parts["decisions"]
    assert "gemini gemini-flash-latest decide.en.4" in parts["calibration"]
    assert "daily loss 31,200 >= limit 30,000" in parts["risk"]
    assert "kt's position is 10 shares, the broker lists 0" in parts["risk"]
    assert "HTTP 503" in parts["errors"] and "ka10095" in parts["calls"]
    assert len(page.encode()) < 1_000_000


def test_a_trade_is_drawn_with_prices_fills_stop_and_target(traded: Front) -> None:
    data = Found(page_of(traded)).data
    assert len(data["trades"]) == 5
    first = data["trades"][0]
    opened = int(at(12).timestamp()) + 9 * 3600
    assert first["marks"] == [
        {"time": opened, "side": "BUY", "quantity": 14, "price": 69_800},
        {"time": opened + 83 * 60, "side": "SELL", "quantity": 14, "price": 71_500},
    ]
    assert first["stop"] == [[opened, 68_800], [opened + 83 * 60, 68_800]]
    assert first["target"] == [[opened, 71_200], [opened + 83 * 60, 71_200]]
    walked = WALKS[0].prices()
    assert dict(map(tuple, first["prices"])) == {
        opened + (minute - 12) * 60: walked[minute] for minute in range(126)
    }
    assert len(data["equity"]) == 387 and data["equity"][0][1:] == [10_000_000, 0.0]


def test_what_the_page_draws_stays_small(traded: Front) -> None:
    from kt.cli.page.chart_data import MAX_POINTS, equity_points
    from kt.records import Equity

    long = [
        Equity(at=at(minute), cash=0, value=0, equity=1_000 - (minute == 5_003))
        for minute in range(12_000)
    ]
    points = equity_points(long)
    assert len(points) <= MAX_POINTS + 1
    assert min(decline for _, _, decline in points) == -0.1, "the deepest decline is kept"
    assert points[-1][0] == int(at(11_999).timestamp()) + 9 * 3600


def test_the_page_allows_only_its_own_style_and_scripts(traded: Front) -> None:
    found = Found(page_of(traded))
    policy = next(
        str(attrs["content"]) for tag, attrs in found.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    code = [text for attrs, text in found.raw if attrs.get("type") != "application/json"]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in code
    ]
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == hashes[0]
    assert rules["script-src"].split() == hashes[1:]
    loads = {"src", "srcset", "action", "style", "data", "poster"}
    for tag, attrs in found.tags:
        assert not loads & set(attrs), tag
        assert not [name for name in attrs if name.startswith("on")], tag
        assert "href" not in attrs or attrs["href"] == "https://www.tradingview.com/"
    assert "TradingView Lightweight Charts™" in code[1] and "Apache License" in code[1]
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|fetch\(", code[2])


def test_text_of_the_journal_is_only_text(front: Front) -> None:
    names = {walk.code: f"{HOSTILE}{FORMULA}\u202e" for walk in WALKS}
    sample_days.fill(front.world.ctx, names, reason=f"{FORMULA} {HOSTILE}\x1b[2J\u202e")
    page = page_of(front)
    found = Found(page)
    assert [tag for tag, _ in found.tags if tag in ("img", "iframe", "object", "embed")] == []
    assert len([tag for tag, _ in found.tags if tag == "script"]) == 3
    assert HOSTILE in found.sections["trades"] and FORMULA in found.sections["decisions"]
    for part in ("decisions", "risk", "errors"):
        assert f"{FORMULA} {HOSTILE}␛[2J\\u202e" in found.sections[part], part
    assert "\x1b" not in page and "\u202e" not in page


def test_data_cannot_leave_its_script_element() -> None:
    from kt.cli.page.html_page import inert

    text = json.dumps({"a": "</script><!--\u2028&"}, ensure_ascii=False)
    assert inert(text) == '{"a": "\\u003c/script\\u003e\\u003c!--\\u2028\\u0026"}'
    assert json.loads(inert(text)) == json.loads(text)


def test_the_page_speaks_korean(traded: Front) -> None:
    page = page_of(traded, "--lang", "ko")
    parts = Found(page).sections
    assert '<html data-kt="report" lang="ko"' in page
    assert "실현손익(원)" in parts["result"] and "거래 내역" in parts["trades"]
    assert "14주" in parts["trades"] and "적중" in parts["decisions"]
    assert Found(page).data["words"]["target"] == "목표가"


def test_the_colours_are_the_owners_choice(traded: Front) -> None:
    assert 'data-palette="red-blue"' in page_of(traded)
    traded.configure("gain_colors: green-red\n")
    assert 'data-palette="green-red"' in page_of(traded)


def test_several_days_have_a_bar_each(traded: Front) -> None:
    day = at(0).date()
    for back, realised in ((4, -34_000), (3, 88_000)):
        traded.world.journal.put_day(
            day_result(day=day - timedelta(days=back), realised=realised, unrealised=0)
        )
    found = Found(page_of(traded, "--since", "2026-11-19"))
    assert found.data["days"] == [
        ["2026-11-19", -34_000], ["2026-11-20", 88_000], ["2026-11-23", 46_626],
    ]  # fmt: skip
    assert "realised profit (won)+100,626" in found.sections["result"]
    assert "Sharpe ratio" in found.sections["result"] and "KOSPI" not in found.sections["result"]
    assert "2026-11-20" in found.sections["days"]


def test_a_day_that_is_over_has_no_positions_of_now(traded: Front) -> None:
    ctx = traded.world.ctx
    daily_report.write(ctx, daily_report.made(ctx, daily_pnl.close_day(ctx)))
    traded.world.clock.set(at(0) + timedelta(days=1))
    parts = Found(page_of(traded, "2026-11-23")).sections
    assert "positions" not in parts and "Locked stocks" not in parts["risk"]
    assert "Plan for 2026-11-24" in parts["plan"], "what was left is in the settled plan"


def test_a_day_with_nothing_in_it_is_a_page_too(front: Front) -> None:
    parts = Found(page_of(front)).sections
    assert list(parts) == ["result", "equity"]
    assert "fewer than two minutes" in parts["equity"]


def test_only_the_largest_trades_are_drawn(traded: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(period_report, "MAX_CHARTS", 2)
    monkeypatch.setattr("kt.cli.page.sections.MAX_CHARTS", 2)
    found = Found(page_of(traded))
    bought = [course["marks"][0]["price"] for course in found.data["trades"]]
    assert bought == [46_000, 72_100] or len(bought) == 2
    assert "Only the 2 trades with the largest gain or loss are drawn." in found.sections["trades"]


# the file


def test_a_page_of_kt_is_replaced_and_no_other_file(traded: Front) -> None:
    page_of(traded)
    page_of(traded)
    assert (traded.folder / "page.html").stat().st_mode & 0o777 == 0o600
    other = traded.folder / "notes.html"
    other.write_text("<html>mine</html>")
    ran = traded("report", "--html", str(other))
    assert ran.code == ExitCode.USAGE and "is not a report of kt; it was left as it is" in ran.err
    assert other.read_text() == "<html>mine</html>"
    ran = traded("report", "--html", str(traded.folder))
    assert ran.code == ExitCode.USAGE and "is not a file" in ran.err
    assert [path.name for path in traded.folder.iterdir() if path.name.startswith(".")] == []


def test_a_dash_is_stdout(traded: Front) -> None:
    ran = traded("report", "--html", "-")
    assert ran.code == 0 and ran.out.startswith('<!DOCTYPE html>\n<html data-kt="report"')
    assert ran.out == page_of(traded)


@pytest.mark.parametrize(
    "words", [("--since", "2026-11-20"), ("2026-11-23", "--html", "-", "--since", "2026-11-20")]
)
def test_since_is_for_a_page_of_several_days(front: Front, words: tuple[str, ...]) -> None:
    ran = front("report", *words)
    assert ran.code == ExitCode.USAGE and "--since needs --html, and no DAY beside it" in ran.err


def test_days_without_a_result_make_no_page(front: Front) -> None:
    ran = front("report", "--html", "-", "2026-11-20")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "the journal has no result of 2026-11-20" in ran.err
    ran = front("report", "--html", "-", "--since", "2026-11-24")
    assert ran.code == ExitCode.USAGE and "lies in the future" in ran.err


def test_a_folder_that_is_not_there_is_a_clear_error(front: Front) -> None:
    ran = front("report", "--html", str(front.folder / "none" / "page.html"))
    assert ran.code == ExitCode.ERROR
    assert "cannot be written: No such file or directory" in ran.err
    assert "`-` writes the page to stdout" in ran.err


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from kt.cli.page import html_page, page_file
from kt.cli.support.console import Console
from kt.errors import KtError
try:
    page_file.put(Console(), sys.argv[1], html_page.MARK + "x" * 200_000)
except KtError as error:
    print(error.message)
"""


def test_a_full_disk_leaves_the_old_page(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk."""
    target = tmp_path / "page.html"
    target.write_text('<!DOCTYPE html>\n<html data-kt="report">old')
    line = [sys.executable, "-c", LIMITED, str(target)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "cannot be written: the file may not grow any further" in done.stdout
    assert target.read_text().endswith("old")
    assert list(tmp_path.iterdir()) == [target]


# the prices


def test_minute_prices_are_kept_of_what_is_held_or_was_traded(traded: Front) -> None:
    journal, day = traded.world.journal, at(0)
    traded.world.clock.set(at(500, 10))
    daily_pnl.close_day(traded.world.ctx, {"005930": 1_000, "035720": 2_000, "999999": 3_000})
    traded.world.clock.set(at(500, 50))
    daily_pnl.close_day(traded.world.ctx, {"005930": 1_100})
    late = (at(499), day + timedelta(days=1))
    assert journal.prices("005930", *late) == (MinutePrice(at=at(500), price=1_100),)
    assert journal.prices("035720", *late) == (MinutePrice(at=at(500), price=2_000),)
    assert journal.prices("999999", *late) == (), "neither held nor traded"


def test_prices_of_scans_fill_the_minutes_before(traded: Front) -> None:
    from kt.records import ScanSummary
    from tests.store.make import candidate

    journal = traded.world.journal
    for second, price in ((5, 100), (35, 110)):
        found = candidate(stock_code="000270", price=price)
        journal.scan("R1", "fast", at(3, second), [found], ScanSummary())
    assert journal.prices("000270", at(0), at(9)) == (MinutePrice(at=at(3), price=110),)
    journal.minute_prices(at(3), {"000270": 120})
    assert journal.prices("000270", at(0), at(9)) == (MinutePrice(at=at(3), price=120),)


def test_minute_prices_go_with_keep_days(traded: Front) -> None:
    journal = traded.world.journal
    assert journal.prune(at(100))["minute_prices"] > 50
    assert journal.prices("005930", at(0), at(100)) == ()
    assert journal.prices("005930", at(100), at(110))


def test_days_are_counted_together(traded: Front) -> None:
    journal = traded.world.journal
    first, last = date(2026, 11, 20), date(2026, 11, 23)
    journal.error("R1", "network", "scan.ka10023", "HTTP 502", at(0) - timedelta(days=3))
    counted = {row.place: row.count for row in journal.errors_of(first, last)}
    assert counted == {"scan.ka10023": 2, "collect.ka10079": 1}
    assert {row.place: row.count for row in journal.errors_of(last)}["scan.ka10023"] == 1
    assert [stop.mode for stop in journal.stops_of(last)] == ["reduce", "running"]
    assert journal.stops_of(first) == ()
    assert [notice.title for notice in journal.warnings_of(last)] == ["the stream was lost"]
