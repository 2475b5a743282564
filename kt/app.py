"""Builds the adapters, each on first use; the only module that imports all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import __version__
from kt.children import child_environment
from kt.config.load import profile_paths, state_folder
from kt.config.model import Config
from kt.config.secrets import AppKeys, app_keys
from kt.errors import Busy, JournalError, KtError
from kt.files import private_folder, trouble
from kt.ids import new_id
from kt.paths import ProfilePaths
from kt.ports import Clock, SealedGateway
from kt.steps.context import Context

if TYPE_CHECKING:
    from datetime import datetime

    from kt.analyst.shadow import Background
    from kt.broker.kiwoom import Kiwoom
    from kt.broker.rest.client import Http, Rest
    from kt.broker.rest.rate_limit import Pacer
    from kt.broker.rest.token import TokenSource
    from kt.broker.stream.condition_search import Searches
    from kt.broker.stream.lease import Lease
    from kt.notify.owner import OwnerNotifier
    from kt.ports import Analyst, Broker, Market
    from kt.recording.recorded_stream import RecordableStream
    from kt.recording.recorder import Recorder
    from kt.records import AnalystCall, AnalystReply, AnalystRequest
    from kt.store.journal import SqliteJournal

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """The addresses of this profile's broker, and its clock."""

    base_url: str
    ws_url: str
    clock: Clock


class App:
    """The adapters of one profile. `say` gets messages for the user, one line per call."""

    def __init__(self, config: Config, environ: Mapping[str, str], say: Say) -> None:
        self.config = config
        self.environ = environ
        self.say = say
        self.run = ""
        self._context: Context | None = None
        self.recorder: Recorder | None = None
        """The recording that is being made (`record`)."""
        self.replaying = False
        """Whether the journal answers in the analyst's place; to be set before it is asked."""

    @cached_property
    def paths(self) -> ProfilePaths:
        """The paths of this profile; creates its private folder if missing. Raises JournalError."""
        paths = profile_paths(self.config)
        try:
            private_folder(paths.folder)
        except OSError as error:
            why, advice = trouble(error)
            raise JournalError(
                f"the state folder {paths.folder} cannot be made: {why}",
                hint=f"Nothing was sent; {advice}",
            ) from error
        return paths

    @property
    def database(self) -> Path:
        return self.paths.journal

    @cached_property
    def server(self) -> EmbeddedServer:
        """The configured server; on `sim` the embedded exchange, started when none runs."""
        given = self.config.server
        if self.config.profile != "sim":
            from kt.clock import SystemClock

            return EmbeddedServer(given.base_url, given.ws_url, SystemClock())
        from kt.sim import launch

        if given.base_url:
            clock = launch.clock_of(given.base_url)
            return EmbeddedServer(
                given.base_url, given.ws_url or launch.ws_url(given.base_url), clock
            )
        running = launch.ensure(self.config, state_folder(self.config), self.say)
        return EmbeddedServer(running.base_url, given.ws_url or running.ws_url, running.clock)

    @property
    def clock(self) -> Clock:
        return self.server.clock

    @cached_property
    def keys(self) -> AppKeys:
        return app_keys(self.config, self.environ)

    @cached_property
    def journal(self) -> SqliteJournal:
        from kt.store.journal import SqliteJournal

        return SqliteJournal(
            self.database,
            self.clock,
            self.paths.halt_flag,
            self.config.profile,
            secrets=(self.keys.app_key, self.keys.secret_key),
            tell=self.notifier.notify,
        )

    @cached_property
    def http(self) -> Http:
        from kt.broker.rest.client import Http

        return Http(self.server.base_url)

    @cached_property
    def pacer(self) -> Pacer:
        from kt.broker.rest.rate_limit import Pacer
        from kt.broker.rest.token import key_hash

        server = self.config.server
        return Pacer(
            self.paths.folder,
            key_hash(self.server.base_url, self.keys.app_key),
            self.clock,
            server.queries_per_second,
            server.orders_per_second,
        )

    @cached_property
    def token_source(self) -> TokenSource:
        from kt.broker.rest.token import TokenSource
        from kt.broker.rest.token_server import WireTokenServer

        server = WireTokenServer(self.http, self.pacer, self.clock, self._on_call)
        return TokenSource(self.keys, self.server.base_url, self.paths.folder, self.clock, server)

    @cached_property
    def rest(self) -> Rest:
        from kt.broker.rest.client import Rest

        return Rest(self.http, self.token_source, self.pacer, self.clock, self._on_call)

    @cached_property
    def kiwoom(self) -> Kiwoom:
        """The adapter behind the ports Market and Broker."""
        from kt.broker.instrument_cache import InstrumentCache
        from kt.broker.kiwoom import Kiwoom

        stocks = InstrumentCache(self.paths.folder, self.server.base_url, self.clock)
        return Kiwoom(self.rest, self.clock, self._on_fault, stocks, self.searches)

    @property
    def market(self) -> Market:
        return self.kiwoom

    @property
    def broker(self) -> Broker:
        return self.kiwoom

    @cached_property
    def searches(self) -> Searches:
        """Condition searches, over this process's stream while it has one."""
        from kt.broker.stream.condition_search import Searches

        return Searches(self._watched_stream)

    def stream(self) -> RecordableStream:
        """A new stream, not started. The process that owns the connection serves the others."""
        made = self._watched_stream()
        self.searches.running = made
        return made

    def _watched_stream(self) -> RecordableStream:
        if self.recorder is None:
            return self._stream()
        from kt.recording.recorded_stream import RecordedStream

        return RecordedStream(self._stream(), self.recorder)

    def _stream(self) -> RecordableStream:
        from kt.broker.stream.live import KiwoomStream
        from kt.broker.stream.timeouts import Timeouts

        return KiwoomStream(
            self.server.ws_url,
            self.token_source,
            self.clock,
            self.paths.locks,
            self.keys.app_key,
            report=self._on_fault,
            timeouts=Timeouts(reconnects=self.config.emergency.reconnects),
            on_frame=self.recorder.frame if self.recorder else None,
        )

    def lease(self) -> Lease:
        """The lease on the one connection that the broker allows per key."""
        from kt.broker.stream.lease import Lease

        return Lease(self.paths.locks, self.keys.app_key, self.server.ws_url)

    def raw_frames(self, api_id: str, body: dict[str, Any]) -> Generator[bytes, None, None]:
        """The raw frames that follow a request on the broker's WebSocket."""
        from kt.broker.stream.raw import frames

        return frames(self.lease(), self.server.ws_url, self.token_source, self.clock, api_id, body)

    @cached_property
    def analyst(self) -> Analyst:
        from kt.analyst.choice import Channels, choose

        return choose(
            self.config,
            self.environ,
            self.clock,
            channels=Channels(
                self._analyst_calls, self._on_member, self._on_shadow, self.background
            ),
            replay=self.journal if self.replaying else None,
        )

    def _baseline(self) -> Analyst:
        from kt.analyst.rules import RulesAnalyst

        return RulesAnalyst(self.clock)

    @cached_property
    def background(self) -> Background:
        """The questions to the shadow analyst; `close` waits for them."""
        from kt.analyst.shadow import Background

        return Background()

    def _analyst_calls(self, since: datetime) -> tuple[AnalystCall, ...]:
        """The journal's calls since then; opens the journal on first use."""
        return self.journal.analyst_calls(since)

    @cached_property
    def notifier(self) -> OwnerNotifier:
        from kt.notify.owner import OwnerNotifier

        return OwnerNotifier(
            self.config.notify,
            self.say,
            child_environment(self.environ, KT_PROFILE=self.config.profile),
            self.clock.now,
            lambda: self.journal,
            lambda: self.run,
        )

    def context(self, command: str) -> Context:
        """Start a run and return its ports. Raises what building them raises; the analyst is built
        only when it is first used."""
        from kt.analyst.lazy import DeferredAnalyst

        self.run = new_id(self.clock.now())
        self.journal.start_run(self.run, command, __version__)
        self._context = Context(
            run=self.run,
            config=self.config,
            clock=self.clock,
            market=self.market,
            broker=self.broker,
            gateway=SealedGateway(self.kiwoom),
            journal=self.journal,
            analyst=DeferredAnalyst(self._watched_analyst),
            baseline=DeferredAnalyst(self._baseline),
            notifier=self.notifier,
        )
        return self._context

    def record(self, path: Path, command: str, *, exact: bool = False) -> None:
        """Record what happens from now on, in a new file. To be called before anything is asked of
        the broker. Raises UsageError, JournalError, and Busy where another process has the
        stream."""
        from kt.broker.rest.answer_recording import SECRET_FIELDS, call_recorder
        from kt.recording.entries import JournalRow
        from kt.recording.header import new_header
        from kt.recording.masked_texts import secrets_of
        from kt.recording.recorder import Recorder
        from kt.store.snapshot import read_rows

        if not exact:
            self._claim_stream()
        self.journal.flush()
        schema, rows = read_rows(self.database)
        self.paths.instruments.unlink(missing_ok=True)  # asked for anew, and so recorded
        decides = (self.analyst.name, self.analyst.model) if command != "watch" else ("", "")
        header = new_header(
            self.config, command, self.clock.now(), schema=schema, analyst=decides, exact=exact
        )
        secrets = secrets_of(self.config, self.environ, self.keys)
        self.recorder = Recorder(
            path, header, self.clock, secrets, SECRET_FIELDS, self.notifier.notify
        )
        for table, values in rows:
            self.recorder.keep(JournalRow(table=table, values=values))
        self.journal.recorder = self.recorder.made
        self.http.recorder = call_recorder(self.recorder)

    def _claim_stream(self) -> None:
        """Raises Busy when another process has the stream: its frames do not pass through here."""
        leader = self.lease().living_leader()
        if leader is not None and leader.pid != os.getpid():
            raise Busy(
                f"process {leader.pid} of kt has the stream, so its frames cannot be recorded here",
                hint="Record in that process, or end it first.",
            )

    def _watched_analyst(self) -> Analyst:
        if self.recorder is None:
            return self.analyst
        from kt.analyst.recorded import RecordedAnalyst

        return RecordedAnalyst(self.analyst, self.recorder.reply)

    def close(self) -> None:
        """Let go of what was built. The journal is written first, since the messenger may take
        its time, and closed last, since that writes into it. Raises JournalError when the journal
        could not be written."""
        built = self.__dict__
        ends_in = (("journal", "close"), ("http", "close"), ("notifier", "close"))
        with ExitStack() as ends:
            if self.recorder is not None:
                ends.callback(self.recorder.close)
            for name, ending in (*ends_in, ("journal", "flush"), ("background", "wait")):
                if name in built:
                    ends.callback(getattr(built[name], ending))

    def _on_member(self, reply: AnalystReply) -> None:
        """Record the reply of one member of a panel."""
        from kt.steps import analyst_outages

        if self._context is not None:
            analyst_outages.record_answer(self._context, reply)

    def _on_shadow(self, brief: AnalystRequest, key: str, reply: AnalystReply) -> None:
        """Record a reply of the shadow analyst."""
        from kt.steps.decide import shadow

        if self._context is not None:
            shadow.record(self._context, brief, key, reply)

    def _on_fault(self, error: KtError) -> None:
        """Record a row or frame that could not be parsed; the rest was processed."""
        self.journal.error(self.run, "wire", "broker", str(error), self.clock.now())

    def _on_call(self, *call: *tuple[str, datetime, int, int, str, str]) -> None:
        """Record one API call; the arguments are those of `ports.RunLog.api_call` after the run."""
        self.journal.api_call(self.run, *call)
