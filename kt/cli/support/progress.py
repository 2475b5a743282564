"""What a command waits for, as one line on the terminal while it takes longer than a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

QUIET_SECONDS = 1.0
"""After so long without any output the line appears."""
REDRAW_SECONDS = 0.25
CLEAR = "\r\x1b[K"

Draw = Callable[[str], str]


class Progress:
    """A line on `stderr`, drawn by a thread of its own and erased before any other output.

    `lock` is the console's: whoever writes holds it. `draw` cuts and colours the text. `rate` is
    the broker's limit of calls a second.
    """

    def __init__(
        self,
        stderr: TextIO,
        lock: threading.RLock,
        draw: Draw,
        what: str,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what = what
        self.rate = 0.0
        self._stderr, self._lock, self._draw, self._now = stderr, lock, draw, now
        self._started = self._last_output = now()
        self._answers, self._last = 0, ""
        self._drawn = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kt-progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Erase the line for good."""
        self._end.set()
        with self._lock:
            self.make_way()

    def called(self, api_id: str) -> None:
        """Count an answer of the broker."""
        self._answers += 1
        self._last = api_id

    def make_way(self) -> None:
        """Erase the line before other output; the caller holds the lock."""
        if self._drawn:
            self._write(CLEAR)
        self._drawn = ""
        self._last_output = self._now()

    def show(self) -> None:
        """Draw the line if nothing else was written for a second."""
        with self._lock:
            if self._end.is_set() or self._now() - self._last_output < QUIET_SECONDS:
                return
            text = self.text()
            if text != self._drawn:
                self._drawn = text
                self._write(CLEAR + self._draw(text))

    def text(self) -> str:
        seconds = f"kt: {self._now() - self._started:.0f} s, waiting for {self.what}"
        if not self._answers:
            return seconds
        many = f"{self._answers:,} answer{'s' if self._answers > 1 else ''}"
        limit = f"; it takes {self.rate:g} calls of a kind a second" if self.rate else ""
        return f"{seconds}: {many}, the last of {self._last}{limit}"

    def _run(self) -> None:
        while not self._end.wait(REDRAW_SECONDS):
            self.show()

    def _write(self, text: str) -> None:
        try:
            self._stderr.write(text)
            self._stderr.flush()
        except (OSError, ValueError):  # the terminal has gone: it is no news
            self._end.set()
