"""What waits to be sent to one follower of the stream: account news complete, prices the newest."""

from __future__ import annotations

from kt.broker.stream.groups import Key

MARKET_MESSAGES = 2_000
"""So many messages may wait before market data is conflated."""
ACCOUNT_MESSAGES = 20_000
"""So many, and the follower is cut off: it comes back and asks the broker what it missed."""
BATCH_MESSAGES = 1_000
"""So many go to the socket at once: the rest still counts as waiting."""


class ConflatingQueue:
    """Messages on their way to one follower. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._newest: dict[Key, bytes] = {}

    def put(self, message: bytes, key: Key | None) -> None:
        """With a `key` (market data) only the newest message of that key is sure to arrive."""
        if key is None or (len(self._messages) < MARKET_MESSAGES and key not in self._newest):
            self._messages.append(message)
        else:
            self._newest[key] = message

    @property
    def overfull(self) -> bool:
        return len(self._messages) > ACCOUNT_MESSAGES

    def take(self) -> bytes:
        """The next batch, oldest first; conflated messages are the newest, so they come last."""
        batch = self._messages[:BATCH_MESSAGES]
        del self._messages[:BATCH_MESSAGES]
        if not self._messages:
            batch += self._newest.values()
            self._newest.clear()
        return b"".join(batch)
