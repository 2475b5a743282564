"""Tells the owner: every notice is shown at once, and what matters leaves by the channels.

Channels are slow and may hang, so they work on a thread of their own: nobody who trades waits.
What became of each notice is kept in the journal, where `kt doctor` and the next process see it.
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
MOST_WAITING = 100
"""Notices that wait for the messenger; with more, the newest are only shown."""
LOOK_BACK = timedelta(days=1)
"""How far back a notice that leaves counts those that were kept back before it."""


class OwnerNotifier:
    """Shows every notice through `show` at once, and sends those of the configured level on, in
    their order. Of one title only the first leaves within `notify.group_minutes`, and in the quiet
    hours only what is critical does; the next notice that leaves says how many were kept back.

    Never raises: a notice that cannot be delivered is shown with the reason. `close` waits for
    what is still on its way.
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
        """`environ` is what the command gets: see kt/children.py. `journal` and `run` are asked
        when something is delivered."""
        self.channels = channels_of(settings, dict(environ))
        self._settings = settings
        self._show = show
        self._now = now
        self._journal = journal
        self._run = run
        self._waiting: queue.Queue[Notice] = queue.Queue(MOST_WAITING)
        self._messenger: threading.Thread | None = None
        self._lock = threading.Lock()

    def notify(self, level: str, title: str, text: str) -> None:
        notice = Notice(level, visible(title), visible(text), self._now())
        self._show(notice.line)
        if not self.channels or LEVELS.index(level) < LEVELS.index(self._settings.level):
            return
        self._start()
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._show("warning: too many notices are queued; this one is not delivered")
            self._keep(notice, "", "dropped", "too many notices were waiting")

    def deliver(self, level: str, title: str, text: str) -> tuple[Delivery, ...]:
        """Send one notice by every channel now, and wait for it; what became of it by each."""
        return self._send(Notice(level, title, text, self._now()))

    def _send(self, notice: Notice) -> tuple[Delivery, ...]:
        return tuple(
            self._keep(notice, channel.name, "failed" if fault else "sent", fault)
            for channel in self.channels
            for fault in (channel.send(notice),)
        )

    def close(self, seconds: float = TIMEOUT) -> None:
        """Wait for the notices that are on their way, so many seconds at most."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            done = waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, seconds)
        if not done:
            self._show("warning: a notice is still being delivered and may be lost")

    def _start(self) -> None:
        with self._lock:
            if self._messenger is None:
                self._messenger = threading.Thread(
                    target=self._deliver_all, name="kt-messenger", daemon=True
                )
                self._messenger.start()

    def _deliver_all(self) -> None:
        while True:
            notice = self._waiting.get()
            self._one(notice)
            self._waiting.task_done()

    def _one(self, notice: Notice) -> None:
        """Keep it back, or send it with the number of those that were kept back before it."""
        before = self._before(notice)
        held = quiet_notices.held_back(
            notice.level,
            notice.title,
            notice.at,
            before,
            quiet_hours=self._settings.quiet_hours,
            group_minutes=self._settings.group_minutes,
        )
        if held:
            self._keep(notice, "", held, "")
            return
        more = quiet_notices.kept_back(notice.title, before)
        text = f"{notice.text} ({more})" if more else notice.text
        for sent in self._send(Notice(notice.level, notice.title, text, notice.at)):
            if sent.outcome == "failed":
                self._show(f"warning: {sent.channel} failed: {sent.detail}")

    def _before(self, notice: Notice) -> tuple[Delivery, ...]:
        """What the journal says of earlier notices: all processes of the profile count. Without
        a journal nothing is kept back."""
        try:
            return self._journal().deliveries(notice.at - LOOK_BACK)
        except KtError:
            return ()

    def _keep(self, notice: Notice, channel: str, outcome: str, detail: str) -> Delivery:
        made = Delivery(
            channel=channel,
            outcome=outcome,
            level=notice.level,
            title=notice.title,
            detail=visible(detail, 300),
            at=notice.at,
        )
        with contextlib.suppress(KtError):  # the notice matters more than its row
            self._journal().delivery(self._run(), made)
        return made
