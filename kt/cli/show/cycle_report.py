"""The report of one trading cycle: what it did, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kt.cli.show import account, orders
from kt.cli.show.cells import money, paint, percent, signed, updown
from kt.cli.show.table import heading, pairs
from kt.cli.show.width import paragraph
from kt.records import Action, Decision, Position
from kt.rules.risk.causes import causes
from kt.text import harmless
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console
    from kt.engine.cycle import CycleReport
    from kt.steps.context import Context

SHOWN = 5
"""Number of candidates that are listed."""


def report_text(ctx: Context, report: CycleReport, console: Console) -> str:
    """The report with a section each for scan, decisions, denials, orders, positions and result."""
    report = harmless(report)
    parts = [
        _head(ctx, report, console),
        ("Scanned", _scanned(report)),
        ("Decided", _decided(report, console)),
        ("Denied", _denied(report, console)),
        (
            "Ordered",
            orders.orders(report.orders, console) if report.orders else f"{tr('nothing')}\n",
        ),
        ("Held", account.positions(_priced(report), console)),
        ("Result", _result(ctx, report, console)),
    ]
    failed = "".join(f"{step.name}: {tr(step.detail)}\n" for step in report.failed)
    if failed:
        parts.append(("Failed", failed))
    return "\n".join(
        part if isinstance(part, str) else f"{heading(part[0], console)}{part[1]}"
        for part in parts
        if isinstance(part, str) or part[1]
    )


def _head(ctx: Context, report: CycleReport, console: Console) -> str:
    seconds = sum(step.seconds for step in report.steps)
    mode = ", test mode: nothing is sent" if ctx.config.dry_run else ""
    return (
        paragraph(
            tr(
                f"One cycle on {ctx.profile} at {ctx.clock.now():%Y-%m-%d %H:%M:%S} KST in "
                f"{seconds:.0f} s, decided by {ctx.analyst.name} ({ctx.analyst.model}){mode}."
            ),
            console.width,
        )
        + "\n"
    )


def _scanned(report: CycleReport) -> str:
    if not report.candidates:
        return f"{tr('no candidates')}\n"
    lines = [
        tr(
            f"{item.stock_code} {item.stock_name}  {money(item.price)} won "
            f"{percent(item.change_pct)}, score {item.score:.0f}"
        )
        for item in report.candidates[:SHOWN]
    ]
    return "\n".join(lines) + "\n"


def _decided(report: CycleReport, console: Console) -> str:
    """Every buy and sell with its reason, the names of the others, and why there was no answer."""
    if not report.decisions:
        return f"{tr('nothing')}\n"
    lines = [
        paragraph(tr(_decision(item)), console.width, indent=7)
        for item in report.decisions
        if item.action.trades
    ]
    for action in (Action.HOLD, Action.ABSTAIN):
        names = ", ".join(d.stock_name for d in report.decisions if d.action is action)
        if names:
            lines.append(paragraph(f"{tr(action).ljust(7)}{names}", console.width, indent=7))
    silent = next((d for d in report.decisions if d.action is Action.ABSTAIN), None)
    if silent is not None:
        lines.append(paragraph(tr(silent.reason), console.width, indent=7))
    return "\n".join(lines) + "\n"


def _decision(item: Decision) -> str:
    return (
        f"{item.action.ljust(6)} {item.stock_code} {item.stock_name} at {money(item.price)}, "
        f"confidence {item.confidence:.2f}, risk {item.risk_level}: {item.reason}"
    )


def _ordered(report: CycleReport, console: Console) -> str:
    return orders.orders(report.orders, console) if report.orders else f"{tr('nothing')}\n"


def _denied(report: CycleReport, console: Console) -> str:
    lines = [
        paragraph(
            f"{check.stock_code} {check.stock_name}  {result.code}: {tr(result.detail)}",
            console.width,
            indent=7,
        )
        for check in report.checks
        if not check.passed
        for result in causes(check.denials)
    ]
    return "\n".join(lines) + "\n" if lines else ""


def _priced(report: CycleReport) -> tuple[Position, ...]:
    return tuple(position for position in report.positions if position.quantity)


def _result(ctx: Context, report: CycleReport, console: Console) -> str:
    day = report.day
    if day is None:
        return ""
    fills = [fill for order in report.orders for fill in ctx.journal.fills(order_id=order.order_id)]
    costs = sum(fill.fee + fill.tax for fill in fills)
    return pairs(
        [
            ("bought and sold", f"{money(day.bought)} and {money(day.sold)} won today"),
            ("costs", f"{money(costs)} won this cycle, {money(day.fees + day.taxes)} today"),
            ("realised", f"{signed(day.realised)} won today"),
            (
                "unrealised",
                paint(signed(day.unrealised), updown(day.unrealised), console.color) + " won",
            ),
            ("total", paint(signed(day.total), updown(day.total), console.color) + " won"),
        ],
        console,
    )


def report_row(ctx: Context, report: CycleReport) -> dict[str, Any]:
    """The cycle as one row of an `events` document: the records themselves, by what they are."""
    row: dict[str, Any] = msgspec.to_builtins(
        {
            "kind": "cycle",
            "at": ctx.clock.now(),
            "analyst": ctx.analyst.name,
            "dry_run": ctx.config.dry_run,
            "steps": [
                {
                    "name": step.name,
                    "seconds": round(step.seconds, 3),
                    "outcome": step.outcome,
                    "detail": step.detail,
                }
                for step in report.steps
            ],
            "candidates": report.candidates,
            "decisions": report.decisions,
            "checks": report.checks,
            "orders": report.orders,
            "fills": [
                fill
                for order in report.orders
                for fill in ctx.journal.fills(order_id=order.order_id)
            ],
            "positions": report.positions,
            "day": report.day,
        }
    )
    return row
