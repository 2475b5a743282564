"""One decision's trail for a terminal: its parts in the order in which they happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.show import orders as order_tables
from kt.cli.show.cells import moment, money, percent, plain, signed
from kt.cli.show.table import Column, heading, pairs, render
from kt.cli.show.width import paragraph, width_of
from kt.records import Action, Check, CheckResult, Decision, DecisionTrail, EntryStatus
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

LEVELS = (
    Column("time", lambda row: moment(row.at)),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("average", lambda row: money(row.average_price), right=True, rank=2),
    Column("stop", lambda row: money(row.stop_price or None), right=True),
    Column("target", lambda row: money(row.target_price or None), right=True),
    Column("why", lambda row: row.reason, rank=1, shorten=16),
)
SALES = (
    Column("closed", lambda row: moment(row.closed_at)),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", lambda row: money(round(row.sell_price)), right=True),
    Column("profit", lambda row: signed(row.profit), right=True),
    Column("why sold", lambda row: row.origin, rank=1),
)
ENTRIES = {
    EntryStatus.NONE: "no order was wanted",
    EntryStatus.FILLED: "judged from its fills",
    EntryStatus.UNFILLED: "counted apart: its order was not filled before the horizon",
    EntryStatus.DENIED: "counted apart: it was denied",
    EntryStatus.NOT_ORDERED: "counted apart: nobody ordered it",
}
UNJUDGED = "none yet: `kt pnl --decisions` judges what is due"
NOTHING = "none: nobody answered, so there is nothing to judge"


def trails(rows: Sequence[DecisionTrail], console: Console) -> str:
    """Each trail, its parts under headings, in the width of the terminal."""
    return "\n".join(_trail(row, console) for row in rows)


def _trail(row: DecisionTrail, console: Console) -> str:
    parts = (
        ("Decision", _told(_decision(row.decision, row.run), console)),
        ("Candidate", _told(_candidate(row), console)),
        ("Brief", _told(_brief(row), console)),
        ("Prompt and reply", _told(_reply(row), console)),
        ("Checks", "\n".join(_checks(row.checks, console)) or render((), (), console)),
        ("Order", order_tables.orders(row.orders, console)),
        ("Fills", order_tables.fills(row.fills, console)),
        ("Exit", _exit(row, console)),
        ("Verdict", _told(_verdict(row), console)),
    )
    text = "\n".join(f"{heading(title, console)}{text}" for title, text in parts)
    return text + "".join(f"\n{paragraph(tr(name), console.width)}\n" for name in row.missing)


def _told(rows: Sequence[tuple[str, str]], console: Console) -> str:
    """Names and values; a long value goes on in the next lines, below itself."""
    if not rows:
        return render((), (), console)
    if console.markdown or not console.width:
        return pairs(rows, console)
    told = [(tr(name), tr(value)) for name, value in rows]
    inset = max(width_of(name) for name, _ in told) + 2
    lines = []
    for name, value in told:
        wrapped = paragraph(value, console.width - inset).splitlines() or [""]
        lines += [(name, wrapped[0]), *(("", line) for line in wrapped[1:])]
    return pairs(lines, console)


def _decision(one: Decision, run: str) -> list[tuple[str, str]]:
    order = f" {money(one.quantity)} at {money(one.price)}" if one.action.trades else ""
    return [
        ("id", one.decision_id),
        ("decided", f"{moment(one.decided_at)} in the run {run}"),
        ("stock", f"{one.stock_code} {one.stock_name}, held {money(one.held)}"),
        ("action", f"{one.action}{order}, confidence {one.confidence:.2f}, risk {one.risk_level}"),
        ("by", _named(one.analyst, one.model, one.prompt_version, one.provenance)),
        ("reason", one.reason),
        *[("fault", fault) for fault in one.faults],
        *[("repaired", repair) for repair in one.repairs],
    ]


def _named(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _candidate(row: DecisionTrail) -> list[tuple[str, str]]:
    one = row.candidate
    if one is None:
        return []
    return [
        ("scan", f"{one.stage}, score {plain(one.score)}"),
        ("price", f"{money(one.price)}, {percent(one.change_pct)}"),
        ("why", ", ".join(one.reasons or one.rankings)),
    ]


def _brief(row: DecisionTrail) -> list[tuple[str, str]]:
    if row.brief is None or not row.brief.stocks:
        return []
    stock, quote = row.brief.stocks[0], row.brief.stocks[0].quote
    return [
        ("as of", f"{moment(row.brief.asof)}, data of {moment(row.decision.data_at)}"),
        ("price", f"{money(quote.price)}, {percent(quote.change_pct)}"),
        ("bars", f"{len(stock.minutes)} minutes, {len(stock.days)} days"),
        ("orderable", f"{money(row.brief.deposit.orderable)} won"),
        *[("missing", part) for part in stock.missing],
        *([("record", row.brief.lessons)] if row.brief.lessons else []),
    ]


def _reply(row: DecisionTrail) -> list[tuple[str, str]]:
    call = row.call
    if call is None:
        return []
    return [
        ("asked", f"{moment(call.asked_at)} {_named(call.analyst, call.model)}"),
        ("prompt", f"{row.prompt_characters:,} characters, {call.tokens_in:,} tokens"),
        ("reply", f"{row.reply_characters:,} characters, {call.tokens_out:,} tokens"),
        *([("failed", call.error)] if call.error else []),
        *[("about it", json.dumps(one, ensure_ascii=False)) for one in row.reply_objects],
    ]


def _checks(checks: Sequence[Check], console: Console) -> Iterator[str]:
    for check in checks:
        order = f"{check.side} {money(check.quantity)} at {money(check.price)}"
        title = f"{moment(check.checked_at)}  {tr(_passed(check))}  {tr(order)}\n"
        results = [(one.code, f"{tr(_passed(one))} {tr(one.detail)}") for one in check.results]
        gap = "\n" if console.markdown else ""
        yield title + gap + _told(results, console)


def _passed(result: Check | CheckResult) -> str:
    return "pass" if result.passed else "denied"


def _exit(row: DecisionTrail, console: Console) -> str:
    sales: Sequence[Any] = row.trade.parts if row.trade else ()
    text = render(LEVELS, row.exits, console)
    if sales:
        text += "\n" + render(SALES, sales, console)
    told = [] if row.profit is None else [("profit", f"{signed(row.profit)} won after costs")]
    if row.position is not None:
        held = row.position
        profit = f"{signed(held.profit)} won, {percent(held.profit_pct)}"
        told.append(("held", f"{money(held.quantity)} at {money(held.price)}: {profit}"))
    return text + ("\n" + pairs(told, console) if told else "")


def _verdict(row: DecisionTrail) -> list[tuple[str, str]]:
    one = row.verdict
    if one is None:
        return [("verdict", NOTHING if row.decision.action is Action.ABSTAIN else UNJUDGED)]
    rules = f"{one.rules_action} {percent(one.rules_pct)}" if one.rules_action else "not known"
    return [
        ("verdict", f"{'right' if one.hit else 'wrong'}, {ENTRIES[one.entry]}"),
        (
            "price",
            f"{one.entry_price:,.0f} to {money(one.price_later)} at {moment(one.horizon_at)}",
        ),
        ("return", f"{percent(one.return_pct)} after costs"),
        ("edge", f"{percent(one.edge_pct)} against not doing it"),
        ("holding", percent(one.buy_hold_pct)),
        ("rules", rules),
    ]
