"""Opens the screen over the command's context, and ends it cleanly whatever ends it."""

from __future__ import annotations

import io
import os
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kt.cli.support.termination import Terminated, caught
from kt.cli.top.dashboard import Dashboard
from kt.cli.top.key_command import child_process

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context


class Notes(io.StringIO):
    """Takes what kt would write to stderr while the screen is open, line by line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=50)

    def write(self, text: str) -> int:
        self.lines.extend(line for line in text.split("\n") if line.strip())
        return len(text)


def run(cli: CliContext, ctx: Context) -> None:
    """Show the screen until it is closed. Raises Terminated or KeyboardInterrupt for the signal
    that ended it."""
    if not cli.console.color:
        os.environ["NO_COLOR"] = "1"  # which the toolkit reads, and each command that a key runs
    with _notes(cli) as notes:
        app = Dashboard(cli, ctx, child_process(cli), notes)
        with _signals(app):
            app.run()
    if app.fault is not None:
        raise app.fault
    if app.running:
        cli.say(f"`{app.running}` is still at work; `kt log` shows how it ended")
    if app.ended_by == signal.SIGINT:
        raise KeyboardInterrupt
    if app.ended_by:
        raise Terminated(app.ended_by)


@contextmanager
def _notes(cli: CliContext) -> Iterator[deque[str]]:
    """Messages go to the screen, not over it."""
    before, notes = cli.console.stderr, Notes()
    cli.console.stderr = notes
    try:
        yield notes.lines
    finally:
        cli.console.stderr = before


@contextmanager
def _signals(app: Dashboard) -> Iterator[None]:
    """A signal closes the screen, which restores the terminal."""

    def close(number: int, frame: object) -> None:
        app.end(number)

    wanted = (signal.SIGINT, *caught())
    before: dict[signal.Signals, Any] = {one: signal.signal(one, close) for one in wanted}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
