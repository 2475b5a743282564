"""An analyst with a shadow: a second analyst is asked about the same briefs, and nothing is done
with its decisions but scoring them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from kt.analyst.replay import Keyed
from kt.ports import Analyst
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview

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


class ShadowedAnalyst:
    """Implements ports.Analyst: the answers are those of `inner`. Each brief also goes to `shadow`,
    once, without delaying the answer; faults are not put to it again, and shortlists not at all."""

    def __init__(
        self, inner: Keyed, shadow: Analyst, background: Background, told: Shadowed
    ) -> None:
        self._inner = inner
        self._shadow = shadow
        self._background = background
        self._told = told

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def fallback(self) -> Analyst | None:
        return self._inner.fallback

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        if not faults:
            key = self._inner.decide_key(brief)
            self._background.start(lambda: self._told(brief, key, self._shadow.decide(brief)))
        return self._inner.decide(brief, faults)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        return self._inner.shortlist(candidates, count, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """By `inner` alone: only decisions are compared."""
        return self._inner.advise(request, faults)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return self._inner.preview(brief)

    def probe(self) -> AnalystReply | None:
        return self._inner.probe()
