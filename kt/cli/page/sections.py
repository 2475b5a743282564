"""The parts of the page, from its summary to its calls; a part without content is left out."""

from __future__ import annotations

from collections.abc import Sequence

from kt.cli.page.calibration import calibration
from kt.cli.page.decision_table import ENDS, PASSED_OVER
from kt.cli.page.elements import CLASSES, Element, element, note, section, table
from kt.cli.show import account, daily, pnl, scores
from kt.cli.show.cells import moment, money, percent, plain, signed, updown
from kt.cli.show.table import Column
from kt.records import AnalystUse, RoundTrip
from kt.steps.portfolio.period_report import MAX_CHARTS, MAX_DECISIONS, PeriodReport, TradeCourse
from kt.text import visible
from kt.translation import tr

STOPS = (
    Column("time", lambda row: moment(row.at)),
    Column("mode", lambda row: row.mode),
    Column("by", lambda row: row.by),
    Column("until", lambda row: row.until.isoformat() if row.until else "", rank=1),
    Column("why", lambda row: row.reason, shorten=20),
)
LOCKS = (
    Column("code", lambda row: row.stock_code),
    Column("since", lambda row: moment(row.at)),
    Column("until", lambda row: moment(row.until) if row.until else "until it is resolved"),
    Column("why", lambda row: row.reason, shorten=20),
)
DOUBTS = (
    Column("since", lambda row: moment(row.since)),
    Column("detail", account.doubt, shorten=20),
)
WARNINGS = (
    Column("time", lambda row: moment(row.at)),
    Column("level", lambda row: row.level),
    Column("title", lambda row: row.title),
    Column("detail", lambda row: row.text, shorten=20),
)
NOTICE = "Lightweight Charts™ © 2025 TradingView, Inc., Apache License 2.0."
ANALYSTS = (
    Column("analyst", lambda row: row.analyst),
    Column("model", lambda row: row.model),
    Column("questions", lambda row: money(row.calls), right=True),
    Column("failed", lambda row: money(row.failed), right=True),
    Column("tokens", lambda row: money(row.tokens), right=True),
    Column("dollars", lambda row: plain(row.cost_usd, 4), right=True),
)


def header(report: PeriodReport) -> Element:
    """What the page is about, and the switch between light and dark."""
    made = tr(f"as of {report.at:%Y-%m-%d %H:%M:%S} KST")
    switch = element("button", tr("light or dark"), id="theme", type="button")
    return element(
        "header", element("h1", title(report)), element("span", made, class_="dim"), switch
    )


def title(report: PeriodReport) -> str:
    """The days and the profile."""
    days = f"{report.since}" + (f" – {report.until}" if report.until > report.since else "")
    return f"kt {days} ({report.profile})"


def footer() -> Element:
    """The notice that the chart library's licence asks for, and what is missing without scripts."""
    link = element("a", "TradingView", href="https://www.tradingview.com/", rel="noreferrer")
    return element(
        "footer",
        element("noscript", tr("The charts need JavaScript; the tables do not.")),
        element("p", f"{NOTICE} ", link),
    )


def sections(report: PeriodReport) -> list[Element]:
    """All parts that have something in them, in their order."""
    found = (
        section("Result", _tiles(report), name="result"),
        section("Equity", *_equity(report), name="equity"),
        section("Days", *_days(report), name="days"),
        section("Positions", table(account.POSITIONS, report.positions), name="positions"),
        section("Profit by stock", table(pnl.STOCKS, report.stocks), name="stocks"),
        section("Trades", *_trades(report), name="trades"),
        section("Decisions", *_decisions(report), name="decisions"),
        section("Calibration", *_calibration(report), name="calibration"),
        section("Denials", table(daily.DENIALS, report.denials), name="denials"),
        section("Risk events", *_risk(report), name="risk"),
        section("Errors", table(daily.ERRORS, report.errors), name="errors"),
        section("Calls", *_calls(report.analysts, report), name="calls"),
        section("Plan and lesson", *_words(report), name="plan"),
    )
    return [part for part in found if part is not None]


def _tiles(report: PeriodReport) -> Element:
    """The summary figures, gains and losses in their colours; what is not known is said to be."""
    tiles = []
    for name, value in _figures(report):
        shown = element("dd", value or tr("not known"), class_=_sign(value))
        tiles.append(element("div", element("dt", tr(name)), shown))
    return element("dl", *tiles, class_="tiles")


def _sign(value: str) -> str:
    return {"+": "rise", "-": "fall"}.get(value[:1], "")


def _figures(report: PeriodReport) -> list[tuple[str, str]]:
    days, one = report.days, report.performance
    several = len(days) > 1
    found = [
        ("realised profit (won)", signed(sum(day.realised for day in days))),
        ("unrealised profit (won)", signed(days[-1].unrealised)),
        ("return on equity", percent(one.return_pct)),
        ("KOSPI", percent(days[-1].index_pct)),
        ("drawdown", percent(one.max_drawdown_pct)),
        ("equity (won)", money(days[-1].equity)),
        ("closed trades", money(one.trades)),
        ("win rate", percent(one.win_rate_pct).lstrip("+")),
        ("profit factor", plain(one.profit_factor, 2)),
        ("Sharpe ratio", plain(one.sharpe, 2)),
        ("costs (won)", money(sum(day.fees + day.taxes for day in days))),
        ("decisions", money(sum(report.decided.values()))),
        ("denials", money(sum(row.count for row in report.denials))),
        ("errors", money(sum(row.count for row in report.errors))),
    ]
    return [figure for figure in found if figure[0] != ("KOSPI" if several else "Sharpe ratio")]


def _equity(report: PeriodReport) -> list[Element]:
    if len(report.equity) < 2:
        return [note("The journal has fewer than two minutes of equity in these days.")]
    return [
        element("div", class_="chart", data_chart="equity"),
        note("Equity in won at the top, below it its decline from the highest so far in percent."),
    ]


def _days(report: PeriodReport) -> list[Element | None]:
    if len(report.days) < 2:
        return []
    return [
        element("div", class_="chart", data_chart="days"),
        note("Realised profit of each day in won."),
        table(pnl.DAYS, report.days),
    ]


def _trades(report: PeriodReport) -> list[Element | None]:
    shown: list[object] = []
    for trip in report.trades:
        shown += [trip, *(trip.parts if len(trip.parts) > 1 else ())]
    drawn = [_drawn(course, number) for number, course in enumerate(report.courses)]
    charts = element("div", *drawn, class_="charts") if drawn else None
    less = len(drawn) == MAX_CHARTS
    return [
        table(pnl.TRADES, shown),
        charts,
        note(f"Only the {MAX_CHARTS} trades with the largest gain or loss are drawn.")
        if less
        else None,
    ]


def _drawn(course: TradeCourse, number: int) -> Element:
    """A trade's chart under its name and what came of it."""
    trade = course.trade
    result = f"{signed(trade.profit)} ({percent(trade.profit_pct)})"
    until = moment(course.ended) if course.ended else tr("held")
    words = [tr(f"{trade.quantity:,} shares"), f"{moment(trade.opened_at)} → {until}"]
    if isinstance(trade, RoundTrip):
        words.append(visible(tr(trade.origin)))
    caption = element(
        "figcaption",
        element("b", f"{trade.stock_code} {trade.stock_name}"),
        element("span", result, class_=CLASSES.get(updown(trade.profit) or "", "")),
        element("span", " · ".join(words), class_="dim"),
    )
    return element(
        "figure", caption, element("div", class_="chart", data_chart="trade", data_n=str(number))
    )


def _decisions(report: PeriodReport) -> list[Element | None]:
    if not report.decided:
        return []
    counts = ", ".join(f"{money(n)} {tr(action)}" for action, n in sorted(report.decided.items()))
    passed = table(PASSED_OVER, report.passed_over)
    folded = (
        element("details", element("summary", tr("HOLD and ABSTAIN")), passed) if passed else None
    )
    full = max(len(report.traded), len(report.passed_over)) >= MAX_DECISIONS
    return [
        element("p", counts),
        table(ENDS, report.traded),
        folded,
        note(f"Only the newest {MAX_DECISIONS} decisions of each sort are listed.")
        if full
        else None,
    ]


def _calibration(report: PeriodReport) -> list[Element | None]:
    groups: dict[tuple[str, str, str], list[object]] = {}
    for row in report.scores:
        groups.setdefault((row.analyst, row.model, row.prompt_version), []).append(row)
    parts: list[Element | None] = []
    for name, rows in groups.items():
        parts.append(element("h3", " ".join(filter(None, name))))
        parts += [calibration(rows), table(scores.SCORES, rows)]
    if not parts:
        return []
    told = (
        f"Decisions from {report.scores_since} to {report.until}. On the dashed line confidence is "
        "the share that was right; the larger a circle, the more independent decisions it stands "
        "for."
    )
    few = note(scores.FEW) if any(row.few for row in report.scores) else None
    return [*parts, note(told), few]


def _risk(report: PeriodReport) -> list[Element | None]:
    parts = (
        ("Stops", table(STOPS, report.stops)),
        ("Locked stocks", table(LOCKS, report.locks)),
        ("Doubts", table(DOUBTS, report.doubts)),
        ("Warnings", table(WARNINGS, report.warnings)),
    )
    found: list[Element | None] = []
    for title, made in parts:
        if made is not None:
            found += [element("h3", tr(title)), made]
    return found


def _calls(analysts: Sequence[AnalystUse], report: PeriodReport) -> list[Element | None]:
    return [table(ANALYSTS, analysts), table(daily.CALLS, report.calls)]


def _words(report: PeriodReport) -> list[Element | None]:
    """The last day's lesson and the plan for the next, as far as the journal has them."""
    last = report.last
    if last is None:
        return []
    said = (
        ("Plan of the day", last.day_plan),
        ("Lesson", last.lesson),
        ("Strategy", f"{last.stance}: {last.strategy}" if last.strategy else ""),
    )
    found: list[Element | None] = []
    for title, text in said:
        if text:
            found += [element("h3", tr(title)), element("p", visible(tr(text)))]
    planned = table(daily.PLAN, last.plan)
    if planned is not None:
        found += [element("h3", tr(f"Plan for {last.next_day}")), planned]
    return found
