"""The event log as one sequence of rows, and the runs with their heartbeats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kt.errors import UsageError
from kt.store.journal_part import JournalPart
from kt.store.rows import Row, json_value, time_of, time_text

_SOURCES: dict[str, tuple[str, str]] = {
    "run": ("runs", "started_at"),
    "step": ("steps", "started_at"),
    "api_call": ("api_calls", "started_at"),
    "scan": ("scans", "at"),
    "answer": ("ai_calls", "asked_at"),
    "advice": ("advice", "at"),
    "decision": ("decisions", "decided_at"),
    "check": ("checks", "checked_at"),
    "order": ("order_events", "at"),
    "fill": ("fills", "at"),
    "exit": ("exits", "at"),
    "trade": ("closed_trades", "closed_at"),
    "stop": ("halts", "at"),
    "error": ("errors", "at"),
    "notice": ("notices", "at"),
    "delivery": ("deliveries", "at"),
}
"""Kind of event: its table and the column of its time."""
KINDS = tuple(_SOURCES)
LAST = 2**63 - 1
"""Above every `seq`."""
_TOO_LONG = ("prompt", "raw_zlib", "question_zlib", "objects_json", "parameters_json", "fill_json")


class Reading(JournalPart):
    """Implements the queries of ports.Journal, and those of `kt status`."""

    def events(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
        kinds: Iterable[str] | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """At most `limit` rows with a `seq` above `after`, oldest first; with a negative
        `after`, the last so many rows instead, of those with a `seq` below `before`.

        Each has `seq`, `kind`, `at` and the columns of its table; orders' events carry the
        order's stock and side too, checks their results. `kinds` are those of KINDS.
        """
        self._flush()
        wanted = _known(kinds)
        where = f"kind IN ({', '.join('?' * len(wanted))})"
        if after < 0:
            sql = f"SELECT * FROM log WHERE {where} AND seq < ? ORDER BY seq DESC LIMIT ?"
            end = LAST if before is None else before
            lines = self._file.read(sql, (*wanted, end, min(-after, limit)))[::-1]
        else:
            sql = f"SELECT * FROM log WHERE {where} AND seq > ? ORDER BY seq LIMIT ?"
            lines = self._file.read(sql, (*wanted, after, limit))
        return tuple(self._with_sources(lines))

    def runs(self, *, limit: int = 20) -> tuple[dict[str, Any], ...]:
        """Runs, newest first, each with `heartbeats`: `{what: time of the last one}`."""
        self._flush()
        runs = self._file.read("SELECT * FROM runs ORDER BY seq DESC LIMIT ?", (limit,))
        for run in runs:
            sql = "SELECT what, at FROM heartbeats WHERE run = ? ORDER BY at"
            beats = self._file.read(sql, (run["run"],))
            run["heartbeats"] = {beat["what"]: beat["at"] for beat in beats}
        return tuple(runs)

    def sign_of_life(self, pid: int, command: str) -> datetime | None:
        """The last heartbeat, or the start, of the newest unfinished run of this process."""
        self._flush()
        sql = (
            "SELECT MAX(started_at, COALESCE((SELECT MAX(at) FROM heartbeats AS h"
            " WHERE h.run = r.run), '')) AS seen FROM runs AS r"
            " WHERE pid = ? AND command = ? AND finished_at IS NULL ORDER BY seq DESC LIMIT 1"
        )
        found = self._file.read(sql, (pid, command))
        return time_of(found[0]["seen"]) if found else None

    def exits_looked_at(self) -> datetime | None:
        """When a single cycle last checked stops and targets, within the newest 2,000 steps."""
        self._flush()
        sql = (
            "SELECT MAX(started_at) AS at FROM (SELECT * FROM steps ORDER BY seq DESC LIMIT 2000)"
            " WHERE name = 'exits' AND outcome = 'done'"
        )
        (found,) = self._file.read(sql)
        return time_of(found["at"]) if found["at"] else None

    def _with_sources(self, lines: list[Row]) -> list[Row]:
        sources: dict[tuple[str, int], Row] = {}
        for kind in {line["kind"] for line in lines}:
            refs = [line["ref"] for line in lines if line["kind"] == kind]
            sources |= {(kind, row["seq"]): row for row in self._source(kind, refs)}
        return [
            _event(line["seq"], line["kind"], sources[line["kind"], line["ref"]])
            for line in lines
            if (line["kind"], line["ref"]) in sources
        ]

    def _source(self, kind: str, refs: list[int]) -> list[Row]:
        table, _ = _SOURCES[kind]
        found: list[Row] = []
        for start in range(0, len(refs), 500):
            some = refs[start : start + 500]
            places = ", ".join("?" * len(some))
            sql = f"SELECT * FROM {table} WHERE seq IN ({places})"
            if kind == "order":
                sql = (
                    "SELECT o.stock_code, o.stock_name, o.side, o.origin, o.run, e.*"
                    " FROM order_events AS e LEFT JOIN orders AS o ON o.order_id = e.order_id"
                    f" WHERE e.seq IN ({places})"
                )
            found += self._file.read(sql, some)
        if kind == "check":
            for row in found:
                row["results"] = self._results(row["check_id"])
        return found

    def _results(self, check_id: str) -> list[Row]:
        sql = "SELECT code, passed, detail FROM check_results WHERE check_id = ? ORDER BY position"
        rows = self._file.read(sql, (check_id,))
        return [row | {"passed": bool(row["passed"])} for row in rows]


def _event(seq: int, kind: str, row: Row) -> Row:
    at = row.pop(_SOURCES[kind][1])
    event: Row = {"seq": seq, "at": time_text(time_of(at))}
    if "kind" in row:  # an order's event or an error has a kind of its own
        row["what"] = row.pop("kind")
    event["kind"] = kind
    for name, value in row.items():
        if name in ("seq", *_TOO_LONG):
            continue
        if name == "set_by":
            event["by"] = value
        elif name.endswith("_json"):
            event[name.removesuffix("_json")] = json_value(value)
        else:
            event[name] = bool(value) if name == "passed" else value
    return event


def _known(kinds: Iterable[str] | None) -> tuple[str, ...]:
    wanted = KINDS if kinds is None else tuple(kinds)
    for kind in wanted:
        if kind not in _SOURCES:
            raise UsageError(
                f"no such kind of event: {kind}", hint=f"the kinds are {', '.join(KINDS)}"
            )
    return wanted
