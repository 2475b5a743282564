"""Notifications: by a command that gets the text on stdin, or by any apprise service.

Delivery is slow and may hang, so it runs in its own thread: trading never waits for it.
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
"""Maximum number of queued notices; beyond it, new notices are shown but not delivered."""


class OwnerNotifier:
    """Shows every notice through `show` at once, and delivers those of the configured level in
    order.

    Never raises: a failed delivery is shown with its reason. `close` waits for pending deliveries.
    """

    def __init__(
        self, settings: Notify, show: Callable[[str], None], environ: Mapping[str, str]
    ) -> None:
        """`environ` is the command's environment, see kt/children.py."""
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
        self._start()
        try:
            self._waiting.put_nowait((line, title, text))
        except queue.Full:
            self._show("warning: too many notices are queued; this one is not delivered")

    def _start(self) -> None:
        with self._lock:
            if self._messenger is None:
                self._messenger = threading.Thread(
                    target=self._deliver, name="kt-messenger", daemon=True
                )
                self._messenger.start()

    def close(self, seconds: float = COMMAND_TIMEOUT) -> None:
        """Wait for pending deliveries, at most `seconds`."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            done = waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, seconds)
        if not done:
            self._show("warning: a notice is still being delivered and may be lost")

    def _deliver(self) -> None:
        while True:
            line, title, text = self._waiting.get()
            if self._settings.command:
                self._run(self._settings.command, line)
            if self._settings.urls:
                self._send(title, text)
            self._waiting.task_done()

    def _run(self, command: str, line: str) -> None:
        """Run the command in its own process group, which is killed after COMMAND_TIMEOUT together
        with its children. Its output is discarded."""
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
            self._show("warning: no notify.urls service accepted the notice")
