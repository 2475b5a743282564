"""Retention: old rows that nobody needs any more are removed, a few at a time."""

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
    "checks": ("check", "checked_at", "decision_id NOT IN (SELECT decision_id FROM orders)"),
    "check_results": ("", "", "check_id NOT IN (SELECT check_id FROM checks)"),
    "errors": ("error", "at", ""),
    "notices": ("notice", "at", ""),
    "deliveries": ("delivery", "at", ""),
    "heartbeats": ("", "at", "run NOT IN (SELECT run FROM runs WHERE finished_at IS NULL)"),
    "runs": ("run", "finished_at", "run NOT IN (SELECT run FROM orders)"),
}
"""Table: its kind in the log, the column of its time, and what must be true besides. Nothing else
is ever removed: orders and their events, fills, positions, exits, trades, days, decisions and what
they were worth, stops, locks, and runs without an end stay."""
BATCH = 500
"""Rows of one transaction: who must write an order meanwhile waits for no more than these."""


class Pruning(JournalPart):
    """Implements the retention of ports.Journal."""

    def prune(self, before: datetime) -> dict[str, int]:
        """Remove what is older and settled; how many rows of each table went. Safe beside
        processes that write: each batch is a transaction of its own."""
        self._flush()
        found = {table: self._prune(table, time_text(before)) for table in _PRUNED}
        return {table: count for table, count in found.items() if count}

    def prunable(self, before: datetime) -> dict[str, int]:
        """How many rows of each table `prune` would remove; what hangs on them goes too."""
        self._flush()
        found = {}
        for table in _PRUNED:
            where, values = _condition(table, time_text(before))
            sql = f"SELECT count(*) AS found FROM {table} WHERE {where}"
            found[table] = int(self._file.read(sql, values)[0]["found"])
        return {table: count for table, count in found.items() if count}

    def vacuum(self) -> None:
        """Give free space back to the disk. Everybody who writes waits until it is done: only
        while no run is at work."""
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
                places = ", ".join("?" * len(old))
                connection.execute(f"DELETE FROM {table} WHERE seq IN ({places})", old)
                if kind:
                    sql = f"DELETE FROM log WHERE kind = ? AND ref IN ({places})"
                    connection.execute(sql, (kind, *old))
            removed += len(old)
            if len(old) < BATCH:
                return removed


def _condition(table: str, before: str) -> tuple[str, tuple[str, ...]]:
    _, column, besides = _PRUNED[table]
    parts = [f"{column} < ?"] if column else []
    parts += [besides] if besides else []
    return " AND ".join(parts), (before,) if column else ()
