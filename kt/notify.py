"""Tells the owner: a command that gets the text on its stdin, or any of apprise's services.

Messengers are slow and may hang, so they work on a thread of their own: nobody who trades waits.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from kt.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kt.config.model import Notify

LEVELS = ("info", "warning", "critical")
COMMAND_TIMEOUT = 10.0
MOST_WAITING = 100
"""Notices that wait for the messenger; with more, the newest are only shown."""


class OwnerNotifier:
    """Shows every notice through `show` at once, and sends those of the configured level on, in
    their order.

    Never raises: a notice that cannot be delivered is shown with the reason. `close` waits for
    what is still on its way.
    """

    def __init__(
        self, settings: Notify, show: Callable[[str], None], environ: Mapping[str, str]
    ) -> None:
        """`environ` is what the command gets: see kt/children.py."""
        self._settings = settings
        self._show = show
        self._environ = dict(environ)
        self._waiting: queue.Queue[tuple[str, str, str]] = queue.Queue(MOST_WAITING)
        self._messenger: threading.Thread | None = None
        self._lock = threading.Lock()

    def notify(self, level: str, title: str, text: str) -> None:
        title, text = visible(title), visible(text)
        line = f"{level}: {title}. {text}".rstrip()
        self._show(line)
        if LEVELS.index(level) < LEVELS.index(self._settings.level):
            return
        if not (self._settings.command or self._settings.urls):
            return
        self._set_off()
        try:
            self._waiting.put_nowait((line, title, text))
        except queue.Full:
            self._show("warning: too many notices wait for the messenger; this one is not sent on")

    def _set_off(self) -> None:
        with self._lock:
            if self._messenger is None:
                self._messenger = threading.Thread(
                    target=self._deliver, name="kt-messenger", daemon=True
                )
                self._messenger.start()

    def close(self, seconds: float = COMMAND_TIMEOUT) -> None:
        """Wait for the notices that are on their way, so many seconds at most."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            done = waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, seconds)
        if not done:
            self._show("warning: the messenger is still busy; a notice may not be delivered")

    def _deliver(self) -> None:
        while True:
            line, title, text = self._waiting.get()
            if self._settings.command:
                self._run(self._settings.command, line)
            if self._settings.urls:
                self._send(title, text)
            self._waiting.task_done()

    def _run(self, command: str, line: str) -> None:
        """The command in a process group of its own, which is ended when it takes too long: what
        the command started in turn goes with it. What it writes is for nobody."""
        try:
            process = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=self._environ,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._show(f"warning: the notify command failed: {error}")
            return
        try:
            process.communicate(f"{line}\n", timeout=COMMAND_TIMEOUT)
            if process.returncode:
                self._show(f"warning: the notify command ended with {process.returncode}")
        except subprocess.TimeoutExpired:
            self._show(f"warning: the notify command failed: not done in {COMMAND_TIMEOUT:g} s")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _send(self, title: str, text: str) -> None:
        try:
            import apprise
        except ImportError:
            self._show("warning: notify.urls needs `pip install kt[notify]`")
            return
        sender = apprise.Apprise()
        for url in self._settings.urls:
            sender.add(url)
        if not sender.notify(title=title, body=text):
            self._show("warning: no notify.urls service took the notice")
