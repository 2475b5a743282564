"""The adapters of a replay: kt's own on the virtual clock, answered by a recording
(docs/virtual-clock.md#recordings)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from kt.app import Say
from kt.config.model import Config
from kt.virtual_app import ADDRESS, VirtualApp

if TYPE_CHECKING:
    from kt.broker.rest.client import Http
    from kt.broker.stream.replayed_stream import ReplayedStream
    from kt.ports import Analyst
    from kt.recording.playback import Playback
    from kt.virtual_time import VirtualTime


class ReplayApp(VirtualApp):
    """The recorded profile; its journal begins as it was then. To be used inside
    `time.driving()`. Raises JournalError."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        say: Say,
        time: VirtualTime,
        playback: Playback,
    ) -> None:
        super().__init__(config, environ, say, time)
        self.playback = playback
        self._restore()

    def _restore(self) -> None:
        from kt.store.snapshot import write_rows

        rows = [(row.table, row.values) for row in self.playback.rows()]
        if rows:
            write_rows(self.database, self.playback.header.schema, rows)

    @cached_property
    def http(self) -> Http:
        from kt.broker.rest.replayed_http import ReplayedHttp

        return ReplayedHttp(ADDRESS, self.playback.call)

    def _stream(self) -> ReplayedStream:  # type: ignore[override]
        from kt.broker.stream.replayed_stream import ReplayedStream

        return ReplayedStream(self.playback, self.time, self._on_fault)

    @cached_property
    def analyst(self) -> Analyst:
        from kt.analyst.recorded import ReplayedAnalyst
        from kt.analyst.rules import RulesAnalyst

        header = self.playback.header
        rules = RulesAnalyst(self.clock)
        return ReplayedAnalyst(header.analyst, header.model, rules, self.playback.reply)
