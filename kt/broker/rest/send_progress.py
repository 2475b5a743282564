"""How far one request came on its way out, also when its call ends in an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class SendProgress:
    """`left`: may a byte of the request be on the wire? `written`: when its last byte was, by
    `clock`."""

    clock: Callable[[], float] = time.monotonic
    left: bool = False
    written: float | None = None

    def begin(self) -> None:
        """Nothing of it is on the wire."""
        self.left, self.written = False, None

    def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """What the connection tells while it works."""
        if event == "http11.send_request_headers.started":
            self.left = True
        elif event == "http11.send_request_body.complete":
            self.written = self.clock()
