"""The journal's interfaces by topic; `Journal` is all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any, Protocol

from kt.ports.day_log import DayLog
from kt.ports.decision_log import DecisionLog
from kt.ports.latency_log import LatencyLog
from kt.records import (
    Advice,
    AnalystCall,
    AnalystReply,
    Candidate,
    CashFlow,
    CashNote,
    Check,
    DayResult,
    Decision,
    DecisionOutcome,
    Delivery,
    Doubt,
    Equity,
    Fill,
    JournaledQuestion,
    Order,
    OrderEvent,
    OrderTicket,
    Position,
    ScanSummary,
    Side,
    Stop,
    SymbolLock,
    Topic,
    Trade,
)


class RunLog(Protocol):
    """Runs, steps, broker calls, scans, analyst calls, decisions, notices: written in batches off
    the calling thread."""

    def start_run(self, run: str, command: str, version: str) -> None: ...
    def finish_run(self, run: str, outcome: str, exit_code: int) -> None: ...
    def step(
        self, run: str, name: str, started: datetime, seconds: float, outcome: str, detail: str
    ) -> None:
        """`seconds` are the clock's; `outcome` is done or failed."""
        ...

    def api_call(
        self,
        run: str,
        api_id: str,
        started: datetime,
        milliseconds: int,
        http_status: int,
        return_code: str,
        message: str,
    ) -> None:
        """One request to the broker, in wall milliseconds; status 0 = no answer came."""
        ...

    def scan(
        self,
        run: str,
        stage: str,
        at: datetime,
        items: Sequence[Candidate],
        summary: ScanSummary,
    ) -> None:
        """`stage` is fast, deep or ai; candidates are best first."""
        ...

    def answer(
        self, run: str, answer: AnalystReply, question: JournaledQuestion | None = None
    ) -> None:
        """`question` is what the first question of an analysis was about."""
        ...

    def questions(self, run: str) -> tuple[tuple[JournaledQuestion, AnalystReply], ...]:
        """The first questions of a run's analyses with their answers, oldest first."""
        ...

    def find_answer(self, key: str) -> AnalystReply | None:
        """The newest answer to the same question; one without an error is preferred."""
        ...

    def analyst_calls(self, since: datetime) -> tuple[AnalystCall, ...]:
        """Calls of analysts since a time, oldest first, with their cost."""
        ...

    def advice(self, run: str, items: Sequence[Advice]) -> None:
        """What was answered to one of the day's questions, or holds without an answer."""
        ...

    def advice_since(self, since: datetime, topic: Topic, ref: str = "") -> tuple[Advice, ...]:
        """Answers on a topic since a time, oldest first; with `ref` about that subject alone."""
        ...

    def decisions(self, run: str, items: Sequence[Decision]) -> None:
        """A decision that is in the journal already (it came through a pipe) stays as it is."""
        ...

    def checks(self, run: str, items: Sequence[Check]) -> None:
        """Each with all rule results; a check that is in the journal already stays as it is."""
        ...

    def error(self, run: str, kind: str, where: str, message: str, at: datetime) -> None:
        """`kind` is network, auth, rate, order, fatal or wire."""
        ...

    def notice(self, run: str, level: str, title: str, text: str, at: datetime) -> None:
        """`level` is info, warning or critical."""
        ...

    def delivery(self, run: str, delivery: Delivery) -> None:
        """What became of a notice by one channel."""
        ...

    def deliveries(self, since: datetime) -> tuple[Delivery, ...]:
        """Of notices made since then by any process, oldest first."""
        ...

    def heartbeat(self, run: str, what: str, at: datetime) -> None:
        """Heartbeat: the newest time and the count are kept for each `what`."""
        ...

    def minute_prices(self, at: datetime, prices: Mapping[str, int]) -> None:
        """Prices in won by stock code; the last one of each minute is kept."""
        ...

    def flush(self) -> None:
        """Block until everything batched is written."""
        ...


class OrderLog(Protocol):
    """Orders and fills: durable when a call returns.

    Orders change only through `plan_order` and `record`: each folds events by
    `rules/order_state.py` in one transaction, so that several processes can share the file.
    """

    def plan_order(self, order: Order, event: OrderEvent, *, again: bool = False) -> Order:
        """Insert an intent in state PLANNED or DENIED.

        A decision that already has an order returns that order unchanged, whatever its state,
        unless `again` is set. A client id that was used before returns its order unchanged when the
        same is wanted, and raises Denied(CLIENT_ID) when it belongs to another order. Raises
        Denied(DUPLICATE) when the same stock and side already has an unresolved intent.
        """
        ...

    def record(self, event: OrderEvent) -> Order:
        """Fold one event into its order and return the updated order. An event seen before changes
        nothing; an impossible one is journaled as a notice and changes nothing."""
        ...

    def order(self, order_id: str) -> Order | None: ...
    def orders_by_id(self, order_ids: Iterable[str]) -> dict[str, Order]:
        """Those of these orders that the journal has."""
        ...

    def order_by_number(self, ord_no: str, day: date) -> Order | None:
        """By any order number it has had at the broker; numbers start again every day."""
        ...

    def order_of_client(self, client_id: str) -> Order | None:
        """The order with this client id, of any day; None for an empty id too."""
        ...

    def repeated(
        self, client_id: str, *, decision_id: str = "", ticket: OrderTicket | None = None
    ) -> Order | None:
        """The order of this client id, when the same is wanted again (`kt.rules.client_ids`); None
        for an id that was never used.

        Raises Denied(CLIENT_ID) when the id belongs to another order. `ticket` None: the decision
        has no size yet.
        """
        ...

    def order_of_decision(self, decision_id: str, side: Side, stock_code: str) -> Order | None:
        """The newest order of this decision in any state but DENIED (that one was never sent). None
        for an empty id too."""
        ...

    def orders(
        self,
        *,
        day: date | None = None,
        states: Iterable[str] | None = None,
        stock_code: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[Order, ...]:
        """Newest first; those created at `since` or later."""
        ...

    def highest_number(self, day: date) -> str:
        """The highest order number of a day that kt knows, its own or noted before a send; empty
        when there is none."""
        ...

    def order_events(self, order_id: str) -> tuple[OrderEvent, ...]:
        """Every event received, oldest first, including those that changed nothing."""
        ...

    def fills(
        self,
        *,
        day: date | None = None,
        order_id: str | None = None,
        stock_code: str | None = None,
        since: date | None = None,
    ) -> tuple[Fill, ...]:
        """Oldest first; each share is counted once."""
        ...


class Results(Protocol):
    """Positions, trades, days and decision outcomes: durable when a call returns."""

    def positions(self) -> tuple[Position, ...]:
        """Open positions, oldest first."""
        ...

    def put_position(self, position: Position) -> None:
        """Insert or replace by stock code; quantity 0 closes it."""
        ...

    def doubts(self) -> tuple[Doubt, ...]:
        """Differences between the broker's holdings and the books that are not confirmed yet."""
        ...

    def put_doubt(self, doubt: Doubt) -> None:
        """Insert or replace by stock code."""
        ...

    def drop_doubt(self, stock_code: str) -> None: ...
    def exit_set(self, position: Position, reason: str, at: datetime) -> None:
        """Record that stop and target were set or moved."""
        ...

    def add_trade(self, trade: Trade) -> None: ...
    def trades(self, *, since: date | None = None, until: date | None = None) -> tuple[Trade, ...]:
        """Closed from `since` to `until`, both included, oldest first."""
        ...

    def put_day(self, result: DayResult) -> None:
        """Insert or replace by day."""
        ...

    def days(
        self, *, since: date | None = None, until: date | None = None
    ) -> tuple[DayResult, ...]:
        """From `since` to `until`, both included, oldest first."""
        ...

    def put_equity(self, point: Equity) -> None:
        """Insert or replace by minute."""
        ...

    def equity(
        self, *, since: datetime, until: datetime, limit: int | None = None
    ) -> tuple[Equity, ...]:
        """The minutes from `since` on and before `until`, oldest first, `limit` at most."""
        ...

    def equity_before(self, at: datetime) -> Equity | None:
        """The last minute kept before a time."""
        ...

    def put_outcome(self, outcome: DecisionOutcome) -> None: ...
    def outcomes(self, *, since: date | None = None) -> tuple[DecisionOutcome, ...]:
        """Of decisions made on `since` or later, oldest first."""
        ...

    def cash_flow(self) -> CashFlow:
        """What all fills booked so far changed in cash."""
        ...

    def cash_note(self) -> CashNote | None:
        """The cash recorded last; None before the first time."""
        ...

    def put_cash_note(self, note: CashNote) -> None: ...
    def open_decisions(
        self, before: datetime, *, since: datetime | None = None
    ) -> tuple[Decision, ...]:
        """Decisions made from `since` on and before a time that have no outcome yet."""
        ...


class Stops(Protocol):
    """Stops and symbol locks: durable when a call returns."""

    def stop(self) -> Stop:
        """The stop in force: the stricter of database row and flag file."""
        ...

    def set_stop(self, stop: Stop) -> None:
        """Write the flag file first, then the row: a broken database still halts trading."""
        ...

    def lock_symbol(self, lock: SymbolLock) -> None:
        """Of two locks on a stock the longer one is kept, unless both belong to the same order."""
        ...

    def unlock_symbol(self, stock_code: str) -> None: ...
    def locks(self) -> tuple[SymbolLock, ...]:
        """The locks in force now, oldest first."""
        ...


class Journal(RunLog, OrderLog, Results, DecisionLog, DayLog, LatencyLog, Stops, Protocol):
    """All parts of the journal. Every method may raise JournalError."""

    def events(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
        kinds: Iterable[str] | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """What happened, oldest first, as rows with an increasing `seq`; a negative `after` asks
        for the last so many, of those below `before`."""
        ...

    def prune(self, before: datetime) -> dict[str, int]:
        """Remove what is older and needed no longer, safe beside other processes; how many rows
        of each table went. Orders, fills, positions, results and what is open stay."""
        ...

    def prunable(self, before: datetime) -> dict[str, int]:
        """How many rows of each table that would be."""
        ...

    def vacuum(self) -> None:
        """Give free space back to the disk; everybody who writes waits for it."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """One transaction: no other process writes in between, and a crash leaves all of it or
        nothing. Do not wait for anything else inside."""
        ...

    def close(self) -> None:
        """Write what is batched, then close. Raises JournalError when it could not be written."""
        ...
