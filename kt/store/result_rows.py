"""Positions, trades, daily results and decision outcomes: durable when a call returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from kt.records import (
    CashFlow,
    CashNote,
    DayResult,
    Decision,
    DecisionOutcome,
    Doubt,
    Equity,
    Position,
    Record,
    Trade,
)
from kt.store.journal_part import JournalPart
from kt.store.rows import (
    Row,
    day_of,
    day_text,
    insert_sql,
    same_from_row,
    time_text,
    to_row,
    update_all,
)

R = TypeVar("R", bound=Record)


_FLOW = """
SELECT coalesce(sum(CASE side WHEN 'BUY' THEN -(quantity * price + fee)
                              ELSE quantity * price - fee - tax END), 0) AS won,
       count(*) AS fills, coalesce(sum(ord_no = ''), 0) AS outside
FROM fills"""
"""Only fills that adopt external trades have no order number."""


class ResultRows(JournalPart):
    """Implements ports.Results."""

    def positions(self) -> tuple[Position, ...]:
        """Open positions, oldest first."""
        return self._records("SELECT * FROM positions ORDER BY opened_at, stock_code", (), Position)

    def put_position(self, position: Position) -> None:
        if position.quantity == 0:
            with self._file.write() as connection:
                code = position.stock_code
                connection.execute("DELETE FROM positions WHERE stock_code = ?", (code,))
            return
        self._upsert("positions", to_row(position), "stock_code")

    def doubts(self) -> tuple[Doubt, ...]:
        return self._records("SELECT * FROM doubts ORDER BY since, stock_code", (), Doubt)

    def put_doubt(self, doubt: Doubt) -> None:
        self._upsert("doubts", to_row(doubt), "stock_code")

    def drop_doubt(self, stock_code: str) -> None:
        with self._file.write() as connection:
            connection.execute("DELETE FROM doubts WHERE stock_code = ?", (stock_code,))

    def exit_set(self, position: Position, reason: str, at: datetime) -> None:
        names = (
            "stock_code",
            "stock_name",
            "quantity",
            "average_price",
            "stop_price",
            "target_price",
        )
        row = {name: getattr(position, name) for name in names}
        self._insert("exits", row | {"reason": reason, "at": time_text(at)})

    def add_trade(self, trade: Trade) -> None:
        self._insert("closed_trades", to_row(trade, day=day_of(trade.closed_at)))

    def trades(self, *, since: date | None = None, until: date | None = None) -> tuple[Trade, ...]:
        """Trades closed from `since` to `until`, both included, oldest first."""
        where, values = _between("day", since, until)
        sql = f"SELECT * FROM closed_trades {where} ORDER BY closed_at, seq"
        return self._records(sql, values, Trade)

    def put_day(self, result: DayResult) -> None:
        self._upsert("pnl_daily", to_row(result), "day")

    def days(
        self, *, since: date | None = None, until: date | None = None
    ) -> tuple[DayResult, ...]:
        """Days from `since` to `until`, both included, oldest first."""
        where, values = _between("day", since, until)
        return self._records(f"SELECT * FROM pnl_daily {where} ORDER BY day", values, DayResult)

    def put_equity(self, point: Equity) -> None:
        self._upsert("equity", to_row(point), "at")

    def equity(
        self, *, since: datetime, until: datetime, limit: int | None = None
    ) -> tuple[Equity, ...]:
        sql = "SELECT * FROM equity WHERE at >= ? AND at < ? ORDER BY at LIMIT ?"
        most = -1 if limit is None else limit
        return self._records(sql, (time_text(since), time_text(until), most), Equity)

    def equity_before(self, at: datetime) -> Equity | None:
        sql = "SELECT * FROM equity WHERE at < ? ORDER BY at DESC LIMIT 1"
        found = self._records(sql, (time_text(at),), Equity)
        return found[0] if found else None

    def put_outcome(self, outcome: DecisionOutcome) -> None:
        self._upsert("outcomes", to_row(outcome), "decision_id")

    def outcomes(self, *, since: date | None = None) -> tuple[DecisionOutcome, ...]:
        """Outcomes of decisions made on or after `since`, oldest first."""
        where, values = _between("decided_at", since, None)
        sql = f"SELECT * FROM outcomes {where} ORDER BY decided_at, seq"
        return self._records(sql, values, DecisionOutcome)

    def cash_flow(self) -> CashFlow:
        return self._records(_FLOW, (), CashFlow)[0]

    def cash_note(self) -> CashNote | None:
        found = self._records("SELECT * FROM cash_note", (), CashNote)
        return found[0] if found else None

    def put_cash_note(self, note: CashNote) -> None:
        self._upsert("cash_note", to_row(note, seq=1), "seq")

    def open_decisions(
        self, before: datetime, *, since: datetime | None = None
    ) -> tuple[Decision, ...]:
        self._flush()
        sql = (
            "SELECT * FROM decisions AS d WHERE judged = 0 AND decided_at >= ? AND decided_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM outcomes AS x WHERE x.decision_id = d.decision_id)"
            " ORDER BY decided_at, seq"
        )
        values = (time_text(since) if since else "", time_text(before))
        return self._records(sql, values, Decision)

    def _records(self, sql: str, values: Sequence[Any], kind: type[R]) -> tuple[R, ...]:
        return self._file.made(
            sql, values, lambda rows: tuple(same_from_row(row, kind) for row in rows)
        )

    def _insert(self, table: str, row: Row) -> None:
        with self._file.write() as connection:
            connection.execute(insert_sql(table, row), row)

    def _upsert(self, table: str, row: Row, key: str) -> None:
        with self._file.write() as connection:
            connection.execute(insert_sql(table, row, then=update_all(row, key)), row)


def _between(column: str, since: date | None, until: date | None) -> tuple[str, list[str]]:
    """A WHERE clause for a range of days, and its values."""
    parts: list[str] = []
    values: list[str] = []
    if since is not None:
        parts.append(f"{column} >= ?")
        values.append(day_text(since))
    if until is not None:
        parts.append(f"{column} <= ?")
        values.append(day_text(until))
    return ("WHERE " + " AND ".join(parts) if parts else ""), values
