"""The analysts' scores as a table for each analyst, model and prompt version."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from kt.cli.show import columns
from kt.cli.show.cells import plain
from kt.cli.show.table import Column, heading, render
from kt.cli.show.width import paragraph
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

FEW = "* fewer than 20 independent decisions: too few to conclude anything from"
COUNTED_APART = ("denied", "unfilled", "not_ordered", "fallback")


def _of(row: Any) -> str:
    """What the row is about: `all`, an action, or a band of confidence."""
    return str(row.confidence if row.confidence != "all" else row.action)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}%"


SCORES = (
    Column("decisions", _of),
    Column("n", lambda row: f"{row.n:.1f}{'*' if row.few else ' '}", right=True),
    Column("made", lambda row: str(row.decisions), right=True, rank=4),
    Column("said", lambda row: plain(row.mean_confidence, 2), right=True, rank=3),
    Column("right", lambda row: _share(row.hit_pct), right=True),
    columns.rate("return", "return_pct", rank=0),
    columns.rate("edge", "edge_pct", rank=5),
    columns.rate("holding", "buy_hold_pct", rank=1),
    columns.rate("rules", "rules_pct", rank=1),
    Column("Brier", lambda row: plain(row.brier, 3), right=True),
    Column("base", lambda row: plain(row.base_brier, 3), right=True),
    Column("ECE", lambda row: plain(row.calibration_error, 3), right=True),
)
WIDE, LEFT_OUT = 100, 4
"""Terminals narrower than this do without the columns of this rank and above, so that all tables
of one output have the same ones."""


def scores(rows: Sequence[Any], console: Console) -> str:
    """One table for each analyst, model and prompt version, with what it does not count below."""
    groups = groupby(rows, key=lambda row: (row.analyst, row.model, row.prompt_version))
    return "\n".join(_group(name, list(found), console) for name, found in groups)


def _group(name: tuple[str, str, str], rows: list[Any], console: Console) -> str:
    title = " ".join(part for part in name if part)
    narrow = 0 < console.width < WIDE
    layout = [column for column in SCORES if not narrow or column.rank < LEFT_OUT]
    text = heading(title, console) + render(layout, rows, console)
    notes = [tr(FEW)] if any(row.few for row in rows) else []
    apart = [
        f"{getattr(rows[0], part)} {tr(part.replace('_', ' '))}"
        for part in COUNTED_APART
        if getattr(rows[0], part)
    ]
    if apart:
        notes.append(f"{tr('not counted')}: {', '.join(apart)}")
    gap = "\n" if console.markdown and notes else ""
    return text + gap + "".join(f"{paragraph(note, console.width)}\n" for note in notes)
