"""Decisions as rows of the page: what was decided, why, what became of it, and whether it was
right."""

from __future__ import annotations

from kt.cli.show.cells import moment, money, percent, plain, updown
from kt.cli.show.decisions import action_color
from kt.cli.show.table import Column
from kt.records import OrderState
from kt.rules.risk.causes import causes
from kt.steps.portfolio.period_report import DecisionEnd
from kt.translation import tr


def ended(row: DecisionEnd) -> str:
    """What became of a decision to trade: its order, or why there is none."""
    if row.orders:
        order = row.orders[-1]
        if order.state is OrderState.DENIED:
            return f"{tr('denied')} {order.code}: {tr(order.message)}"
        done = f"{money(order.filled_quantity)}/{money(order.quantity)}"
        price = round(order.average_fill)
        return f"{tr(order.state)} {done}" + (f" @ {money(price)}" if price else "")
    denied = [result for check in row.checks for result in causes(check.denials)]
    if denied:
        told = "; ".join(f"{one.code}: {tr(one.detail)}" for one in denied)
        return f"{tr('denied')} {told}"
    return "not ordered"


def verdict(row: DecisionEnd) -> str:
    """Whether it was right at its horizon (docs/decision-scores.md#verdict)."""
    if row.outcome is None:
        return "not judged"
    return "hit" if row.outcome.hit else "miss"


def _earned(row: DecisionEnd) -> float | None:
    return row.outcome.return_pct if row.outcome else None


def _better(row: DecisionEnd) -> float | None:
    return row.outcome.edge_pct if row.outcome else None


DECIDED = (
    Column("time", lambda row: moment(row.decision.decided_at)),
    Column(
        "action",
        lambda row: row.decision.action,
        color=lambda row: action_color(row.decision.action),
    ),
    Column("code", lambda row: row.decision.stock_code),
    Column("name", lambda row: row.decision.stock_name),
    Column(
        "price",
        lambda row: money(row.decision.price or row.decision.reference_price or None),
        right=True,
    ),
    Column("confidence", lambda row: plain(row.decision.confidence, 2), right=True),
)
JUDGED = (
    Column("verdict", verdict),
    Column(
        "return",
        lambda row: percent(_earned(row)),
        right=True,
        rank=1,
        color=lambda row: updown(_earned(row)),
    ),
    Column(
        "edge",
        lambda row: percent(_better(row)),
        right=True,
        rank=1,
        color=lambda row: updown(_better(row)),
    ),
)
WHY = Column("why", lambda row: row.decision.reason, shorten=20)
ENDS = (*DECIDED, Column("what became of it", ended, shorten=20), *JUDGED, WHY)
PASSED_OVER = (*DECIDED, *JUDGED, WHY)
