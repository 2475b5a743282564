"""Orders and fills: each intent and each event is stored in one durable transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from kt.errors import Denied, JournalError
from kt.records import (
    UNRESOLVED_STATES,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderTicket,
    Origin,
    Side,
)
from kt.rules.client_ids import refuse_other
from kt.rules.order_state import Derived, derive
from kt.store.connection import rows
from kt.store.journal_part import JournalPart
from kt.store.rows import (
    Row,
    day_of,
    day_text,
    insert_sql,
    json_text,
    same_from_row,
    time_text,
    to_row,
)

_UNRESOLVED = tuple(sorted(state.value for state in UNRESOLVED_STATES))


class OrderRows(JournalPart):
    """Implements ports.OrderLog."""

    def plan_order(self, order: Order, event: OrderEvent, *, again: bool = False) -> Order:
        """Insert an intent with its first event (PLANNED or DENIED); see the port.

        The duplicate check and the insert are one write transaction, so that no other process can
        plan the same stock and side in between.
        """
        event = self._masked(event)
        with self._file.write() as connection:
            first = _first_of_client(connection, order)
            if first is not None:
                return first
            derived = derive(order, (event,))
            if derived.order.state in UNRESOLVED_STATES and order.origin is not Origin.EXTERNAL:
                used = _of_decision(connection, order.decision_id, order.side, order.stock_code)
                if used is not None and not again:
                    return used
                _refuse_duplicate(connection, order)
            row = _order_row(derived.order, planned_price=order.price)
            connection.execute(insert_sql("orders", row), row)
            notices = self._store(connection, event, derived)
        self.recorder("order", derived.order)
        self._say(notices)
        return derived.order

    def record(self, event: OrderEvent) -> Order:
        """Store one event and derive the order from all its events; see the port.

        Raises JournalError when the journal knows no such order.
        """
        event = self._masked(event)
        with self._file.write() as connection:
            intent, now = _intent(connection, self._file.path, event.order_id)
            seen = "SELECT 1 FROM order_events WHERE event_id = ?"
            if connection.execute(seen, (event.event_id,)).fetchone():
                return now
            events = (*_events(connection, event.order_id), event)
            derived = derive(intent, events)
            row = _order_row(derived.order, planned_price=intent.price)
            sets = ", ".join(f"{name} = :{name}" for name in row)
            connection.execute(f"UPDATE orders SET {sets} WHERE order_id = :order_id", row)
            notices = self._store(connection, event, derived)
        self.recorder("event", event)
        self._say(notices)
        return derived.order

    def order(self, order_id: str) -> Order | None:
        found = self._file.made("SELECT * FROM orders WHERE order_id = ?", (order_id,), _orders)
        return found[0] if found else None

    def orders_by_id(self, order_ids: Iterable[str]) -> dict[str, Order]:
        wanted = json_text(sorted(set(order_ids)))
        sql = "SELECT * FROM orders WHERE order_id IN (SELECT value FROM json_each(?))"
        return {order.order_id: order for order in self._file.made(sql, (wanted,), _orders)}

    def order_by_number(self, ord_no: str, day: date) -> Order | None:
        """The order with this number in its chain on that day; leading zeros do not matter."""
        if not ord_no.isdecimal():
            return None
        sql = (
            "SELECT * FROM orders WHERE day = ? AND EXISTS (SELECT 1 FROM json_each(ord_nos_json)"
            " WHERE cast(json_each.value AS INTEGER) = ?) ORDER BY seq DESC LIMIT 1"
        )
        found = self._file.read(sql, (day_text(day), int(ord_no)))
        return same_from_row(found[0], Order) if found else None

    def order_of_client(self, client_id: str) -> Order | None:
        sql = "SELECT * FROM orders WHERE client_id = ? AND client_id <> ''"
        found = self._file.read(sql, (client_id,))
        return same_from_row(found[0], Order) if found else None

    def repeated(
        self, client_id: str, *, decision_id: str = "", ticket: OrderTicket | None = None
    ) -> Order | None:
        sql = "SELECT * FROM orders WHERE client_id = ? AND client_id <> ''"
        return _same_again(self._file.read(sql, (client_id,)), decision_id, ticket)

    def order_of_decision(self, decision_id: str, side: Side, stock_code: str) -> Order | None:
        if not decision_id:
            return None
        found = self._file.read(*_decision_query(decision_id, side, stock_code))
        return same_from_row(found[0], Order) if found else None

    def orders(
        self,
        *,
        day: date | None = None,
        states: Iterable[str] | None = None,
        stock_code: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[Order, ...]:
        parts, values = ["1"], list[Any]()
        if day is not None:
            parts.append("day = ?")
            values.append(day_text(day))
        if states is not None:
            wanted = [str(state) for state in states]
            parts.append(f"state IN ({', '.join('?' * len(wanted))})")
            values += wanted
        if stock_code is not None:
            parts.append("stock_code = ?")
            values.append(stock_code)
        if since is not None:
            parts.append("created_at >= ?")
            values.append(time_text(since))
        where = " AND ".join(parts)
        sql = f"SELECT * FROM orders WHERE {where} ORDER BY created_at DESC, seq DESC LIMIT ?"
        values.append(-1 if limit is None else limit)
        return self._file.made(sql, values, _orders)

    def highest_number(self, day: date) -> str:
        sql = (
            "SELECT ord_no FROM (SELECT ord_no FROM orders WHERE day = :day"
            " UNION ALL SELECT noted_ord_no FROM orders WHERE day = :day)"
            " WHERE ord_no <> '' ORDER BY cast(ord_no AS INTEGER) DESC LIMIT 1"
        )
        found = self._file.read(sql, {"day": day_text(day)})
        return str(found[0]["ord_no"]) if found else ""

    def order_events(self, order_id: str) -> tuple[OrderEvent, ...]:
        """All recorded events, oldest first, including those that changed nothing."""
        sql = "SELECT * FROM order_events WHERE order_id = ? ORDER BY seq"
        return tuple(same_from_row(row, OrderEvent) for row in self._file.read(sql, (order_id,)))

    def fills(
        self,
        *,
        day: date | None = None,
        order_id: str | None = None,
        stock_code: str | None = None,
        since: date | None = None,
    ) -> tuple[Fill, ...]:
        """Fills, oldest first; every share is counted once."""
        parts, values = ["1"], list[str]()
        if stock_code is not None:
            parts.append("stock_code = ?")
            values.append(stock_code)
        if since is not None:
            parts.append("day >= ?")
            values.append(day_text(since))
        if day is not None:
            parts.append("day = ?")
            values.append(day_text(day))
        if order_id is not None:
            parts.append("order_id = ?")
            values.append(order_id)
        sql = f"SELECT * FROM fills WHERE {' AND '.join(parts)} ORDER BY at, seq"
        return self._file.made(sql, values, _fills)

    def _masked(self, event: OrderEvent) -> OrderEvent:
        message, evidence = self._mask(event.message), self._mask(event.evidence)
        return replace(event, message=message, evidence=evidence)

    def _say(self, notices: Sequence[Mapping[str, str]]) -> None:
        for notice in notices:
            self._tell(notice["level"], notice["title"], notice["text"])

    def _store(
        self, connection: sqlite3.Connection, event: OrderEvent, derived: Derived
    ) -> list[dict[str, str]]:
        """Store the event, the order's current fills, and a notice for each impossible event;
        returns those notices."""
        kept_at = time_text(self._clock.now())
        row = to_row(event, leave_out=("fill",), refused="", kept_at=kept_at)
        row["fill_json"] = json_text(event.fill) if event.fill else None
        connection.execute(insert_sql("order_events", row), row)
        counted = derived.fills if derived.order.filled_quantity else ()
        _put_fills(connection, derived.order.order_id, counted)
        return _mark_impossible(connection, derived, kept_at)


def _orders(found: Iterable[Row]) -> tuple[Order, ...]:
    return tuple(same_from_row(row, Order) for row in found)


def _fills(found: Iterable[Row]) -> tuple[Fill, ...]:
    return tuple(same_from_row(row, Fill) for row in found)


def _first_of_client(connection: sqlite3.Connection, order: Order) -> Order | None:
    """The order that this one would repeat: with the same id, or the same client id."""
    sql = "SELECT * FROM orders WHERE order_id = ? OR (client_id <> '' AND client_id = ?) LIMIT 1"
    found = rows(connection, sql, (order.order_id, order.client_id))
    return _same_again(found, order.decision_id, OrderTicket.of(order))


def _same_again(
    found: Sequence[Mapping[str, Any]], decision_id: str, ticket: OrderTicket | None
) -> Order | None:
    """The order found by its client id. Raises Denied(CLIENT_ID) if its contents differ."""
    if not found:
        return None
    first = same_from_row(found[0], Order)
    planned = replace(first, price=found[0]["planned_price"])
    refuse_other(planned, decision_id, ticket)
    return first


def _decision_query(decision_id: str, side: Side, stock_code: str) -> tuple[str, tuple[str, ...]]:
    """The query for the order of a decision, by stock and side as well, because hand-written
    documents may use one id for several stocks."""
    sql = (
        "SELECT * FROM orders WHERE decision_id = ? AND decision_id <> '' AND side = ?"
        " AND stock_code = ? AND state <> ? ORDER BY seq DESC LIMIT 1"
    )
    return sql, (decision_id, side.value, stock_code, OrderState.DENIED.value)


def _of_decision(
    connection: sqlite3.Connection, decision_id: str, side: Side, stock_code: str
) -> Order | None:
    found = rows(connection, *_decision_query(decision_id, side, stock_code))
    return same_from_row(found[0], Order) if found else None


def _refuse_duplicate(connection: sqlite3.Connection, order: Order) -> None:
    """At most one unresolved intent per stock and side."""
    places = ", ".join("?" * len(_UNRESOLVED))
    sql = (
        f"SELECT order_id, state FROM orders WHERE stock_code = ? AND side = ?"
        f" AND state IN ({places}) AND origin <> ? LIMIT 1"
    )
    values = (order.stock_code, order.side.value, *_UNRESOLVED, Origin.EXTERNAL.value)
    found = rows(connection, sql, values)
    if found:
        raise Denied(
            f"{order.side} {order.stock_code}: order {found[0]['order_id']} is still "
            f"{found[0]['state']}; nothing was sent",
            hint="wait for it, or resolve it: kt order list --unknown, kt order resolve",
            code="DUPLICATE",
        )


def _intent(connection: sqlite3.Connection, path: object, order_id: str) -> tuple[Order, Order]:
    """The order as planned, and its current state."""
    found = rows(connection, "SELECT * FROM orders WHERE order_id = ?", (order_id,))
    if not found:
        raise JournalError(
            f"journal {path} knows no order {order_id}", hint="see kt order list", code="NO_ORDER"
        )
    now = same_from_row(found[0], Order)
    return replace(now, price=found[0]["planned_price"]), now


def _events(connection: sqlite3.Connection, order_id: str) -> list[OrderEvent]:
    sql = "SELECT * FROM order_events WHERE order_id = ? ORDER BY seq"
    return [same_from_row(row, OrderEvent) for row in rows(connection, sql, (order_id,))]


def _order_row(order: Order, *, planned_price: int) -> dict[str, Any]:
    return to_row(order, day=day_of(order.created_at), planned_price=planned_price)


def _put_fills(connection: sqlite3.Connection, order_id: str, fills: Sequence[Fill]) -> None:
    """Replace the order's fills: a later report may split an earlier fill."""
    wanted = {(f.fill_id, f.from_quantity): to_row(f, day=day_of(f.at)) for f in fills}
    for row in rows(connection, "SELECT * FROM fills WHERE order_id = ?", (order_id,)):
        seq = row.pop("seq")
        key = (row["fill_id"], row["from_quantity"])
        if wanted.get(key) == row:
            del wanted[key]
        else:
            connection.execute("DELETE FROM fills WHERE seq = ?", (seq,))
    for row in wanted.values():
        connection.execute(insert_sql("fills", row), row)


def _mark_impossible(
    connection: sqlite3.Connection, derived: Derived, now: str
) -> list[dict[str, str]]:
    """Mark impossible events as refused; returns a notice for each newly marked one."""
    order = derived.order
    impossible = {event.event_id: event for event in derived.impossible}
    notices = []
    sql = "SELECT seq, event_id, refused FROM order_events WHERE order_id = ?"
    for row in rows(connection, sql, (order.order_id,)):
        event = impossible.get(row["event_id"])
        if bool(row["refused"]) == (event is not None):
            continue
        why = f"{event.kind} does not fit what is known of the order" if event else ""
        connection.execute("UPDATE order_events SET refused = ? WHERE seq = ?", (why, row["seq"]))
        if event is None:
            continue
        notice = {
            "run": order.run,
            "level": "warning",
            "title": f"order {order.order_id}: {event.kind} changed nothing",
            "text": f"{order.side} {order.stock_code} is {order.state}; {event.kind} of "
            f"{time_text(event.at)} does not fit it. {event.message or event.evidence}".strip(),
            "at": now,
        }
        connection.execute(insert_sql("notices", notice), notice)
        notices.append(notice)
    return notices
