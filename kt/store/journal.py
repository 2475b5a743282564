"""The journal: everything that happened, in one SQLite file per profile."""

from __future__ import annotations

import atexit
import contextlib
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from kt.errors import JournalError
from kt.store.connection import BUSY_SECONDS, DatabaseFile
from kt.store.day_rows import DayRows
from kt.store.decision_rows import DecisionRows
from kt.store.inline_writer import InlineWriter
from kt.store.journal_part import HasNow, Tell, silent
from kt.store.latency_rows import LatencyRows
from kt.store.order_log import OrderRows
from kt.store.pruning import Pruning
from kt.store.queries import Reading
from kt.store.result_rows import ResultRows
from kt.store.run_log import RunRows
from kt.store.stops import StopRows
from kt.store.writer import BatchWriter, RowWriter

SHORTEST_SECRET = 8


class SqliteJournal(
    RunRows, OrderRows, ResultRows, DecisionRows, DayRows, LatencyRows, StopRows, Reading, Pruning
):
    """Implements ports.Journal; may be shared by the threads of a process, and the file by
    processes.

    Opening makes the file and its folder, brings an older schema up to date, and refuses with
    JournalError a file of another profile, of a newer kt, or that is damaged. `halt_flag` is the
    stop's flag file; `secrets` (of eight characters or more: shorter ones are words) are hidden
    wherever they turn up in a message; `tell` gets the notices that the journal makes itself
    (level, title, text), after they are kept. `alone` is for a backtest: no other process uses the
    file, a power failure may lose it, and no thread writes it.
    """

    def __init__(
        self,
        path: Path,
        clock: HasNow,
        halt_flag: Path,
        profile: str,
        *,
        secrets: Iterable[str] = (),
        busy_seconds: float = BUSY_SECONDS,
        tell: Tell = silent,
        alone: bool = False,
    ) -> None:
        file = DatabaseFile(path, profile, busy_seconds=busy_seconds, alone=alone)
        hidden = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        writer: RowWriter = BatchWriter(path, busy_seconds=busy_seconds)
        if alone:
            writer = InlineWriter(file)
        super().__init__(file, writer, clock, hidden, halt_flag)
        self._tell = tell
        self.path = path
        _OPEN.add(self)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One transaction; see the port. Rows handed to the batch are not part of it."""
        with self._file.write():
            yield

    def close(self) -> None:
        """Write what waits and close. Raises JournalError when rows could not be written."""
        _OPEN.discard(self)
        try:
            self._writer.close()
        finally:
            self._file.close()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_OPEN: weakref.WeakSet[SqliteJournal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Write queued rows of journals that were not closed. Errors cannot be reported any more."""
    for journal in list(_OPEN):
        with contextlib.suppress(JournalError):
            journal.close()
