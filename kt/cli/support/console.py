"""The standard streams of one command: data goes to stdout, messages go to stderr."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import TextIO

from kt.cli.support.progress import Progress
from kt.rules.typed_text import folded
from kt.text import data, screen
from kt.translation import tr

DEFAULT_WIDTH = 80
INSET = len("kt: ")
HEARD = 0.2
"""After how long a question notices a Ctrl-C at the latest, in seconds."""


class Console:
    """Detects once which streams are terminals; tests pass their own streams.

    A reader that closes the pipe is not an error: `closed` becomes true, so that continuous output
    can end, and a command that has already acted keeps its own exit code.
    """

    def __init__(
        self,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        *,
        in_terminal: bool | None = None,
        out_terminal: bool | None = None,
        err_terminal: bool | None = None,
        width: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        # A stream that the parent process has closed is None.
        self.stdin = stdin or sys.stdin or io.StringIO()
        self.stdout = stdout or sys.stdout or io.StringIO()
        self.stderr = stderr or sys.stderr or io.StringIO()
        self.environ = os.environ if environ is None else environ
        self.in_terminal = is_terminal(self.stdin) if in_terminal is None else in_terminal
        self.out_terminal = is_terminal(self.stdout) if out_terminal is None else out_terminal
        self.err_terminal = is_terminal(self.stderr) if err_terminal is None else err_terminal
        self.progress: Progress | None = None
        self._lock = threading.RLock()
        self.quiet = False
        self.no_color = False
        self.markdown = False
        """Tables are Markdown, without colours and of any width."""
        self.closed = False
        self.failure = ""
        """Why data could not be written, unless the reader closed the pipe."""
        self.palette = "red-blue"
        self._width = width

    @property
    def width(self) -> int:
        """Columns of the terminal; 0 = unlimited, as in a pipe."""
        if self.markdown:
            return 0
        if self._width is not None:
            return self._width
        if not self.out_terminal:
            return 0
        columns = self.environ.get("COLUMNS", "")
        if re.fullmatch("[1-9][0-9]{0,3}", columns):
            return int(columns)
        try:
            return os.get_terminal_size(self.stdout.fileno()).columns or DEFAULT_WIDTH
        except (OSError, ValueError):
            return DEFAULT_WIDTH

    @property
    def color(self) -> str:
        """The palette of gains and losses; empty for no colours: they are used only on a terminal,
        and never with NO_COLOR or --no-color."""
        on = (
            self.out_terminal
            and not self.markdown
            and not self.no_color
            and not self.environ.get("NO_COLOR")
            and self.environ.get("TERM") != "dumb"
        )
        return self.palette if on else ""

    def write(self, text: str) -> None:
        """Write data to stdout and flush."""
        self.steer(data(text))

    def show(self, text: str) -> None:
        """Write a table or other text for people to stdout and flush."""
        self.steer(self.shown(text))

    def shown(self, text: str) -> str:
        """The text without control characters: the last filter, after those of each table."""
        return screen(text, colors=bool(self.color))

    def steer(self, text: str) -> None:
        """Write to stdout unfiltered: kt's own cursor sequences and text from `shown`."""
        if self.closed:
            return
        try:
            with self._output():
                self.stdout.write(text)
                self.stdout.flush()
        except BrokenPipeError:
            self.closed = True
        except OSError as error:  # reported at the end, with an exit code
            self.closed = True
            self.failure = error.strerror or str(error)

    def say(self, text: str) -> None:
        """Write a message or progress to stderr, unless --quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write a message to stderr even with --quiet. On a terminal, long lines are wrapped and
        indented, so that a continuation cannot look like a new message. A failure to write (closed
        terminal, full disk) is ignored."""
        if self.width and any(len(line) > self.width // 2 for line in text.split("\n")):
            from kt.cli.show.width import paragraph

            text = "\n".join(paragraph(line, self.width, INSET) for line in text.split("\n"))
        try:
            with self._output():
                self.stderr.write(self.shown(text) + "\n")
                self.stderr.flush()
        except OSError:
            return

    def hint(self, text: str) -> None:
        """One dim line about what may follow: only between a person and a terminal."""
        if self.out_terminal and self.err_terminal:
            self.say(self._dim(tr(text)))

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.color else text

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Within the block, a line says on the terminal what is waited for whenever that takes
        longer than a second. Blocks may be nested."""
        person = self.out_terminal and self.err_terminal
        if not person or self.quiet or self.environ.get("TERM") == "dumb":
            yield
            return
        outer = self.progress
        if outer is not None:
            before, outer.what = outer.what, what
            try:
                yield
            finally:
                outer.what = before
            return
        self.progress = Progress(self.stderr, self._lock, self._fitted, what)
        self.progress.start()
        try:
            yield
        finally:
            self.progress.stop()
            self.progress = None

    def _fitted(self, text: str) -> str:
        """A text that cannot wrap."""
        from kt.cli.show.width import shorten

        return self._dim(shorten(self.shown(tr(text)), max(self.width - 1, 1)))

    @contextlib.contextmanager
    def _output(self) -> Iterator[None]:
        """While something is written, or a question waits, there is no progress line."""
        with self._lock:
            if self.progress is not None:
                self.progress.make_way()
            yield
            if self.progress is not None:
                self.progress.make_way()

    def ask(self, question: str) -> bool:
        """Ask a yes-or-no question on the terminal; anything but y or yes (예, 네) means no."""
        return self.ask_text(f"{tr(question)} [y/N]").lower() in {"y", "yes", "예", "네"}

    def ask_text(self, question: str) -> str:
        """Ask on the terminal for one line; empty when there is none."""
        return self.ask_line(question) or ""

    def ask_line(self, question: str, *, hidden: bool = False) -> str | None:
        """The same, but None when the input has ended (Ctrl-D). `hidden`: what is typed is not
        shown."""
        with self._output(), self._no_echo() if hidden else contextlib.nullcontext():
            try:
                self.stderr.write(f"{self.shown(tr(question))} ")
                self.stderr.flush()
            except OSError:
                return None
            self._await_line()
            answer = self.stdin.readline()
        if hidden or not answer.endswith("\n"):
            self.warn("")
        return folded(answer) if answer else None

    def _await_line(self) -> None:
        """Wait until the terminal has a line. Python handles a signal between bytecodes: a Ctrl-C
        in the moment before a blocking read would be kept until the next key, so none blocks
        for longer than `HEARD`."""
        if self.in_terminal:
            with contextlib.suppress(OSError, ValueError):  # no file: read at once
                while not select.select([self.stdin], [], [], HEARD)[0]:
                    pass

    @contextlib.contextmanager
    def _no_echo(self) -> Iterator[None]:
        """Within the block the terminal does not show what is typed."""
        import termios

        try:
            handle = self.stdin.fileno()
            before = termios.tcgetattr(handle)
        except (OSError, ValueError, termios.error):  # no terminal
            yield
            return
        quiet = list(before)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(handle, termios.TCSADRAIN, quiet)
        try:
            yield
        finally:
            termios.tcsetattr(handle, termios.TCSADRAIN, before)

    def read(self, most: int) -> bytes:
        """Read stdin as bytes, at most `most` of them."""
        buffer = getattr(self.stdin, "buffer", None)
        if buffer is None:
            return self.stdin.read(most).encode("utf-8", "surrogatepass")
        data: bytes = buffer.read(most)
        return data


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed by the parent process
        return False
