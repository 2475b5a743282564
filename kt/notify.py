"""Tells the owner: a command that gets the text on its stdin, or any of apprise's services."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kt.config.model import Notify

LEVELS = ("info", "warning", "critical")
COMMAND_TIMEOUT = 10.0


class OwnerNotifier:
    """Shows every notice through `show`, and sends those of the configured level on.

    Never raises: a notice that cannot be delivered is shown with the reason.
    """

    def __init__(self, settings: Notify, show: Callable[[str], None]) -> None:
        self._settings = settings
        self._show = show

    def notify(self, level: str, title: str, text: str) -> None:
        line = f"{level}: {title}. {text}".rstrip()
        self._show(line)
        if LEVELS.index(level) < LEVELS.index(self._settings.level):
            return
        if self._settings.command:
            self._run(self._settings.command, line)
        if self._settings.urls:
            self._send(title, text)

    def _run(self, command: str, line: str) -> None:
        try:
            subprocess.run(
                shlex.split(command),
                input=line,
                text=True,
                timeout=COMMAND_TIMEOUT,
                check=True,
                capture_output=True,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._show(f"warning: the notify command failed: {error}")

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
