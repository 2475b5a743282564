"""One cycle: every step once, in order, with what each did and why (docs/architecture.md#steps).

`kt run --once` is this. A step that fails is journaled and listed in the report; the cycle
continues where it can: without candidates it still checks the positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from kt.engine import cycle_phases, summaries
from kt.engine.work import Plan, plan, recover, settle_day
from kt.errors import AuthError, Denied, Halted, JournalError, KtError
from kt.ports import concurrency
from kt.records import (
    AdviceChoice,
    Balance,
    Candidate,
    Check,
    DayResult,
    Decision,
    DecisionOutcome,
    Order,
    OrderState,
    Position,
    StreamEvent,
)
from kt.rules.trading_phases import Phase
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.decide import analyze as analysis
from kt.steps.decide import collect, position_questions, scan
from kt.steps.decide import decision_scoring as learning
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.orders import exits, flatten, unfilled
from kt.steps.orders.place import place_checked
from kt.steps.portfolio import balance as account
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import order_tracking, startup
from kt.steps.results import Exit, Flattened, Reconciliation
from kt.steps.risk import check, stops
from kt.steps.waiting import Waitable

T = TypeVar("T")
Watch = Callable[[Iterable[str]], None]


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step of the report: what it did, how long it took, what went wrong."""

    name: str
    seconds: float
    outcome: str
    """`done`, `failed` or `skipped`."""
    detail: str


@dataclass(slots=True)
class CycleReport:
    """Everything one cycle did; filled in step by step."""

    steps: list[StepSummary] = field(default_factory=list)
    reconciliation: Reconciliation | None = None
    balance: Balance | None = None
    candidates: tuple[Candidate, ...] = ()
    """The last scan's, best first."""
    decisions: tuple[Decision, ...] = ()
    checks: tuple[Check, ...] = ()
    orders: tuple[Order, ...] = ()
    """The orders of this cycle, in their state at its end."""
    positions: tuple[Position, ...] = ()
    day: DayResult | None = None
    outcomes: tuple[DecisionOutcome, ...] = ()

    @property
    def failed(self) -> tuple[StepSummary, ...]:
        return tuple(step for step in self.steps if step.outcome == "failed")

    @property
    def unknown(self) -> tuple[Order, ...]:
        """Orders whose outcome is unknown: exit code 7."""
        return tuple(order for order in self.orders if order.state is OrderState.UNKNOWN)


def run_cycle(
    ctx: Context,
    events: Waitable[StreamEvent] | None = None,
    *,
    watch: Watch | None = None,
    announce: Callable[[StepSummary], None] | None = None,
) -> CycleReport:
    """Run all steps once. `events` is the stream's queue, and `watch` subscribes the stream to
    stocks; without a stream, orders are tracked by the broker's lists alone.

    Raises AuthError and JournalError, and the error of a failed reconciliation.
    """
    return _Cycle(
        ctx, events if events is not None else concurrency.mailbox(), watch, announce
    ).run()


class _Cycle:
    def __init__(
        self,
        ctx: Context,
        events: Waitable[StreamEvent],
        watch: Watch | None,
        announce: Callable[[StepSummary], None] | None,
    ) -> None:
        self.ctx = ctx
        self.events = events
        self.watch = watch or (lambda codes: None)
        self.announce = announce or (lambda step: None)
        self.report = CycleReport()
        self.failure: KtError | None = None
        self.time = analyst_outages.asking_time(ctx)

    def run(self) -> CycleReport:
        report = self.report
        report.reconciliation = self.step("reconcile", self.reconcile, summaries.reconciliation)
        if report.reconciliation is None:
            raise self.failure or KtError("the books could not be reconciled")
        self.take_over()
        report.balance = self.step("account", lambda: account.balance(self.ctx), summaries.balance)
        self.leave()
        self.phase()
        self.scan()
        self.decide()
        self.trade()
        self.close()
        return report

    def reconcile(self) -> Reconciliation:
        return startup.reconcile(self.ctx)

    def take_over(self) -> None:
        """Continue a flatten whose process has died."""
        ctx, stop = self.ctx, stops.current(self.ctx)
        if flatten.abandoned(ctx, stop):
            again = partial(flatten.flatten, ctx, stop.reason, stop.by, self.events)
            self.step("flatten", again, Flattened.text)

    def scan(self) -> None:
        """50 → 20 → 5 stocks; when the deep scan fails, the best of the fast one are used. Stocks
        that the analyst did not choose are not bought."""
        ctx, report = self.ctx, self.report
        scanned = self.step("scan fast", lambda: scan.fast(ctx), scan.Scanned.text)
        found = scanned.candidates if scanned else ()
        if found:
            deeper = self.step("scan deep", partial(scan.deep, ctx, found), scan.Scanned.text)
            found = deeper.candidates if deeper else found[: ctx.config.scan.deep_keep]
            choose = partial(scan.shortlist, ctx, found, self.time)
            chosen = self.step("scan ai", choose, scan.Shortlist.text)
            found = chosen.candidates if chosen else ()
        report.candidates = found
        held = [position.stock_code for position in ctx.journal.positions()]
        self.watch([*held, *(candidate.stock_code for candidate in found)])

    def decide(self) -> None:
        ctx, report = self.ctx, self.report
        request = self.step(
            "collect",
            lambda: collect.collect(ctx, report.candidates),
            lambda found: f"{len(found.stocks)} stocks",
        )
        if request is None or not request.stocks:
            return
        decide = partial(analysis.analyze, ctx, request, self.time)
        describe = partial(analyst_outages.summary, analyst=ctx.analyst.name)
        decisions = self.step("analyze", decide, describe)
        report.decisions = decisions or ()
        checks = self.step("check", lambda: check.check(ctx, report.decisions), summaries.checks)
        report.checks = checks or ()

    def leave(self) -> None:
        """Exits and overdue orders before anything that waits for scans or the analyst."""
        sold = self.step("exits", self.exits, summaries.orders) or ()
        changed = self.step("unfilled", self.unfilled, summaries.orders) or ()
        self.report.orders = (*sold, *(o for o in changed if o.order_id not in _ids(sold)))

    def phase(self) -> None:
        """What the phase of the day adds before trading."""
        ctx = self.ctx
        if cycle_phases.plan_is_due(ctx):
            self.step("plan", lambda: plan(ctx), Plan.text)
        if cycle_phases.phase(ctx) is Phase.CLOSING:
            changed = self.step("closing", lambda: cycle_phases.before_close(ctx), summaries.orders)
            self.report.orders += changed or ()

    def unfilled(self) -> tuple[Order, ...]:
        return unfilled.unfilled(self.ctx)

    def trade(self) -> None:
        ctx, report = self.ctx, self.report
        report.orders += self.step("place", self.place, summaries.orders) or ()
        live = [order for order in report.orders if order.ord_no]
        if live:
            followed = self.step("follow", lambda: self.follow(live), summaries.orders) or ()
            now = {order.order_id: order for order in followed}
            report.orders = tuple(now.get(o.order_id, o) for o in report.orders)
        if report.unknown:
            self.step("recover", lambda: recover(ctx), summaries.orders)
            report.orders = tuple(ctx.journal.order(o.order_id) or o for o in report.orders)

    def exits(self) -> tuple[Order, ...]:
        """Stop-loss and take-profit at the current prices; a tick does the same between cycles.
        Exits that the analyst has to confirm come last."""
        sold: list[Order] = []
        found = exits.exits_at(self.ctx, daily_pnl.quotes(self.ctx))
        asking = {due.position.stock_code: exits.wants_confirmation(self.ctx, due) for due in found}
        for due in sorted(found, key=lambda due: asking[due.position.stock_code]):
            code = due.position.stock_code
            if exits.wait_left(self.ctx, code):
                continue  # refused before; its next try is not due yet
            wanted = self.confirmed(due) if asking[code] else due
            if wanted is None:
                continue
            left = exits.leave(self.ctx, wanted)
            sold += [*left.taken_back, *([left.order] if left.order else [])]
        return tuple(sold)

    def confirmed(self, due: Exit) -> Exit | None:
        """The exit with the analyst's reason; None when the analyst wants to hold on."""
        advice = position_questions.profit(self.ctx, due)
        return None if advice.choice is AdviceChoice.HOLD else exits.advised(due, advice)

    def place(self) -> tuple[Order, ...]:
        """Place every checked decision: it is sent, or denied with its reason."""
        orders = []
        for checked in self.report.checks:
            try:
                order, _ = place_checked(self.ctx, checked)
                orders.append(order)
            except Halted:
                raise
            except Denied as denied:
                note_error(self.ctx, f"place.{checked.stock_code}", denied)
        return tuple(orders)

    def follow(self, orders: Sequence[Order]) -> tuple[Order, ...]:
        return order_tracking.follow(self.ctx, orders, self.events, self.ctx.config.cycle.fill_wait)

    def close(self) -> None:
        ctx, report = self.ctx, self.report
        if cycle_phases.settlement_is_due(ctx):
            settled = self.step("settle", lambda: settle_day(ctx), summaries.settled)
            if settled is not None:
                report.day = settled.result
                notify(ctx, "info", f"kt: {report.day.day} settled", settled.text())
            report.positions = ctx.journal.positions()
            return
        report.day = self.step("settle", lambda: daily_pnl.close_day(ctx), summaries.day)
        self.step("compare", lambda: daily_pnl.compare(ctx), summaries.differences)
        learned = self.step(
            "learn", lambda: learning.learn(ctx), lambda found: f"{len(found.outcomes)} judged"
        )
        report.outcomes = learned.outcomes if learned else ()
        report.positions = ctx.journal.positions()

    def step(self, name: str, work: Callable[[], T], describe: Callable[[T], str]) -> T | None:
        """Run one step, measure and journal it; None when it failed."""
        clock = self.ctx.clock
        started, began = clock.now(), clock.monotonic()
        result: T | None = None
        try:
            result = work()
            outcome, detail = "done", describe(result)
        except (AuthError, JournalError):
            raise
        except KtError as failure:
            note_error(self.ctx, name, failure)
            self.failure = failure
            outcome, detail = "failed", str(failure)
        seconds = clock.monotonic() - began
        summary = StepSummary(name, seconds, outcome, detail)
        self.ctx.journal.step(self.ctx.run, name, started, seconds, outcome, detail)
        self.report.steps.append(summary)
        self.announce(summary)
        return result


def _ids(orders: Iterable[Order]) -> set[str]:
    return {order.order_id for order in orders}
