"""An analyst with a shadow: a second analyst is asked about the same briefs, and nothing is done
with its decisions but scoring them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from kt.analyst.delegating import DelegatingAnalyst
from kt.analyst.replay import Keyed
from kt.ports import Analyst
from kt.records import AnalystReply, AnalystRequest

GRACE = 20.0
"""Real seconds that the end of a process waits for a shadow's answer."""
Shadowed = Callable[[AnalystRequest, str, AnalystReply], None]
"""Called with a brief, the key of the question to the analyst who trades, and the shadow's reply;
on a thread of its own."""


class Background:
    """Work beside the caller, which `wait` waits for. A question in it has its own deadline."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="kt-shadow", daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float = GRACE) -> None:
        """Returns when all work is done, or after so many real seconds."""
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))


class ShadowedAnalyst(DelegatingAnalyst):
    """The answers are those of `inner`. Each brief also goes to `shadow`, once, without delaying
    the answer; faults are not put to it again, and shortlists and other questions not at all."""

    def __init__(
        self, inner: Keyed, shadow: Analyst, background: Background, told: Shadowed
    ) -> None:
        self._traded = inner
        self._shadow = shadow
        self._background = background
        self._told = told

    @property
    def _inner(self) -> Keyed:
        return self._traded

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        if not faults:
            key = self._traded.decide_key(brief)
            self._background.start(lambda: self._told(brief, key, self._shadow.decide(brief)))
        return self._traded.decide(brief, faults)
