"""The day's plan: what each phase begins, what its timers do, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt.engine import jobs
from kt.engine.jobs import Settled
from kt.errors import ExitCode
from kt.records import StopMode
from kt.rules import session
from kt.rules.session import TRADING, Phase
from kt.steps import follow, mend, scan, settle, stops
from kt.steps import learn as learning
from kt.steps.reports import Reconciliation

if TYPE_CHECKING:
    from kt.engine.day import Day

SCANS = ("fast", "deep", "ai")
LOOK = 5.0
BOOKS = 60.0
BEAT = 30.0
LEARN = 300.0
RETRY = 10.0
SETTLE_AFTER = 60.0
"""Seconds after the close until it is settled: the closing auction's fills come first."""
GIVE_UP = 300.0
"""Seconds of trying to settle in the idle phase before a run that should end does."""


class Phases:
    """Follows the clock and the market's own word from phase to phase."""

    def __init__(self, day: Day) -> None:
        self._day = day

    @property
    def trading(self) -> bool:
        return self._day.state.phase in TRADING

    # the plan

    def follow(self) -> None:
        """Enter the phase of this moment, if it is another."""
        day, state = self._day, self._day.state
        now = day.ctx.clock.now()
        phase = session.phase(now, day.ctx.config.session, state.notice)
        if phase is state.phase:
            return
        today = "" if state.phase_on == now.date() else f" {now:%Y-%m-%d}"
        state.phase, state.phase_on = phase, now.date()
        state.wake()
        if not day.timers.running("heartbeat"):
            day.timers.every("heartbeat", BEAT, day.ctx.clock.monotonic())
        day.announce(f"{phase}{today}")
        day.ctx.journal.heartbeat(day.ctx.run, f"phase {phase}", now)
        if phase not in (Phase.BEFORE, Phase.IDLE) and state.begun != now.date():
            self._begin()
        {
            Phase.PREPARE: self._prepare,
            Phase.OPEN: self._open,
            Phase.CLOSING: self._closing,
            Phase.SETTLE: self._after_close,
            Phase.IDLE: self._idle,
        }.get(phase, lambda: None)()

    def _begin(self) -> None:
        """08:00: reconcile, the stream, yesterday's stop lifted."""
        day = self._day
        day.state.new_day(day.ctx.clock.now().date())
        day.voice.new_day()
        stop = stops.current(day.ctx)
        if stop.mode is not StopMode.RUNNING:
            day.announce(f"kt is stopped ({stop.mode}): {stop.reason}")
        now = day.ctx.clock.monotonic()
        day.timers.every("reconcile", RETRY, now)
        day.timers.every("feed", RETRY, now)

    def _prepare(self) -> None:
        """08:30: expected prices and the watch list, as far as the market tells them."""
        self.work("plan")

    def _open(self) -> None:
        day, scans = self._day, self._day.ctx.config.scan
        now = day.ctx.clock.monotonic()
        for name, every in zip(
            SCANS, (scans.fast_every, scans.deep_every, scans.ai_every), strict=True
        ):
            day.timers.every(name, every, now)
        self._watching(now)

    def _watching(self, now: float) -> None:
        day = self._day
        day.timers.every("cycle", day.ctx.config.cycle.every, now)
        day.timers.every("look", LOOK, now)
        day.timers.every("books", BOOKS, now, first=BOOKS)
        day.timers.every("learn", LEARN, now, first=LEARN)

    def _closing(self) -> None:
        """15:20: no new buys; what is not bought is cancelled, what is held is decided."""
        day = self._day
        day.timers.stop(*SCANS)
        if not day.timers.running("cycle"):
            self._watching(day.ctx.clock.monotonic())
        day.desk.cancel_buys()
        if day.ctx.config.session.close_positions:
            day.desk.close_positions()

    def _after_close(self) -> None:
        day = self._day
        day.timers.stop(*SCANS, "cycle", "books", "learn")
        day.timers.every("look", LOOK, day.ctx.clock.monotonic())
        day.timers.every("settle", RETRY, day.ctx.clock.monotonic(), first=SETTLE_AFTER)

    def _idle(self) -> None:
        """16:00: nothing runs; the next trading day begins by itself."""
        day = self._day
        day.timers.stop(*SCANS, "cycle", "books", "learn", "look", "feed", "reconcile")
        day.feed.drop()
        if not day.until_close:
            return
        if day.timers.running("settle"):
            day.timers.every("give up", GIVE_UP, day.ctx.clock.monotonic(), first=GIVE_UP)
        else:
            day.end("the trading day is over")

    # timers

    def timer(self, name: str) -> None:
        """One timer's job: quick ones here, slow ones on a worker."""
        day = self._day
        if name == "heartbeat":
            self._beat()
        elif name == "cycle":
            self._cycle()
        elif name == "feed":
            self._feed()
        elif name == "give up":
            day.end("the day is over, but it could not be settled", ExitCode.ERROR)
        elif name == "flatten or end":
            day.end(day.state.ending, ExitCode.ERROR)
        elif name == "look":
            day.desk.at_last_prices()
            day.desk.tell_open()
            if day.state.feed_lost or not day.feed.running:
                self.ask_prices()
            self.work("look")
        elif name == "books" and day.desk.lost():
            self.work("recover")
            self.work("books")
        else:
            self.work(name)

    def ask_prices(self) -> None:
        """What the stream does not tell, for what is held."""
        if self._day.state.positions:
            self.work("quotes")

    def work(self, name: str) -> None:
        """Start a worker's job by its name; skipped while the one before it runs."""
        day, ctx, state = self._day, self._day.ctx, self._day.state
        notice, deep, frames = state.notice, state.deep, dict(state.frames)
        tasks: dict[str, Any] = {
            "reconcile": lambda: jobs.begin(ctx),
            "plan": lambda: jobs.plan(ctx),
            "fast": lambda: scan.fast(ctx),
            "deep": (lambda: scan.deep(ctx, state.fast)) if state.fast else None,
            "ai": (lambda: jobs.judge(ctx, deep, notice)) if deep or state.positions else None,
            "look": (lambda: follow.catch_up(ctx)) if day.desk.open_orders() else None,
            "books": lambda: mend.mend(ctx, frames),
            "quotes": lambda: settle.quotes(ctx),
            "learn": lambda: learning.learn(ctx),
            "recover": lambda: jobs.recover(ctx),
            "settle": lambda: jobs.settle_day(ctx, notice),
        }
        if tasks[name] is not None:
            day.workers.start(name, tasks[name])

    def _beat(self) -> None:
        day, state = self._day, self._day.state
        what = f"{state.phase}; {len(state.positions)} held; {len(day.desk.open_orders())} open"
        day.ctx.journal.heartbeat(day.ctx.run, what, day.ctx.clock.now())

    def _cycle(self) -> None:
        """Between scans: old orders, the books at the newest prices, the loss limit."""
        day = self._day
        if not day.state.reconciled:
            return
        stop = stops.current(day.ctx)
        if stop.mode in (StopMode.HALT, StopMode.REDUCE):
            day.desk.cancel_buys()
        day.alarms.take_over(stop)
        day.desk.unfilled()
        day.desk.tell_queued()
        if day.state.phase is Phase.CLOSING and day.ctx.config.session.close_positions:
            day.desk.close_positions()
        settle.settle(day.ctx, day.state.prices)
        day.state.refresh(day.ctx)
        self.watch()

    def _feed(self) -> None:
        day = self._day
        if not day.feed.running and not day.state.feed_replaced:
            day.workers.start("feed", day.feed.start)

    # answers

    def reconciled(self, found: Reconciliation) -> None:
        day = self._day
        day.state.reconciled = True
        day.timers.stop("reconcile")
        day.state.refresh(day.ctx)
        for ours in day.desk.open_orders():
            day.voice.knows(ours)
        for line in found.lines():
            day.announce(line)
        for order in found.external:
            day.announce(f"not kt's: {order.side} {order.stock_name} x{order.open_quantity}")
        self.watch()
        self.ask_prices()

    def scanned(self, then: str) -> None:
        """The first result of the day is used at once; later ones wait for their timers."""
        self.watch()
        if then:
            self._day.timers.again(then, self._day.ctx.clock.monotonic())

    def settled(self, found: Settled) -> None:
        """Once a day: the timer may begin it again before the first answer is read."""
        day = self._day
        day.timers.stop("settle")
        if day.state.settled == found.result.day:
            return
        day.state.settled = found.result.day
        day.report.days.append(found.result)
        stops.tell(day.ctx, "info", f"kt: {found.result.day} settled", found.text())
        if day.state.phase is Phase.IDLE and day.until_close:
            day.end("the trading day is over")

    def watch(self) -> None:
        """Point the stream at what matters: what is held, ordered and chosen with its book, the
        candidates with their trades."""
        day, state = self._day, self._day.state
        other = day.feed.aim(
            [
                *state.positions,
                *(order.stock_code for order in day.desk.open_orders()),
                *(found.stock_code for found in state.shortlist),
            ],
            [found.stock_code for found in state.deep],
        )
        if other:
            day.workers.start("watch", day.feed.point)

    def finish(self) -> None:
        """The run ends: the books at their last prices."""
        day = self._day
        if day.state.reconciled and day.state.settled != day.ctx.clock.now().date():
            settle.settle(day.ctx, day.state.prices)
        day.ctx.journal.flush()
