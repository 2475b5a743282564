"""Runs a recorded run again on the virtual clock, and finds the first difference
(docs/virtual-clock.md#recordings)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec

from kt import __version__, ids
from kt.engine.cycle import run_cycle
from kt.engine.day import Day
from kt.engine.feed import Feed
from kt.errors import AuthError, ExitCode, InputError, KtError, Unreachable
from kt.ports import concurrency
from kt.recording.differences import FirstDifference, first_difference, is_fill
from kt.recording.entries import RecordedResult, RecordingEnd, RecordingHeader
from kt.recording.header import config_of
from kt.recording.playback import Playback, time_of
from kt.recording.reader import read_entries, read_header
from kt.records import Record, StreamEvent
from kt.replay_app import ReplayApp
from kt.steps.context import Context
from kt.virtual_time import VirtualTime

RUN, ONCE, WATCH = "run", "run --once", "watch"
LONGER = 60.0
"""Seconds after the end of the recording at which a run is stopped that should end by itself."""
ENDED = "the recording ends here"


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay. `missing` are the requests that were not made then: time in
    microseconds since the beginning, API id, body."""

    header: RecordingHeader
    results: int
    """How much was recorded of what kt made: decisions, checks, orders and their events."""
    difference: FirstDifference | None
    missing: tuple[tuple[int, str, object], ...]
    failure: str
    """The error that ended the run now; empty when none did."""

    def moment(self, at: int) -> datetime:
        """Microseconds since the beginning as a time."""
        return self.header.began + timedelta(microseconds=at)


def replay(
    path: Path, folder: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> Replayed:
    """Run the recording in `folder`, where its journal stays. Raises InputError for a file that
    cannot be replayed."""
    header = read_header(path)
    if header.command == WATCH:
        raise InputError(
            f"{path} is a recording of kt watch, which decides nothing",
            hint="`kt sim serve --replay` plays it.",
        )
    config = config_of(header, str(folder))
    time = VirtualTime(header.began)
    made: list[RecordedResult] = []
    with _driving(time, header):
        playback = Playback(path, time)
        app = ReplayApp(config, environ, say, time, playback)

        def keep(what: str, record: Record) -> None:
            values = msgspec.json.decode(msgspec.json.encode(record))
            made.append(RecordedResult(at=playback.at, what=what, values=values))

        recorded, end, complete = _recorded(path)
        try:
            app.journal.recorder = keep
            failure = _run(app, header.command, end, say)
            ended = playback.at
        finally:
            try:
                time.close()
            finally:
                app.close()
    if not complete:
        recorded = [one for one in recorded if one.at < end]
        made = [one for one in made if one.at < end]
    difference = _difference(header, recorded, made, ended)
    return Replayed(header, len(recorded), difference, tuple(playback.missing), failure)


def _difference(
    header: RecordingHeader, was: list[RecordedResult], now: list[RecordedResult], ended: int
) -> FirstDifference | None:
    """A live run takes time to end, and the replay's none: fills after its end are left out."""
    exact = header.exact and header.kt == __version__
    if not exact:
        was = [one for one in was if one.at <= ended or not is_fill(one)]
    return first_difference(was, now, exact=exact)


@contextlib.contextmanager
def _driving(time: VirtualTime, header: RecordingHeader) -> Iterator[None]:
    """Identifiers are those of a backtest with the recorded seed."""
    with ids.drawn_from(Random(f"{header.seed}:ids").getrandbits), time.driving():
        yield


def _recorded(path: Path) -> tuple[list[RecordedResult], int, bool]:
    """What was made then, the time of the last line, and whether the run ended in order: if not,
    what was made at that time may be missing."""
    results, end, complete = list[RecordedResult](), 0, False
    for entry in read_entries(path):
        end = max(end, time_of(entry))
        complete = isinstance(entry, RecordingEnd)
        if isinstance(entry, RecordedResult):
            results.append(entry)
    return results, end, complete


def _run(app: ReplayApp, command: str, end: int, say: Callable[[str], None]) -> str:
    """Run what was recorded, as long as it was; the error that ended it before."""
    try:
        ctx = app.context(command)
        if command == ONCE:
            _cycle(ctx, app)
            return ""
        day = Day(ctx, app.stream, until_close=command != RUN, announce=say)
        left = max(0, end - app.playback.at) / 1_000_000 + (0 if command == RUN else LONGER)
        app.time.call_later(left, lambda: day.stop(ENDED))
        report = day.run()
        done = report.exit_code is ExitCode.DONE
        ctx.journal.finish_run(ctx.run, "done" if done else "failed", report.exit_code)
    except KtError as error:
        return error.message
    return ""


def _cycle(ctx: Context, app: ReplayApp) -> None:
    """One cycle with the stream, as `kt run --once`."""
    events: concurrency.Mailbox[StreamEvent] = concurrency.mailbox()
    feed = Feed(ctx, app.stream, events.put)
    with contextlib.suppress(Unreachable, AuthError):  # the lists are asked instead
        feed.start()
    try:
        run_cycle(ctx, events, watch=feed.watch)
    finally:
        feed.drop()
