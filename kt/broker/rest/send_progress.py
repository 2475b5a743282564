"""How far the sending of one request got, also when the call ends in an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kt.ports.concurrency import monotonic


@dataclass(slots=True)
class SendProgress:
    """`left`: whether a byte of the request may be on the wire. `written`: when its last byte was
    written, by `clock`."""

    clock: Callable[[], float] = monotonic
    left: bool = False
    written: float | None = None

    def begin(self) -> None:
        """Nothing of it is on the wire."""
        self.left, self.written = False, None

    def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """The trace callback of httpcore."""
        if event == "http11.send_request_headers.started":
            self.left = True
        elif event == "http11.send_request_body.complete":
            self.written = self.clock()
