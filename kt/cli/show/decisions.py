"""Candidates, decisions and their checks as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show import columns
from kt.cli.show.cells import DIM, FALL, GREEN, RED, RISE, YELLOW, large, money, plain, signed
from kt.cli.show.table import Column, render
from kt.cli.show.width import paragraph
from kt.records import Action, Candidate, Check, Decision
from kt.rules.risk.causes import causes
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console


def covered(row: Candidate) -> str:
    """The coverage where it is not complete."""
    return f"{row.coverage_pct:.0f} %" if row.coverage_pct < 100 else ""


CODE_AND_NAME = (*columns.STOCK,)

CANDIDATES = (
    *CODE_AND_NAME,
    Column("price", lambda row: money(row.price), right=True),
    columns.CHANGE,
    Column("traded", lambda row: large(row.value), right=True, rank=3),
    Column("score", lambda row: plain(row.score), right=True),
    Column("strength", lambda row: plain(row.strength), right=True, rank=4),
    Column("book", lambda row: plain(row.book_ratio, 2), right=True, rank=5),
    Column("foreign", lambda row: signed(row.foreign_net), right=True, rank=6),
    Column("institution", lambda row: signed(row.institution_net), right=True, rank=7),
    Column("coverage", covered, right=True, rank=9),
    Column("why", lambda row: ", ".join(row.reasons or row.rankings), rank=8, shorten=30),
)


def candidates(rows: Sequence[Candidate], console: Console) -> str:
    """The table, followed by the reason and the risk of what the analyst picked."""
    lines = [
        paragraph(
            f"{row.stock_code} {row.stock_name}: {row.reasons[-1]} Risk: {row.risk}",
            console.width,
            indent=7,
        )
        for row in rows
        if row.risk and row.reasons
    ]
    text = render(CANDIDATES, rows, console)
    return text + ("\n" + "\n".join(lines) + "\n" if lines else "")


def action_color(action: Action | None) -> str | None:
    colors = {Action.BUY: RISE, Action.SELL: FALL, Action.ABSTAIN: YELLOW}
    return colors.get(action or Action.HOLD, DIM)


def _vote(text: str) -> str:
    return f"       {text}"


DECISIONS = (
    Column("action", lambda row: row.action, color=lambda row: action_color(row.action)),
    *CODE_AND_NAME,
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", lambda row: money(row.price), right=True),
    Column("confidence", lambda row: f"{row.confidence:.2f}", right=True, rank=2),
    Column("risk", lambda row: row.risk_level, rank=3),
)


def decisions(rows: Sequence[Decision], console: Console) -> str:
    """The table, followed by the full text of every reason and of a panel's votes."""
    lines = [
        paragraph(tr(line), console.width, indent=7)
        for row in rows
        for line in (f"{row.stock_code} {row.stock_name}: {row.reason}", *map(_vote, row.votes))
    ]
    text = render(DECISIONS, rows, console)
    return text + ("\n" + "\n".join(lines) + "\n" if lines else "")


def reasons(check: Check) -> str:
    """The denial codes; their details follow below the table."""
    return " ".join(result.code for result in causes(check.denials))


CHECKS = (
    Column(
        "check",
        lambda row: "pass" if row.passed else "denied",
        color=lambda row: GREEN if row.passed else RED,
    ),
    Column(
        "action",
        lambda row: row.side,
        color=lambda row: action_color(Action(row.side)),
    ),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=8),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", lambda row: money(row.price) if row.price else "market", right=True),
    Column("amount", lambda row: money(row.quantity * row.price), right=True, rank=2),
    Column("why", reasons, rank=1, shorten=16),
)


def checks(rows: Sequence[Check], console: Console) -> str:
    """The table, followed by the full text of every denial."""
    text = render(CHECKS, rows, console)
    lines = [
        paragraph(
            f"{row.stock_code} {row.stock_name}  {result.code}: {tr(result.detail)}",
            console.width,
            indent=7,
        )
        for row in rows
        for result in causes(row.denials)
    ]
    return text + ("\n" + "\n".join(lines) + "\n" if lines else "")
