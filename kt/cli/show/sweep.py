"""A sweep for people: the verdict, the windows, the best sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show.cells import money, percent, plain, updown
from kt.cli.show.table import Column, heading, pairs, render
from kt.cli.show.width import paragraph
from kt.records import Sweep, SweepSet, SweepWindow
from kt.rules.sweep_space import set_text
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

MOST_SHOWN = 10
"""Sets of the table; a document has all."""


def sweeps(rows: Sequence[Sweep], console: Console) -> str:
    """Each sweep, its parts under headings."""
    return "\n".join(_sweep(row, console) for row in rows)


def score_text(objective: str, score: float | None) -> str:
    """A score with its unit."""
    return percent(score) if objective == "return" else plain(score, 2)


def _sweep(row: Sweep, console: Console) -> str:
    shown = row.sets[:MOST_SHOWN]
    windows = row.windows if len(row.windows) > 1 else ()
    parts = [
        ("Verdict", pairs(_figures(row), console)),
        ("Why no set is named", _told(row.refused, console)),
        ("Warnings", _told(row.warnings, console)),
        ("Windows", render(_window_columns(row), windows, console) if windows else ""),
        ("Best sets", render(_columns(row), shown, console)),
        ("Use it", "".join(f"{line}\n" for line in row.settings)),
    ]
    return "\n".join(f"{heading(title, console)}{text}" for title, text in parts if text)


def _told(texts: Sequence[str], console: Console) -> str:
    """One text a line, wrapped."""
    lines = (paragraph(f"- {tr(text)}", console.width, indent=2) for text in texts)
    return "".join(f"{line}\n" for line in lines)


def _figures(row: Sweep) -> list[tuple[str, str]]:
    told = [
        ("study", row.study),
        ("trials", money(row.trials)),
        ("failed", money(row.failed)),
        ("winner", set_text(row.winner.values) if row.winner else "none"),
        ("a training day", _per_day(row.train_daily_pct)),
        ("a test day", _per_day(row.test_daily_pct)),
        ("all test days", _tested(row)),
        ("deflated Sharpe", plain(row.deflated_sharpe, 2)),
        ("overfitting", _part(row.overfit_probability)),
    ]
    return [(name, value or "not known") for name, value in told]


def _per_day(rate: float | None) -> str:
    return "" if rate is None else f"{rate:+.3f}%"


def _part(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0%}"


def _tested(row: Sweep) -> str:
    if row.test_return_pct is None:
        return ""
    told = f"{percent(row.test_return_pct)} in {money(row.test_trades)} trades"
    return told if row.test_sharpe is None else f"{told}, Sharpe {row.test_sharpe:.2f}"


def _columns(row: Sweep) -> tuple[Column, ...]:
    def score(one: SweepSet) -> str:
        return one.error or score_text(row.objective, one.score)

    return (
        Column("set", lambda one: set_text(one.values), shorten=20),
        Column(row.objective, score, right=True, shorten=10, color=lambda one: updown(one.score)),
        Column(
            "on test days",
            lambda one: score_text(row.objective, one.test_score),
            right=True,
            color=lambda one: updown(one.test_score),
        ),
        Column("trades", lambda one: money(one.trades), right=True),
        Column("test trades", lambda one: money(one.test_trades), right=True, rank=1),
    )


def _window_columns(row: Sweep) -> tuple[Column, ...]:
    def best(window: SweepWindow) -> str:
        return set_text(window.best.values) if window.best else ""

    def score(window: SweepWindow) -> str:
        return score_text(row.objective, window.best.score) if window.best else ""

    def tested(window: SweepWindow) -> str:
        return score_text(row.objective, window.best.test_score) if window.best else ""

    return (
        Column("from", lambda window: window.first.isoformat()),
        Column("test", lambda w: w.test_first.isoformat() if w.test_first else "", rank=2),
        Column("best set", best, shorten=20),
        Column(row.objective, score, right=True),
        Column("on test days", tested, right=True),
    )
