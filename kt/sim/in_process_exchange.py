"""The embedded exchange without a server: the same checks, matching and wire format, called
directly and driven by a virtual clock (docs/virtual-clock.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kt.errors import UnknownStock
from kt.ports import CallingClock, Market
from kt.records import StreamEvent
from kt.sim.exchange import Exchange
from kt.sim.faults import Faults
from kt.sim.market.bar_board import BarMarket
from kt.sim.server import rest_call
from kt.sim.server.client_session import ClientFrame, ClientSession
from kt.sim.server.context import ServerContext
from kt.sim.server.malformed_bodies import encoded
from kt.sim.server.pages import Cursor
from kt.sim.server.rest_call import Request, RestAnswer
from kt.sim.server.settings import Settings
from kt.sim.wire.call import DONE, Call
from kt.sim.wire.error_bodies import Refusal

STEP = 5.0
"""Seconds between two steps of the exchange. Each sends the lowest, the highest and the last trade
of its seconds, so that no stop is missed, but it is seen up to this much later."""


class InProcessExchange:
    """One exchange on a virtual clock. `clock` shows the first day's time; nothing is saved unless
    `keep` is called."""

    def __init__(
        self,
        clock: CallingClock,
        *,
        seed: int,
        cash: int,
        costs: str,
        signals: bool = True,
        bars: BarMarket | None = None,
        step: float = STEP,
    ) -> None:
        self._clock = clock
        self._step = step
        self._exchange = Exchange(
            clock=clock, seed=seed, cash=cash, costs=costs, signals=signals, bars=bars
        )
        settings = Settings(seed=seed, cash=cash)
        self._context = ServerContext(settings, self._exchange, clock, Faults(()))
        self._sessions = 0

    @property
    def market(self) -> Market:
        """Its prices up to now, for reports."""
        return self._exchange.market

    def keep(self, path: Path) -> None:
        """Save its accounts, orders and time, so that `kt sim` continues from here."""
        self._exchange.keep(path)

    def handle(
        self, path: str, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One REST call: status, headers and body of the answer."""
        request = Request(path, headers, content, _stays)
        try:
            answer = rest_call.execute(self._context, request)
        except Refusal as refusal:
            answer = rest_call.refuse(refusal)
        own = {"api-id": request.api_id, **rest_call.date_header(self._context)}
        return answer.status, {**answer.headers, **own}, encoded(answer.body)

    def ask(
        self,
        api_id: str,
        headers: Mapping[str, str],
        fields: dict[str, str],
        read: Callable[[Call], Any],
        declined: type[Exception],
        message: str = DONE,
    ) -> RestAnswer:
        """One query after the same checks, whose answer has the records that `read` makes of the
        call, and `message`. Where `read` raises `declined`, or knows no such stock, the answer is
        the wire's."""
        context = self._context
        try:
            admitted = rest_call.admit_known(context, api_id, headers, lambda: fields)
            try:
                records = read(rest_call.call_of(context, admitted, Cursor(api_id, 0)))
            except (UnknownStock, declined):
                return rest_call.perform(context, admitted, headers, 0.0)
        except Refusal as refusal:
            return rest_call.refuse(refusal)
        return RestAnswer({"return_code": 0, "return_msg": message}, records=records)

    def connect(
        self,
        receive: Callable[[bytes], None],
        take_records: Callable[[list[StreamEvent]], None] | None = None,
    ) -> ProcessSession:
        """A connection of the stream; `receive` gets its frames, but for frames of trades and
        books `take_records` the events, if it is given."""
        self._sessions += 1
        if self._sessions == 1:
            self._plan_step()
        return ProcessSession(self._context, receive, take_records, self._closed)

    def _closed(self) -> None:
        self._sessions -= 1

    def _plan_step(self) -> None:
        """The next step is at the next whole multiple of its length."""
        passed = self._clock.now().timestamp() % self._step
        self._clock.call_later(self._step - passed, self._advance)

    def _advance(self) -> None:
        """One step of the exchange. Without a session there are none: every call catches up."""
        if self._sessions:
            self._context.pump()
            self._plan_step()


class ProcessSession(ClientSession):
    """A session whose frames are handed over as bytes; `closed` is called at its end."""

    def __init__(
        self,
        context: ServerContext,
        receive: Callable[[bytes], None],
        take_records: Callable[[list[StreamEvent]], None] | None,
        closed: Callable[[], None],
    ) -> None:
        super().__init__(context)
        self._take_records = take_records
        self._receive = receive
        self._closed = closed

    @property
    def take_records(self) -> Callable[[list[StreamEvent]], None] | None:
        return self._take_records

    def put(self, frame: ClientFrame) -> None:
        """Hand a frame over."""
        self._receive(frame.text.encode())

    def send(self, frame: bytes) -> None:
        """A frame of the client."""
        self.take(msgspec.json.decode(frame))

    def close(self) -> None:
        self.leave()
        self._closed()


async def _stays() -> None:
    """The client never disconnects."""
