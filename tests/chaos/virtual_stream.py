"""The stream of the virtual exchange: frames that are lost, doubled, late, and cut connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kt.errors import Unreachable
from kt.records import (
    BalanceNotice,
    OrderNotice,
    SessionNotice,
    StreamEvent,
    StreamKind,
    StreamState,
    Tick,
)
from tests.chaos.virtual_exchange import AgendaClock, VirtualExchange

FRAMES = {Tick: "0B", OrderNotice: "00", BalanceNotice: "04", SessionNotice: "0s"}
BACK_OFF = (0.5, 3.0, 10.0)
"""Seconds before each attempt to reconnect: those of kt/broker/stream/timeouts.py."""
FIRST_TRIES = 2
MOST = 12
"""Stocks whose trades are made."""


class VirtualStream:
    """Implements `kt.ports.Stream`; gives up after three attempts in a row, as kt's own does."""

    def __init__(self, exchange: VirtualExchange, clock: AgendaClock) -> None:
        self.exchange, self.clock = exchange, clock
        self.codes: list[str] = []
        self.sink: Callable[[StreamEvent], None] | None = None
        self.connected = False
        self.tries = 0

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        if not any(self._shake() for _ in range(FIRST_TRIES)):
            raise Unreachable("the stream could not be opened", hint="Check the network.")
        self.sink, self.connected = sink, True
        self.exchange.deliver = self._frame
        self._say("connected")

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        if StreamKind.TRADE in kinds:
            self.codes += [code for code in stock_codes if code not in self.codes]
            self._watch()

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        if StreamKind.TRADE in kinds:
            self.codes = [code for code in self.codes if code not in set(stock_codes)]
            self._watch()

    def _watch(self) -> None:
        """The first ones only: held stocks are subscribed first, and prices cost most of the
        time."""
        self.exchange.exchange.watch(set(self.codes[:MOST]))

    def close(self) -> None:
        self.sink, self.connected = None, False

    def cut(self) -> None:
        """The connection is lost."""
        if self.connected:
            self.connected, self.tries = False, 0
            self._say("lost", "cut by the weather")
            self.clock.after(BACK_OFF[0], self._reconnect)

    def _shake(self) -> bool:
        harm = [rule for rule in self.exchange.faults.handshake() if rule.action != "delay"]
        return not (self.exchange.gone or harm)

    def _reconnect(self) -> None:
        if self.sink is None or self.connected:
            return
        if self._shake():
            self.connected = True
            self._say("reconnected")
            return
        self.tries += 1
        if self.tries == len(BACK_OFF):
            self._say("closed", "three attempts to reconnect failed")
            self.close()
        else:
            self.clock.after(BACK_OFF[self.tries], self._reconnect)

    def _frame(self, event: Any) -> None:
        if not self.connected:
            return
        rules = self.exchange.faults.frame(FRAMES.get(type(event), ""))
        actions = {rule.action for rule in rules}
        if "cut" in actions:
            self.cut()
            return
        if "drop" in actions or "deep" in actions or "big" in actions:
            return  # a frame that cannot be read is left out
        late = max((rule.seconds for rule in rules if rule.action == "delay"), default=0.0)
        for _ in range(2 if "duplicate" in actions else 1):
            if late:
                self.clock.after(late, lambda: self._pass(event))
            else:
                self._pass(event)

    def _pass(self, event: StreamEvent) -> None:
        if self.sink is not None:
            self.sink(event)

    def _say(self, state: Any, detail: str = "") -> None:
        self._pass(StreamState(state=state, at=self.clock.now(), detail=detail))
