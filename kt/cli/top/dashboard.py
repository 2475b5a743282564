"""The live screen itself: panels, keys, and the workers that fill them."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.notifications import SeverityLevel
from textual.widgets import Static
from textual.worker import WorkerFailed

from kt.cli.show.log import line
from kt.cli.support.messages import sentence
from kt.cli.top import ink, key_command, wording
from kt.cli.top.dialogs import HELP, Confirmation, Details
from kt.cli.top.key_command import Ended, KeyCommand, Runner
from kt.cli.top.live_prices import LivePrices
from kt.cli.top.screen_state import Row, Snapshot, SnapshotReader
from kt.cli.top.widgets import CANDIDATES, ORDERS, POSITIONS, ChartPanel, LinesPanel, PanelTable
from kt.errors import KtError
from kt.records import Order, Position
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context

EVERY = 1.0
"""Real seconds between readings of the journal; a change of an order wakes the reader at once."""
LEAST = (60, 14)
"""The smallest screen, in columns and rows."""
WIDTHS = [(0, "-tiny"), (LEAST[0], "-narrow"), (110, "-wide")]
HEIGHTS = [(0, "-flat"), (LEAST[1], "-low"), (22, "-medium"), (32, "-high")]
PANELS = {
    "positions": "Positions",
    "orders": "Open orders",
    "candidates": "Candidates",
    "said": "Analyst",
    "events": "Events",
}
"""The panels that 1 to 5 choose, in order, and their titles."""
KEYS = "1-5 panel  Enter details  s sort  c cancel  r reduce  h halt  ? help  q quit"


class Dashboard(App[None]):
    """One screen over one profile. Reads on a worker thread, draws on the UI's, acts by commands in
    processes of their own."""

    CSS_PATH = "dashboard.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"panel({n - 1})", show=False) for n in range(1, 6)),
        Binding("tab", "panel(1, True)", show=False, priority=True),
        Binding("shift+tab", "panel(-1, True)", show=False, priority=True),
        Binding("s,ㄴ", "sort", show=False),
        Binding("c,ㅊ", "cancel", show=False),
        Binding("r,ㄱ", "reduce", show=False),
        Binding("h,ㅗ", "halt", show=False),
        Binding("question_mark,f1", "help", show=False),
        Binding("q,ㅂ", "end", show=False),
        Binding("ctrl+c,ctrl+q", "interrupt", show=False, priority=True),
    ]

    def __init__(self, cli: CliContext, ctx: Context, runner: Runner, notes: deque[str]) -> None:
        super().__init__(ansi_color=None if cli.console.color else True)
        self._cli, self._runner, self._notes = cli, runner, notes
        self._wake, self._over = threading.Event(), threading.Event()
        self.live = LivePrices(ctx, cli.app.stream, self._wake.set)
        self._reader = SnapshotReader(cli, ctx, self.live)
        self._look = ink.styles(cli.console.color)
        self._panel = "positions"
        self._done: deque[tuple[KeyCommand, Ended]] = deque()
        self.told: deque[Row] = deque(maxlen=50)
        """What the screen itself said, as rows of events."""
        self._drawn: tuple[Any, ...] = ()
        """What the events were drawn from."""
        self.snapshot: Snapshot | None = None
        self._trouble = ""
        self.running = ""
        """The command under way that a key has started."""
        self.ended_by = 0
        """The signal that closed the screen; Ctrl-C counts as one."""

    @property
    def fault(self) -> Exception | None:
        """An unexpected exception that closed the screen, a worker's own one for a worker's."""
        found = self._exception
        if isinstance(found, WorkerFailed) and isinstance(found.error, Exception):
            return found.error
        return found

    def compose(self) -> Any:
        yield Static(id="state", markup=False)
        yield Static(id="tabs", markup=False)
        with Container(id="panels"):
            yield PanelTable(POSITIONS, "positions")
            yield PanelTable(ORDERS, "orders")
            yield PanelTable(CANDIDATES, "candidates")
            yield LinesPanel("said")
            yield ChartPanel()
            yield LinesPanel("events", grow=True)
        yield Static(id="keys", markup=False)
        yield Static(id="small", markup=False)

    def on_mount(self) -> None:
        for table in self.query(PanelTable):
            table.look = self._look
        self.query_one(ChartPanel).look = self._look
        for name, title in PANELS.items():
            self.query_one(f"#{name}").border_title = tr(title)
        self._choose(self._panel)
        self.live.start()
        self.run_worker(self._read, thread=True, name="kt-top-reader")

    def on_resize(self, event: events.Resize) -> None:
        columns, rows = event.size
        words = f"kt top needs {LEAST[0]} columns and {LEAST[1]} rows, here are {columns} x {rows}"
        self.query_one("#small", Static).update(f"{tr(words)}. {tr('q: quit')}")
        self.query_one("#keys", Static).update(f" {tr(KEYS)}")
        self.call_after_refresh(self._draw)

    # data

    def _read(self) -> None:
        """Until the end: read a snapshot, and let the UI draw it."""
        while not self._over.is_set():
            self._wake.clear()
            try:
                found, trouble = self._reader.read(), ""
            except KtError as failure:
                found, trouble = None, sentence(failure.message, failure.hint)
            if self._over.is_set():
                return
            self.call_from_thread(self._show, found, trouble)
            self._wake.wait(EVERY)

    def _show(self, found: Snapshot | None, trouble: str) -> None:
        if not self.is_running:  # the panels go before the reader has ended
            return
        self._trouble = trouble
        if found is not None:
            self.snapshot = found
        while self._done:
            self._ended(*self._done.popleft())
        self._draw()

    def _draw(self) -> None:
        shown = self.snapshot
        if shown is None:
            waiting = tr("reading the journal")
            self.query_one("#state", Static).update(self._trouble or f" {waiting} …")
            return
        self._tables(shown)
        self._state(shown)
        self._follow()
        told = [wording.opinion(row, self._look) for row in reversed(shown.said)]
        self.query_one("#said", LinesPanel).fill(told)
        self._events(shown)
        self._chart(shown)

    def _events(self, shown: Snapshot) -> None:
        """The journal's events and what this screen has to say, by time."""
        rows = sorted([*shown.events, *self.told], key=wording.by_time)
        drawn = (self.size.width, len(self.told), *rows[-1:])
        if drawn != self._drawn:
            self._drawn = drawn
            lines = [Text.from_ansi(line(row, self._cli.console)) for row in rows]
            self.query_one("#events", LinesPanel).fill(lines)

    def _state(self, shown: Snapshot) -> None:
        while self._notes:
            self._tell(self._notes.popleft())
        parts = [wording.system(shown, self._look), wording.money_line(shown, self._look)]
        troubles = [self._trouble] if self._trouble else []
        style = ink.bold(self._look.get("33"))
        parts += [Text(f" {words}", style) for words in wording.warnings(shown, troubles)]
        text = Text("\n").join(parts)
        self.query_one("#state", Static).update(text)

    def _tables(self, shown: Snapshot) -> None:
        for name, rows in (
            ("positions", shown.positions),
            ("orders", shown.orders),
            ("candidates", shown.candidates),
        ):
            self.query_one(f"#{name}", PanelTable).fill(rows)
        tabs = Text()
        for number, (name, title) in enumerate(PANELS.items(), 1):
            table = self.query_one(f"#{name}")
            count = f" {table.count}" if isinstance(table, PanelTable) else ""
            words = f" {number} {tr(title)}{count} "
            tabs.append(words, ink.REVERSE if name == self._panel else ink.DIM)
            table.border_title = words.strip()
        self.query_one("#tabs", Static).update(tabs)

    def _follow(self) -> None:
        """Follow the prices of what is chosen, held and ordered."""
        shown, stock = self.snapshot, self._stock()
        if shown is not None:
            rows: tuple[Position | Order, ...] = (*shown.positions, *shown.orders)
            self.live.want([*([stock[0]] if stock else []), *(row.stock_code for row in rows)])

    def _stock(self) -> tuple[str, str] | None:
        """Code and name of the chosen stock: of the focused table, else of the first with rows."""
        tables = sorted(self.query(PanelTable), key=lambda table: table.id != self._panel)
        row = next((table.chosen for table in tables if table.chosen is not None), None)
        return (row.stock_code, row.stock_name) if row is not None else None

    def _chart(self, shown: Snapshot) -> None:
        chart, stock = self.query_one(ChartPanel), self._stock()
        if stock is None:
            chart.border_title = ""
            chart.fill((), (), tr("no stock is chosen"))
            return
        code, name = stock
        chart.border_title = Text(visible(f"{name} {code}"))
        levels = wording.levels(shown, code)
        empty = tr("No trade since this screen opened. Enter asks for today's minutes.")
        chart.fill(self.live.minutes(code), levels, empty)

    # keys

    def action_panel(self, number: int, relative: bool = False) -> None:
        names = list(PANELS)
        start = names.index(self._panel) if relative else 0
        self._choose(names[(start + number) % len(names)])

    def _choose(self, name: str) -> None:
        self._panel = name
        for panel in PANELS:
            self.query_one(f"#{panel}").set_class(panel == name, "chosen")
        self.query_one(f"#{name}").focus()
        self._draw()

    def on_data_table_row_highlighted(self) -> None:
        if self.snapshot is not None:
            self._follow()
            self._chart(self.snapshot)

    def on_data_table_row_selected(self, event: PanelTable.RowSelected) -> None:
        table, shown = event.data_table, self.snapshot
        row = table.chosen if isinstance(table, PanelTable) else None
        if row is None or shown is None:
            return
        self._load(row.stock_code)
        title = f"{row.stock_code} {row.stock_name}"
        if isinstance(row, Position):
            whys = [said for said in shown.said if said.get("stock_code") == row.stock_code]
            why = str(whys[-1].get("reason", "")) if whys else ""
            self.push_screen(Details(title, wording.position(row, why)))
        elif isinstance(row, Order):
            self.push_screen(Details(title, wording.order(row)))
        else:
            self.push_screen(Details(title, wording.candidate(row)))

    def _load(self, code: str) -> None:
        """Today's minutes of a stock, on a thread of its own."""

        def load() -> None:
            try:
                self.live.load(code)
            except KtError as failure:
                self._notes.append(sentence(failure.message, failure.hint))
            self._wake.set()

        threading.Thread(target=load, name="kt-top-minutes", daemon=True).start()

    def action_sort(self) -> None:
        table = self.query_one(f"#{self._panel}")
        if isinstance(table, PanelTable):
            table.sort_next()

    def action_help(self) -> None:
        self.push_screen(Details("Keys", list(HELP)))

    def action_halt(self) -> None:
        self._ask(key_command.HALT)

    def action_reduce(self) -> None:
        self._ask(key_command.REDUCE)

    def action_cancel(self) -> None:
        row = self.query_one("#orders", PanelTable).chosen
        if row is None or self._panel != "orders":
            self._tell(tr("choose an open order first: 2, then ↑ ↓"))
        elif why := key_command.cannot_cancel(row):
            self._tell(tr(f"order {row.ord_no or row.order_id} cannot be cancelled now: {why}"))
        else:
            self._ask(key_command.cancel(row))

    def _ask(self, command: KeyCommand) -> None:
        """Ask, then run the command; one at a time."""
        if self.running:
            self._tell(tr(f"`{self.running}` is still at work"))
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._run_command(command)
            else:
                self._tell(tr("not confirmed; nothing was sent"))

        warning = key_command.warning(self._cli, command)
        color = self._look.get("31", "")
        self.push_screen(Confirmation(command, warning, color=color), answered)

    def _run_command(self, command: KeyCommand) -> None:
        self.running = command.shown
        self._tell(tr(f"`{command.shown}` is at work"))

        def work() -> None:
            self._done.append((command, self._runner(command)))
            self._wake.set()

        threading.Thread(target=work, name="kt-top-command", daemon=True).start()

    def _ended(self, command: KeyCommand, ended: Ended) -> None:
        self.running = ""
        done = f"`{command.shown}` is done"
        failed = f"`{command.shown}` ended with exit code {ended.code}"
        levels: tuple[SeverityLevel, SeverityLevel] = ("information", "error")
        text = f"{tr(failed if ended.code else done)}\n{ended.message}".strip()
        self._tell(text, levels[bool(ended.code)])

    def _tell(self, text: str, severity: SeverityLevel = "information") -> None:
        """A message of the screen's own: for some seconds above all, and among the events."""
        self.notify(text, severity=severity, markup=False)
        at = self._cli.now().isoformat(timespec="seconds")
        rows = ({"kind": "screen", "at": at, "text": words} for words in text.splitlines())
        self.told.extend(rows)
        if self.snapshot is not None:
            self._events(self.snapshot)

    # the end

    def action_end(self) -> None:
        self.exit()

    def action_interrupt(self) -> None:
        self.end(2)

    def end(self, number: int) -> None:
        """Close the screen because of a signal, from its handler too."""
        self.ended_by = number
        self.call_later(self.exit)

    def on_unmount(self) -> None:
        self._over.set()
        self._wake.set()
        self.live.end()

    def _fatal_error(self) -> None:
        """The toolkit would print a traceback; kt keeps it in a file."""
        self._close_messages_no_wait()
