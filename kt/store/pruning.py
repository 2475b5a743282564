"""Retention: rows that are old and no longer needed are deleted in small batches."""

from __future__ import annotations

from datetime import datetime

from kt.store.journal_part import JournalPart
from kt.store.rows import time_text

_PRUNED: dict[str, tuple[str, str, str]] = {
    "api_calls": ("api_call", "started_at", ""),
    "steps": ("step", "started_at", ""),
    "scans": ("scan", "at", ""),
    "candidates": ("", "at", ""),
    "ai_calls": ("answer", "asked_at", ""),
    "advice": ("advice", "at", ""),
    "checks": ("check", "checked_at", "decision_id NOT IN (SELECT decision_id FROM orders)"),
    "check_results": ("", "", "check_id NOT IN (SELECT check_id FROM checks)"),
    "errors": ("error", "at", ""),
    "notices": ("notice", "at", ""),
    "deliveries": ("delivery", "at", ""),
    "minute_prices": ("", "at", ""),
    "heartbeats": ("", "at", "run NOT IN (SELECT run FROM runs WHERE finished_at IS NULL)"),
    "runs": ("run", "finished_at", "run NOT IN (SELECT run FROM orders)"),
}
"""By table: its kind in the log, its time column, and a further condition. Nothing else is ever
deleted: orders and their events, fills, positions, exits, trades, days, decisions and their
outcomes, stops, locks, and unfinished runs stay."""
BATCH = 500
"""Rows per transaction: a process that must write an order waits for at most one batch."""


class Pruning(JournalPart):
    """Implements the retention of ports.Journal."""

    def prune(self, before: datetime) -> dict[str, int]:
        """Delete the prunable rows older than `before`; the number of deleted rows by table. Safe
        while other processes write: each batch is its own transaction."""
        self._flush()
        found = {table: self._prune(table, time_text(before)) for table in _PRUNED}
        return {table: count for table, count in found.items() if count}

    def prunable(self, before: datetime) -> dict[str, int]:
        """The number of rows by table that `prune` would delete, not counting rows that depend on
        them."""
        self._flush()
        found = {}
        for table in _PRUNED:
            where, values = _condition(table, time_text(before))
            sql = f"SELECT count(*) AS found FROM {table} WHERE {where}"
            found[table] = int(self._file.read(sql, values)[0]["found"])
        return {table: count for table, count in found.items() if count}

    def vacuum(self) -> None:
        """Return free space to the disk. It blocks all writers until it is done, so call it only
        while no run is active."""
        self._flush()
        self._file.vacuum()

    def _prune(self, table: str, before: str) -> int:
        kind = _PRUNED[table][0]
        where, values = _condition(table, before)
        removed = 0
        while True:
            with self._file.write() as connection:
                sql = f"SELECT seq FROM {table} WHERE {where} LIMIT {BATCH}"
                old = [row[0] for row in connection.execute(sql, values)]
                placeholders = ", ".join("?" * len(old))
                connection.execute(f"DELETE FROM {table} WHERE seq IN ({placeholders})", old)
                if kind:
                    sql = f"DELETE FROM log WHERE kind = ? AND ref IN ({placeholders})"
                    connection.execute(sql, (kind, *old))
            removed += len(old)
            if len(old) < BATCH:
                return removed


def _condition(table: str, before: str) -> tuple[str, tuple[str, ...]]:
    _, column, condition = _PRUNED[table]
    parts = [f"{column} < ?"] if column else []
    parts += [condition] if condition else []
    return " AND ".join(parts), (before,) if column else ()
