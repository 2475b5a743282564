"""The send queue of one follower: account events are complete, market data is conflated."""

from __future__ import annotations

from kt.broker.stream.groups import Key

MARKET_MESSAGES = 2_000
"""The queue length from which market data is conflated."""
ACCOUNT_MESSAGES = 20_000
"""Above this length the follower is disconnected: it reconnects and queries what it missed."""
BATCH_MESSAGES = 1_000
"""The most that goes to the socket at once; the rest stays in the queue."""


class ConflatingQueue:
    """Messages for one follower. Not thread-safe."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._newest: dict[Key, bytes] = {}

    def put(self, message: bytes, key: Key | None) -> None:
        """With a `key` (market data) only the newest message of that key is guaranteed."""
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
