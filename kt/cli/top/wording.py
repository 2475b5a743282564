"""The words of the screen: its lines about the system, and the details of what was chosen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from kt.cli.show.cells import (
    FALL,
    RISE,
    clock,
    large,
    moment,
    money,
    percent,
    plain,
    signed,
    updown,
)
from kt.cli.show.orders import reason, wanted_price
from kt.cli.top.ink import BADGE, BOLD, DIM, bold
from kt.cli.top.price_chart import PriceLevel
from kt.cli.top.screen_state import EVENTS, Row, Snapshot
from kt.records import Candidate, Order, Position, StopMode
from kt.rules.trading_phases import Phase
from kt.text import visible
from kt.translation import tr

BAR_CELLS = 14
"""How wide the bar of the loss limit is."""

PHASES = {
    Phase.BEFORE: "before the day",
    Phase.START: "the day begins",
    Phase.PREPARE: "before the opening",
    Phase.OPEN: "market open",
    Phase.CLOSING: "no new buys",
    Phase.SETTLE: "market closed, settling",
    Phase.IDLE: "market closed",
}
STREAMS = {
    "connecting": "prices connecting",
    "connected": "prices live",
    "reconnected": "prices live",
    "lost": "prices interrupted",
    "closed": "prices interrupted",
    "replaced": "no prices: another program took the stream",
}


def said(text: str) -> str:
    """A text of kt for the screen: in the reader's language, on one line."""
    return visible(tr(text))


def system(shown: Snapshot, look: dict[str, str]) -> Text:
    """What runs: the profile, the time and phase, the run, the stream, calls, the stop in force,
    and what needs a person."""
    style = BADGE if shown.profile == "real" else BOLD
    first = Text().append(f" {shown.profile} ", style)
    runner = shown.watch.by or "nothing runs"
    parts = [clock(shown.now), said(PHASES[shown.phase]), said(runner)]
    parts += [
        said(STREAMS.get(shown.stream, shown.stream)),
        said(f"{shown.calls:.1f} calls a second"),
    ]
    first.append(f" {' · '.join(parts)}")
    return Text("\n").join([first, _stop(shown, look)])


def _stop(shown: Snapshot, look: dict[str, str]) -> Text:
    line = Text()
    if shown.stop.mode is StopMode.RUNNING:
        line.append(f" {tr('no stop')}", DIM)
    else:
        line.append(f" {shown.stop.mode.value.upper()} ", BADGE)
        until = f" until {shown.stop.until}" if shown.stop.until else ""
        line.append(f" {said(shown.stop.reason)}{tr(until)}", look.get("33", ""))
    health = shown.health
    counts = (
        (shown.unknown, f"unknown orders {shown.unknown}"),
        (shown.doubted, f"in doubt {shown.doubted}"),
        (shown.locked, f"locked {shown.locked}"),
    )
    for count, words in counts:
        line.append(" · ", DIM)
        line.append(said(words), bold(look.get("33")) if count else DIM)
    asked = f"analyst {shown.analyst}, asked {health.asked} times"
    if health.failed:
        asked = f"{asked}; unanswered {health.failed}"
    return line.append(f" · {said(asked)}", DIM)


def warnings(shown: Snapshot, notes: Sequence[str]) -> list[str]:
    """What is wrong now, one line each."""
    found = [shown.watch.silence] if shown.watch.silence else []
    if shown.unwatched:
        found.append(f"no process monitors the stop and target of {shown.unwatched} positions")
    if shown.health.paused_until:
        found.append(f"the analyst is not asked until {clock(shown.health.paused_until)}")
    return [*(said(text) for text in found), *notes]


def levels(shown: Snapshot, code: str) -> list[PriceLevel]:
    """The prices of a stock that its chart marks: exits, the average, open orders."""
    found = [
        PriceLevel(tr(name), price)
        for held in shown.positions
        if held.stock_code == code
        for name, price in _prices(held)
    ]
    orders = (row for row in shown.orders if row.stock_code == code)
    return [*found, *(PriceLevel(tr(str(row.side)), row.price) for row in orders)]


def _prices(held: Position) -> tuple[tuple[str, int], ...]:
    return (
        ("stop", held.stop_price),
        ("target", held.target_price),
        ("average", held.average_price),
    )


def money_line(shown: Snapshot, look: dict[str, str]) -> Text:
    """The day's result, and the loss limit as a bar."""
    line = Text()
    for name, won in (
        (tr("realised"), shown.result.realised),
        (tr("unrealised"), shown.result.unrealised),
    ):
        line.append(f" {name} ", DIM)
        line.append(signed(won), bold(look.get(updown(won) or "")))
    part = shown.lost / shown.limit if shown.limit else 0.0
    full = min(BAR_CELLS, round(part * BAR_CELLS))
    line.append(f"  {tr('loss limit')} ", DIM)
    line.append("█" * full, look.get(FALL, ""))
    line.append("░" * (BAR_CELLS - full), DIM)
    return line.append(said(f" {shown.lost:,} of {shown.limit:,} won ({part * 100:.0f} %)"))


def position(row: Position, why: str) -> list[tuple[str, str]]:
    """A position's details; `why` is the reason of the decision that opened it."""
    return [
        ("stock", f"{row.stock_code} {row.stock_name}"),
        ("quantity", f"{money(row.quantity)} shares"),
        ("average", f"{money(row.average_price)} won"),
        ("price", f"{money(row.price)} won"),
        ("value", f"{money(row.value)} won"),
        ("profit", f"{signed(row.profit)} won ({percent(row.profit_pct)})"),
        ("stop", _distance(row, row.stop_price)),
        ("target", _distance(row, row.target_price)),
        ("since", moment(row.opened_at)),
        *([("reason", said(why))] if why else []),
    ]


def _distance(row: Position, price: int) -> str:
    """`66,500 won (-4.32%)`: an exit and how far the price is from it."""
    if not price or not row.price:
        return money(price) or tr("none")
    return f"{money(price)} won ({percent((price / row.price - 1) * 100)})"


def order(row: Order) -> list[tuple[str, str]]:
    """An order's details."""
    why = reason(row)
    return [
        ("order", f"{row.ord_no or '-'} ({row.order_id})"),
        ("stock", f"{row.stock_code} {row.stock_name}"),
        ("side", str(row.side)),
        ("price", wanted_price(row)),
        ("open", f"{money(row.open_quantity)} of {money(row.quantity)} shares"),
        ("filled", f"{money(row.filled_quantity)} shares"),
        ("state", said(why)),
        ("origin", str(row.origin)),
        ("time", moment(row.created_at)),
        *([("reason", said(row.reason))] if row.reason else []),
    ]


def candidate(row: Candidate) -> list[tuple[str, str]]:
    """A candidate's details."""
    return [
        ("stock", f"{row.stock_code} {row.stock_name}"),
        ("price", f"{money(row.price)} won ({percent(row.change_pct)})"),
        ("traded", large(row.value)),
        ("score", plain(row.score)),
        ("strength", plain(row.strength)),
        ("book", plain(row.book_ratio, 2)),
        ("foreign", signed(row.foreign_net)),
        ("institution", signed(row.institution_net)),
        ("reason", said(", ".join(row.reasons or row.rankings))),
        *([("risk", said(row.risk))] if row.risk else []),
    ]


def by_time(row: Row) -> tuple[str, int]:
    """What sorts events: their time, and what happened at once by cause."""
    kind = str(row.get("kind"))
    return str(row.get("at")), EVENTS.index(kind) if kind in EVENTS else len(EVENTS)


def opinion(row: Row, look: dict[str, str]) -> Text:
    """One decision or answer of the analyst: when, what, about what, and why."""
    action = str(row.get("action") or row.get("choice") or "")
    color = {"BUY": RISE, "SELL": FALL}.get(action, "")
    about = row.get("stock_name") or row.get("topic") or row.get("ref") or ""
    line = Text().append(str(row.get("at", ""))[11:16], DIM)
    line.append(f" {said(action)} ", bold(look.get(color)))
    line.append(said(str(about)), BOLD)
    sure = row.get("confidence")
    line.append(f" {sure * 100:.0f}%" if isinstance(sure, int | float) else "", DIM)
    return line.append(f" {said(str(row.get('reason', '')))}")
