"""Tables that fit the terminal: columns are dropped by rank, and text is shortened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kt.cli.show.cells import BOLD, DIM, paint
from kt.cli.show.width import shorten, width_of
from kt.text import one_line, visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

GAP = 2


@dataclass(frozen=True)
class Column:
    """One column: its heading, its text for a row, and its rank for dropping it."""

    heading: str
    cell: Callable[[Any], str]
    right: bool = False
    rank: int = 0
    """0 = never dropped; otherwise the highest rank is dropped first."""
    shorten: int = 0
    """Minimum width when the text may be shortened; 0 = never shortened."""
    color: Callable[[Any], str | None] | None = None


def render(columns: Sequence[Column], rows: Sequence[Any], console: Console) -> str:
    """The table as text, or `(none)` without rows."""
    if not rows:
        return f"{tr('(none)')}\n"
    cells = [[visible(tr(column.cell(row))) for column in columns] for row in rows]
    titles = [tr(column.heading) for column in columns]
    kept, widths = fit(columns, titles, cells, console.width)
    shown = []
    for row, texts in zip(rows, cells, strict=True):
        line = []
        for index in kept:
            column, text = columns[index], texts[index]
            if column.shorten and widths[index]:
                text = shorten(text, widths[index])
            color = column.color(row) if column.color else None
            line.append(paint(text, color, console.color))
        shown.append(line)
    if console.markdown:
        titles = [one_line(title) for title in titles]
    headings = [paint(titles[index], BOLD, console.color) for index in kept]
    layout = "pipe" if console.markdown else "plain"
    return _draw(headings, shown, [columns[index].right for index in kept], layout)


def _draw(headings: list[str], rows: list[list[str]], rights: list[bool], layout: str) -> str:
    import tabulate

    tabulate.MIN_PADDING = 0  # the gap between columns is enough
    text = tabulate.tabulate(
        rows,
        headers=headings,
        tablefmt=layout,
        disable_numparse=True,
        colalign=["right" if right else "left" for right in rights],
        preserve_whitespace=False,
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def fit(
    columns: Sequence[Column], titles: list[str], cells: list[list[str]], limit: int
) -> tuple[list[int], dict[int, int]]:
    """The remaining columns, and the widths of shortened ones (0 = not shortened)."""
    natural = [
        max(width_of(title), *(width_of(row[index]) for row in cells))
        for index, title in enumerate(titles)
    ]
    kept = [
        index
        for index, column in enumerate(columns)
        if not column.rank or any(row[index] for row in cells)
    ]
    widths = dict.fromkeys(kept, 0)
    if not limit:
        return kept, widths
    while True:
        total = sum(natural[index] for index in kept) + GAP * (len(kept) - 1)
        if total <= limit:
            return kept, widths
        soft = [index for index in kept if columns[index].shorten]
        over = total - limit
        if soft:
            widest = max(soft, key=lambda index: natural[index] - columns[index].shorten)
            if natural[widest] - over >= columns[widest].shorten:
                widths[widest] = natural[widest] - over
                return kept, widths
        spare = [index for index in kept if columns[index].rank]
        if not spare:
            return kept, widths
        kept.remove(max(spare, key=lambda index: columns[index].rank))


def pairs(rows: Sequence[tuple[str, str]], console: Console) -> str:
    """Names and values, one pair per line, with aligned values."""
    labelled = [(tr(name), tr(value)) for name, value in rows]
    if console.markdown:
        lines = [f"- **{name}** {one_line(value)}".rstrip() for name, value in labelled]
        return "\n".join(lines) + "\n"
    widest = max((width_of(name) for name, _ in labelled), default=0)
    lines = []
    for name, value in labelled:
        pad = " " * (widest - width_of(name))
        lines.append(f"{paint(name, DIM, console.color)}{pad}{' ' * GAP}{one_line(value)}".rstrip())
    return "\n".join(lines) + "\n"


def heading(text: str, console: Console) -> str:
    """The line above a part, which may be a heading in Markdown."""
    text = tr(text)
    return f"## {text}\n\n" if console.markdown else f"{paint(text, BOLD, console.color)}\n"
