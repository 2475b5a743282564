"""The adapters of one backtest: kt's own, on a virtual clock and with the exchange in the same
process (docs/virtual-clock.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from kt.analyst.delegating import DelegatingAnalyst
from kt.app import App, EmbeddedServer, Say
from kt.config.model import Config
from kt.config.secrets import SIM_KEY, AppKeys

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kt.broker.latency import Latency
    from kt.broker.rest.client import Http
    from kt.broker.rest.rate_limit import Pacer
    from kt.broker.stream.in_process_stream import InProcessStream
    from kt.ports import Analyst, Clock
    from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, StreamEvent
    from kt.sim.in_process_exchange import InProcessExchange, ProcessSession
    from kt.sim.market.bar_board import BarMarket
    from kt.store.journal import SqliteJournal
    from kt.virtual_time import VirtualTime

ADDRESS = "http://127.0.0.1"
ANSWER_SECONDS = 0.2
"""How long the analyst takes on the virtual clock, unless its answer says that it took longer."""


class VirtualApp(App):
    """The profile `sim` on a virtual clock. `config` names a state folder of the run's own, and its
    simulator's seed is the run's. To be used inside `time.driving()`."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        say: Say,
        time: VirtualTime,
        answers: Path | None = None,
        bars: BarMarket | None = None,
        *,
        wire: bool = False,
    ) -> None:
        """`answers` is the journal of an earlier run that answers in the analyst's place; `bars`
        are the market in place of the seeded one. With `wire` every query takes the wire's form:
        slower, and the same records."""
        super().__init__(config, environ, say)
        self.time = time
        self.answers = answers
        self.bars = bars
        self.wire = wire

    @cached_property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(ADDRESS, ADDRESS, self.time)

    @cached_property
    def keys(self) -> AppKeys:
        return AppKeys(SIM_KEY, "backtest", source="backtest")

    @cached_property
    def exchange(self) -> InProcessExchange:
        from kt.sim.in_process_exchange import InProcessExchange

        given = self.config.simulator
        return InProcessExchange(
            self.time,
            seed=given.seed,
            cash=given.cash,
            costs=given.costs,
            signals=given.signals,
            bars=self.bars,
        )

    @cached_property
    def latency(self) -> Latency:
        from kt.broker.latency import Latency

        return Latency(self.config.simulator.seed)

    @cached_property
    def journal(self) -> SqliteJournal:
        from kt.store.journal import SqliteJournal

        return SqliteJournal(
            self.database,
            self.clock,
            self.paths.halt_flag,
            self.config.profile,
            tell=self.notifier.notify,
            alone=True,
        )

    @cached_property
    def http(self) -> Http:
        from kt.broker.rest.client import Http
        from kt.broker.rest.in_process_transport import HandledCall, InProcessTransport
        from kt.direct.direct_http import DirectHttp

        def handle(path: str, headers: Mapping[str, str], content: bytes) -> HandledCall:
            return HandledCall(*self.exchange.handle(path, headers, content))

        transport = InProcessTransport(handle, self.clock, self.latency)
        if self.wire:
            return Http(ADDRESS, transport)
        return DirectHttp(ADDRESS, transport, self.exchange, self.clock, self.latency)

    @cached_property
    def pacer(self) -> Pacer:
        from kt.broker.rest.rate_limit import MemoryPacer

        given = self.config.server
        return MemoryPacer(
            self.paths.folder, self.clock, given.queries_per_second, given.orders_per_second
        )

    def _stream(self) -> InProcessStream:
        from kt.broker.stream.in_process_stream import InProcessStream

        return InProcessStream(
            self._connect,
            self.token_source,
            self.time,
            self.latency,
            self._on_fault,
            self.recorder.frame if self.recorder else None,
        )

    def record(self, path: Path, command: str, *, exact: bool = True) -> None:
        """As in `App`; from then on everything takes the wire's form."""
        self.wire = True
        super().record(path, command, exact=exact)

    def _connect(
        self,
        receive: Callable[[bytes], None],
        take_records: Callable[[list[StreamEvent]], None],
    ) -> ProcessSession:
        from kt.direct.stream_records import as_read

        if self.wire:
            return self.exchange.connect(receive)
        return self.exchange.connect(
            receive, lambda events: take_records([as_read(event) for event in events])
        )

    @cached_property
    def analyst(self) -> Analyst:
        if self.answers is None:
            return TimedAnalyst(super().analyst, self.clock)
        from kt.analyst.choice import choose

        replayed = choose(self.config, self.environ, self.clock, replay=self.earlier)
        return TimedAnalyst(replayed, self.clock)

    @cached_property
    def earlier(self) -> SqliteJournal:
        """The journal that answers. Raises JournalError."""
        from kt.store.journal import SqliteJournal

        assert self.answers is not None
        flag = self.answers.with_name(self.paths.halt_flag.name)
        return SqliteJournal(self.answers, self.clock, flag, self.config.profile, alone=True)

    def close(self) -> None:
        """Let go of what was built, the earlier journal too."""
        try:
            if "earlier" in self.__dict__:
                self.earlier.close()
        finally:
            super().close()


class TimedAnalyst(DelegatingAnalyst):
    """Another analyst, whose answers take their time on the clock."""

    def __init__(self, asked: Analyst, clock: Clock) -> None:
        self._asked = asked
        self._clock = clock

    @property
    def _inner(self) -> Analyst:
        return self._asked

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._timed(super().decide(brief, faults))

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        return self._timed(super().shortlist(candidates, count, asof))

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._timed(super().advise(request, faults))

    def _timed(self, reply: AnalystReply) -> AnalystReply:
        self._clock.sleep(max(ANSWER_SECONDS, reply.latency_ms / 1000))
        return reply
