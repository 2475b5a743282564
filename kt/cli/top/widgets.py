"""The panels of the screen: tables that fit their width, lines of text, the chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual import events
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from kt.cli.show import columns
from kt.cli.show.cells import clock, money, plain
from kt.cli.show.orders import side_color, state_color, wanted_price
from kt.cli.show.table import Column, fit
from kt.cli.show.width import shorten, width_of
from kt.cli.top import price_chart
from kt.cli.top.ink import DIM
from kt.cli.top.price_chart import PriceLevel
from kt.records import Bar
from kt.text import visible
from kt.translation import tr

EDGE = 3
"""Columns of a table beside its cells: the padding at both ends and the scroll bar."""

NAME = Column("name", lambda row: row.stock_name, shorten=8)


@dataclass(frozen=True)
class Sorting:
    """An order of rows: by the values under a heading, the greatest first if `down`."""

    heading: str
    value: Callable[[Any], Any]
    down: bool = True


@dataclass(frozen=True)
class Kind:
    """One table: its columns, what identifies a row, and the orders that `s` goes through."""

    columns: tuple[Column, ...]
    key: Callable[[Any], str]
    sortings: tuple[Sorting, ...]


POSITIONS = Kind(
    (
        Column("code", lambda row: row.stock_code, rank=5),
        NAME,
        Column("quantity", lambda row: money(row.quantity), right=True, rank=3),
        Column("price", lambda row: money(row.price), right=True),
        *columns.profit(rank=0),
        Column("stop", lambda row: money(row.stop_price or None), right=True, rank=1),
        Column("target", lambda row: money(row.target_price or None), right=True, rank=2),
    ),
    lambda row: str(row.stock_code),
    (
        Sorting("profit", lambda row: row.profit),
        Sorting("return", lambda row: row.profit_pct),
        Sorting("name", lambda row: row.stock_name, down=False),
    ),
)
ORDERS = Kind(
    (
        Column("time", lambda row: clock(row.created_at), rank=3),
        Column("number", lambda row: row.ord_no or "-", rank=4),
        Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
        NAME,
        Column("open", lambda row: money(row.open_quantity), right=True),
        Column("price", wanted_price, right=True),
        Column("state", lambda row: row.state, rank=2, color=lambda row: state_color(row.state)),
    ),
    lambda row: str(row.order_id),
    (
        Sorting("time", lambda row: row.created_at),
        Sorting("name", lambda row: row.stock_name, down=False),
        Sorting("price", lambda row: row.price),
    ),
)
CANDIDATES = Kind(
    (
        Column("code", lambda row: row.stock_code, rank=4),
        NAME,
        Column("price", lambda row: money(row.price), right=True),
        columns.CHANGE,
        Column("score", lambda row: plain(row.score), right=True),
        Column("strength", lambda row: plain(row.strength), right=True, rank=2),
        Column("why", lambda row: (row.reasons or row.rankings or ("",))[-1], rank=3, shorten=12),
    ),
    lambda row: str(row.stock_code),
    (
        Sorting("score", lambda row: row.score),
        Sorting("change", lambda row: row.change_pct),
        Sorting("name", lambda row: row.stock_name, down=False),
    ),
)


class PanelTable(DataTable[Text]):
    """Rows of one kind. The cursor stays on its row when rows come and go."""

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(
            id=name,
            classes="panel",
            cursor_type="row",
            cursor_foreground_priority="renderable",
        )
        self._kind = kind
        self._sorting = 0
        self._rows: list[Any] = []
        self._drawn: tuple[Any, ...] = ()
        self.look: dict[str, str] = {}

    @property
    def count(self) -> int:
        return len(self._rows)

    @property
    def chosen(self) -> Any:
        """The row under the cursor; None in an empty table."""
        return self._rows[self.cursor_row] if 0 <= self.cursor_row < len(self._rows) else None

    def fill(self, rows: Sequence[Any]) -> None:
        """Show these rows, sorted."""
        order = self._kind.sortings[self._sorting]
        self._show(sorted(rows, key=order.value, reverse=order.down))

    def sort_next(self) -> None:
        """Sort by the next of the kind's columns."""
        self._sorting = (self._sorting + 1) % len(self._kind.sortings)
        self.fill(self._rows)

    def on_resize(self, event: events.Resize) -> None:
        self._show(self._rows)

    def _show(self, rows: list[Any]) -> None:
        width = max(0, self.size.width - EDGE)
        drawn = (width, self._sorting, *rows)
        if drawn == self._drawn:
            return
        before = self.chosen
        self._rows, self._drawn = rows, drawn
        self._draw(width)
        keys = [self._kind.key(row) for row in rows]
        if before is not None and self._kind.key(before) in keys:
            self.move_cursor(row=keys.index(self._kind.key(before)))

    def _draw(self, width: int) -> None:
        kind, order = self._kind, self._kind.sortings[self._sorting]
        titles = [tr(column.heading) for column in kind.columns]
        titles = [
            f"{title} {'▼' if order.down else '▲'}" if column.heading == order.heading else title
            for title, column in zip(titles, kind.columns, strict=True)
        ]
        cells = [[visible(tr(column.cell(row))) for column in kind.columns] for row in self._rows]
        kept, widths = fit(kind.columns, titles, cells or [titles], width)
        widths = {
            index: widths[index] or max(width_of(row[index]) for row in (titles, *cells))
            for index in kept
        }
        self.clear(columns=True)
        for index, wide in widths.items():
            self.add_column(self._placed(titles[index], "", index, wide), width=wide)
        for row, texts in zip(self._rows, cells, strict=True):
            self.add_row(
                *(
                    self._placed(texts[index], self._style(row, index), index, wide)
                    for index, wide in widths.items()
                )
            )

    def _style(self, row: Any, index: int) -> str:
        color = self._kind.columns[index].color
        return self.look.get((color and color(row)) or "", "")

    def _placed(self, text: str, style: str, index: int, width: int) -> Text:
        right = self._kind.columns[index].right
        return Text(shorten(text, width), style, justify="right" if right else "left")


class LinesPanel(VerticalScroll, can_focus=True):
    """Lines of text. Those that `grow` have the newest at the bottom, which stays in sight."""

    def __init__(self, name: str, *, grow: bool = False) -> None:
        super().__init__(id=name, classes="panel")
        self._content = Static(markup=False)
        self.grows = grow
        self._lines: tuple[Text, ...] = ()

    def compose(self) -> Any:
        yield self._content

    def fill(self, lines: Sequence[Text]) -> None:
        """Show these lines; scrolls to the newest unless the reader has scrolled away."""
        if tuple(lines) == self._lines:
            return
        follows = self.max_scroll_y - self.scroll_offset.y <= 1
        self._lines = tuple(lines)
        self._content.update(Text("\n").join(self._lines))
        if follows and self.grows:
            self.call_after_refresh(self.scroll_end, animate=False)


class ChartPanel(Static):
    """The minutes of one stock."""

    def __init__(self) -> None:
        super().__init__(id="chart", classes="panel", markup=False)
        self._what: tuple[Sequence[Bar], Sequence[PriceLevel]] = ((), ())
        self._empty = ""
        self.look: dict[str, str] = {}

    def fill(self, bars: Sequence[Bar], levels: Sequence[PriceLevel], empty: str) -> None:
        """Draw these minutes; `empty` is what stands there without any."""
        self._what, self._empty = (bars, levels), empty
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        bars, levels = self._what
        drawn = price_chart.draw(bars, levels, (self.size.width, self.size.height), self.look)
        self.update(drawn if drawn.plain else Text(self._empty, DIM))
