"""Windows over the screen: a question before a key acts, the details of a row, the list of keys."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kt.cli.show.table import pairs
from kt.cli.support.console import Console
from kt.cli.top import ink
from kt.cli.top.key_command import KeyCommand
from kt.text import visible
from kt.translation import tr

HELP: tuple[tuple[str, str], ...] = (
    ("1-5, Tab", "choose a panel: positions, orders, candidates, the analyst, events"),
    ("↑ ↓", "choose a row, or scroll"),
    ("Enter", "details; of a stock also today's chart (one request to the broker)"),
    ("s", "sort by the next column"),
    ("c", "cancel the chosen order (asks first)"),
    ("r", "reduce: only sells and cancels from now on (asks first)"),
    ("h", "halt: no new orders from now on (asks first)"),
    ("?", "this list"),
    ("q, Ctrl-C", "quit; `kt run` in another process goes on"),
)


class Confirmation(ModalScreen[bool]):
    """Says what will happen; only `y` means yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y,ㅛ", "answer(True)", show=False),
        Binding("n,N,ㅜ,escape,q,ㅂ", "answer(False)", show=False),
    ]

    def __init__(self, command: KeyCommand, warning: str, *, color: str) -> None:
        super().__init__()
        self._command, self._warning, self._color = command, warning, color

    def compose(self) -> Any:
        text = Text().append(f"{tr(self._command.title)}\n", ink.BOLD)
        if self._warning:
            text.append(f"\n{tr(self._warning)}\n", ink.BADGE + ink.bold(self._color))
        for effect in self._command.effects:
            text.append(f"\n{tr(effect)}")
        text.append(f"\n\n{tr('This runs')} `{self._command.shown}`.")
        text.append(f"\n\n{tr('y: yes, n or Esc: no')}")
        with Vertical(classes="window"):
            yield Static(text, id="question", markup=False)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class Details(ModalScreen[None]):
    """Names and values, until a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,ㅂ,question_mark", "dismiss", show=False)
    ]

    def __init__(self, title: str, rows: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._rows = title, rows

    def compose(self) -> Any:
        plain = Console(in_terminal=False, out_terminal=False, err_terminal=False)
        text = Text().append(f"{visible(tr(self._title))}\n\n", ink.BOLD)
        text.append(plain.shown(pairs(self._rows, plain)))
        text.append(f"\n{tr('Esc closes this.')}")
        with VerticalScroll(classes="window"):
            yield Static(text, id="details", markup=False)
