"""Which process monitors the exits of held positions (`kt run`, cron, or none), and whether the run
that holds the lock is responsive."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kt.cli.support.messages import sentence
from kt.cli.support.run_lock import Holder, holder
from kt.errors import KtError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kt.cli.support.cli_context import CliContext
    from kt.ports import Clock
    from kt.records import Order, Position

SILENT = 90.0
"""Seconds of the clock without a heartbeat: three heartbeats of the trading day."""
SILENT_REAL, SILENT_CYCLE = 15.0, 300.0
"""Real seconds that must have passed as well, whatever the speed of the clock. A single cycle sends
heartbeats only between its steps, and the analyst may be slow."""
CRON = 300.0
"""Real seconds since a single cycle last checked the exits, after which cron counts as inactive."""
HELP = "Start `kt run`, or run `kt run --once` from cron (`kt help cron`)."


@dataclass(frozen=True, slots=True)
class Watch:
    """`seen` is the last heartbeat of the run that holds the lock, `age` its age in the clock's
    seconds; `cron` is when a single cycle last checked the exits."""

    runner: Holder | None
    seen: datetime | None = None
    age: float = 0.0
    silent: bool = False
    cron: datetime | None = None

    @property
    def by(self) -> str:
        """What monitors the exits; empty for nothing."""
        if self.runner is not None and not self.silent:
            return f"{self.runner.command} since {self.runner.since[11:16]}"
        return f"cron, last at {self.cron:%H:%M}" if self.cron else ""

    def unwatched(self, positions: Iterable[Position]) -> int:
        """How many of these have a stop or target that nothing monitors."""
        return 0 if self.by else len(with_exits(positions))

    @property
    def silence(self) -> str:
        """Why the run that holds the lock is considered hanging; empty if it is not."""
        if self.runner is None or not self.silent:
            return ""
        minutes, seconds = divmod(round(self.age), 60)
        span = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return (
            f"the process {self.runner.pid} (kt {self.runner.command}) exists, but has sent no "
            f"heartbeat for {span}: it is stopped, or it hangs"
        )

    @property
    def remedy(self) -> str:
        """What to do about a hanging run."""
        pid = self.runner.pid if self.runner else 0
        return (
            f"`kill -CONT {pid}` continues a stopped process; otherwise `kill -9 {pid}`, then "
            "start `kt run` again: it first reconciles with the broker."
        )


def read_watch(cli: CliContext) -> Watch:
    """Read the locks and the journal. Raises JournalError."""
    clock, journal = cli.app.clock, cli.app.journal
    now = clock.now()
    cron = journal.exits_looked_at()
    if cron is not None and not 0 <= _real(clock, (now - cron).total_seconds()) <= CRON:
        cron = None
    runner = holder(cli.paths)
    if runner is None:
        return Watch(None, cron=cron)
    seen = journal.sign_of_life(runner.pid, runner.command) or _since(runner)
    age = (now - seen).total_seconds() if seen else 0.0
    patience = SILENT_REAL if runner.command == "run" else SILENT_CYCLE
    silent = seen is not None and age > SILENT and _real(clock, age) > patience
    return Watch(runner, seen, age, silent, cron)


def _real(clock: Clock, seconds: float) -> float:
    """Real seconds; on a manual clock, the clock's own seconds."""
    return clock.to_real(seconds) or seconds


def _since(runner: Holder) -> datetime | None:
    try:
        since = datetime.fromisoformat(runner.since)
    except ValueError:
        return None
    return since if since.tzinfo else None


def with_exits(positions: Iterable[Position]) -> list[Position]:
    """The positions with a stop or target price, which must be monitored."""
    return [held for held in positions if held.stop_price or held.target_price]


def warn(cli: CliContext, watch: Watch, held: int) -> None:
    """Warn about a hanging run, and about `held` positions whose exits nothing monitors."""
    if watch.silence:
        cli.console.warn(sentence(watch.silence, watch.remedy))
    if held and not watch.by:
        whose = "1 position has" if held == 1 else f"{held} positions have"
        cli.say(f"{whose} a stop or target that no process monitors. {HELP}")


def warn_unmonitored(cli: CliContext, positions: Iterable[Position]) -> None:
    """The same for these positions; a journal error is ignored, as this is only a side note."""
    held = len(with_exits(positions))
    with contextlib.suppress(KtError):
        if held:
            warn(cli, read_watch(cli), held)


def warn_after_buys(cli: CliContext, orders: Iterable[Order]) -> None:
    """Warn after buy orders whose exits no process would monitor."""
    from kt.records import FINAL_STATES, Side

    bought = [
        order
        for order in orders
        if order.side is Side.BUY
        and order.ord_no
        and (order.filled_quantity or order.state not in FINAL_STATES)
    ]
    with contextlib.suppress(KtError):
        if bought and not read_watch(cli).by:
            names = ", ".join(order.stock_code for order in bought)
            cli.say(f"no process monitors the stop and target of {names}. {HELP}")
