"""Notifies the owner: every notice is shown at once and, from the configured level on, delivered by
the channels.

Channels are slow and may hang, so a separate thread delivers and trading never waits for it. The
outcome of each delivery is journaled, for `kt doctor` and for later processes.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from kt.errors import KtError
from kt.notify.channels import TIMEOUT, Notice, channels_of
from kt.records import Delivery
from kt.rules import quiet_notices
from kt.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from kt.config.model import Notify
    from kt.ports import RunLog

LEVELS = ("info", "warning", "critical")
MAX_QUEUED = 100
"""The size of the delivery queue; when it is full, new notices are only shown."""
LOOK_BACK = timedelta(days=1)
"""How far back the count of suppressed notices in a delivered notice goes."""


class OwnerNotifier:
    """Shows every notice through `show` at once, and delivers those of at least the configured
    level, in order. Within `notify.group_minutes` only the first notice of a title is delivered,
    and in the quiet hours only critical ones; the next delivered notice says how many were
    suppressed.

    Never raises: a delivery that fails is shown with the reason. `close` waits for the queued
    notices.
    """

    def __init__(
        self,
        settings: Notify,
        show: Callable[[str], None],
        environ: Mapping[str, str],
        now: Callable[[], datetime],
        journal: Callable[[], RunLog],
        run: Callable[[], str] = lambda: "",
    ) -> None:
        """`environ` is the environment of the command: see kt/children.py. `journal` and `run` are
        called at each delivery."""
        self.channels = channels_of(settings, dict(environ))
        self._settings = settings
        self._show = show
        self._now = now
        self._journal = journal
        self._run = run
        self._queue: queue.Queue[Notice] = queue.Queue(MAX_QUEUED)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def notify(self, level: str, title: str, text: str) -> None:
        notice = Notice(level, visible(title), visible(text), self._now())
        self._show(notice.line)
        if not self.channels or LEVELS.index(level) < LEVELS.index(self._settings.level):
            return
        self._start()
        try:
            self._queue.put_nowait(notice)
        except queue.Full:
            self._show("warning: too many notices are queued; this one is not delivered")
            self._record(notice, "", "dropped", "too many notices were waiting")

    def deliver(self, level: str, title: str, text: str) -> tuple[Delivery, ...]:
        """Send one notice by every channel now and wait; the outcome for each channel."""
        return self._send(Notice(level, title, text, self._now()))

    def _send(self, notice: Notice) -> tuple[Delivery, ...]:
        return tuple(
            self._record(notice, channel.name, "failed" if fault else "sent", fault)
            for channel in self.channels
            for fault in (channel.send(notice.translated),)
        )

    def close(self, seconds: float = TIMEOUT) -> None:
        """Wait until the queued notices are delivered, for at most `seconds` real seconds."""
        waiting = self._queue
        with waiting.all_tasks_done:
            done = waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, seconds)
        if not done:
            self._show("warning: a notice is still being delivered and may be lost")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._deliver_all, name="kt-messenger", daemon=True
                )
                self._thread.start()

    def _deliver_all(self) -> None:
        while True:
            notice = self._queue.get()
            self._deliver_or_suppress(notice)
            self._queue.task_done()

    def _deliver_or_suppress(self, notice: Notice) -> None:
        """Suppress a notice, or send it with the number of the suppressed ones."""
        earlier = self._earlier(notice)
        held = quiet_notices.held_back(
            notice.level,
            notice.title,
            notice.at,
            earlier,
            quiet_hours=self._settings.quiet_hours,
            group_minutes=self._settings.group_minutes,
        )
        if held:
            self._record(notice, "", held, "")
            return
        more = quiet_notices.kept_back(notice.title, earlier)
        text = f"{notice.text} ({more})" if more else notice.text
        for sent in self._send(Notice(notice.level, notice.title, text, notice.at)):
            if sent.outcome == "failed":
                self._show(f"warning: {sent.channel} failed: {sent.detail}")

    def _earlier(self, notice: Notice) -> tuple[Delivery, ...]:
        """Earlier deliveries from the journal, of all processes of the profile. If it cannot be
        read, nothing is suppressed."""
        try:
            return self._journal().deliveries(notice.at - LOOK_BACK)
        except KtError:
            return ()

    def _record(self, notice: Notice, channel: str, outcome: str, detail: str) -> Delivery:
        made = Delivery(
            channel=channel,
            outcome=outcome,
            level=notice.level,
            title=notice.title,
            detail=visible(detail, 300),
            at=notice.at,
        )
        with contextlib.suppress(KtError):  # a failed row must not stop the notice
            self._journal().delivery(self._run(), made)
        return made
