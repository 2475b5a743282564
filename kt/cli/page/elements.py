"""HTML elements as a tree of the standard library, which escapes every text and attribute when it
is written: no other module writes markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from kt.cli.show.cells import DIM, FALL, GREEN, RED, RISE, YELLOW
from kt.cli.show.table import Column
from kt.text import visible
from kt.translation import tr

Element = ElementTree.Element
CLASSES = {RISE: "rise", FALL: "fall", GREEN: "good", RED: "bad", YELLOW: "warn", DIM: "dim"}
"""The colours of tables as classes of the style sheet."""


def element(tag: str, *children: Element | str | None, **attributes: str) -> Element:
    """One element; `None` children are left out. `class_` and `data_theme` name the attributes
    `class` and `data-theme`."""
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    made = Element(tag, {name: value for name, value in names.items() if value})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                made.text = (made.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            made.append(child)
            last = child
    return made


def section(title: str, *children: Element | None, name: str) -> Element | None:
    """A part of the page under its heading; None when there is nothing in it."""
    kept = [child for child in children if child is not None]
    if not kept:
        return None
    return element("section", element("h2", tr(title)), *kept, id=name)


def note(text: str) -> Element:
    """A remark below a table or a chart."""
    return element("p", visible(tr(text)), class_="note")


def table(columns: Sequence[Column], rows: Sequence[Any]) -> Element | None:
    """The same table as on a terminal, in full; None without rows. Columns that may be left out
    and have nothing in them are left out."""
    if not rows:
        return None
    cells = [[visible(tr(column.cell(row))) for column in columns] for row in rows]
    shown = [
        index
        for index, column in enumerate(columns)
        if not column.rank or any(line[index] for line in cells)
    ]
    head = [
        element("th", tr(columns[index].heading), class_=_class(columns[index])) for index in shown
    ]
    body = [
        element("tr", *(_cell(columns[index], row, line[index]) for index in shown))
        for row, line in zip(rows, cells, strict=True)
    ]
    made = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", made, class_="scroll")


def _cell(column: Column, row: Any, text: str) -> Element:
    color = column.color(row) if column.color else None
    return element("td", text, class_=_class(column, CLASSES.get(color or "", "")))


def _class(column: Column, more: str = "") -> str:
    kinds = ("right" if column.right else "", "words" if column.shorten else "", more)
    return " ".join(filter(None, kinds))


def written(page: Element) -> str:
    """The markup of a whole page. Texts are escaped; those of `script` and `style` are written as
    they are, as HTML wants it."""
    markup = ElementTree.tostring(page, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{markup}\n"
