"""Runs, steps, API calls, scans, decisions and checks: queued for the writer thread, so that the
caller does not wait for the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kt.ids import new_id
from kt.records import (
    Action,
    Advice,
    AnalystCall,
    AnalystReply,
    Candidate,
    Check,
    Decision,
    Delivery,
    JournaledQuestion,
    ScanSummary,
    Topic,
)
from kt.store.journal_part import JournalPart
from kt.store.rows import (
    Row,
    from_json,
    from_row,
    json_text,
    packed,
    time_text,
    to_row,
    unpacked,
)
from kt.store.writer import MANY, Insert, Item, Statement


class RunRows(JournalPart):
    """Implements ports.RunLog."""

    def start_run(self, run: str, command: str, version: str) -> None:
        self._put(
            "runs",
            run=run,
            command=self._mask(command),
            version=version,
            pid=os.getpid(),
            started_at=time_text(self._clock.now()),
        )

    def finish_run(self, run: str, outcome: str, exit_code: int) -> None:
        now = time_text(self._clock.now())
        sql = "UPDATE runs SET finished_at = ?, outcome = ?, exit_code = ? WHERE run = ?"
        self._writer.put([Statement(sql, (now, self._mask(outcome), int(exit_code), run))])

    def step(
        self, run: str, name: str, started: datetime, seconds: float, outcome: str, detail: str
    ) -> None:
        self._put(
            "steps",
            run=run,
            name=name,
            started_at=time_text(started),
            seconds=seconds,
            outcome=outcome,
            detail=self._mask(detail),
        )

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
        self._put(
            "api_calls",
            run=run,
            api_id=api_id,
            started_at=time_text(started),
            milliseconds=milliseconds,
            http_status=http_status,
            return_code=return_code,
            message=self._mask(message),
        )

    def scan(
        self,
        run: str,
        stage: str,
        at: datetime,
        items: Sequence[Candidate],
        summary: ScanSummary,
    ) -> None:
        when = time_text(at)
        scan = to_row(summary, run=run, stage=stage, at=when, found=len(items))
        scan["missing_json"] = self._mask(scan["missing_json"])
        rows: list[Item] = [Insert("scans", scan)]
        for rank, item in enumerate(items, 1):
            row = {"run": run, "stage": stage, "at": when, "rank": rank}
            rows.append(Insert("candidates", row | to_row(item, leave_out=("stage",))))
        self._writer.put(rows)

    def answer(
        self, run: str, answer: AnalystReply, question: JournaledQuestion | None = None
    ) -> None:
        raw = self._mask_data(answer.raw)
        row = to_row(answer, leave_out=("raw", "objects") if raw else ("raw",), run=run)
        row |= {"raw_zlib": packed(raw), "raw_length": len(raw.encode())}
        row.setdefault("objects_json", "[]")
        row["question_zlib"] = packed(json_text(question)) if question else b""
        for name in ("prompt", "parameters_json"):
            row[name] = self._mask_data(row[name])
        row["error"] = self._mask(answer.error)
        self._writer.put([Insert("ai_calls", row)])

    def find_answer(self, key: str) -> AnalystReply | None:
        """The newest answer with this key; one without an error before one with. The objects of
        one with words are not read from them here."""
        self._flush()
        sql = "SELECT * FROM ai_calls WHERE key = ? ORDER BY error <> '', seq DESC LIMIT 1"
        found = self._file.read(sql, (key,))
        return _reply(found[0]) if found else None

    def questions(self, run: str) -> tuple[tuple[JournaledQuestion, AnalystReply], ...]:
        self._flush()
        sql = "SELECT * FROM ai_calls WHERE run = ? AND question_zlib <> x'' ORDER BY seq"
        rows = self._file.read(sql, (run,))
        asked = (from_json(unpacked(row["question_zlib"]), JournaledQuestion) for row in rows)
        return tuple(zip(asked, map(_reply, rows), strict=True))

    def analyst_calls(self, since: datetime) -> tuple[AnalystCall, ...]:
        """Requests to the analyst since then, oldest first."""
        self._flush()
        sql = (
            "SELECT asked_at, purpose, analyst, model, asked_model, tokens_in, tokens_out,"
            " cost_usd, error FROM ai_calls WHERE asked_at >= ? ORDER BY seq"
        )
        rows = self._file.read(sql, (time_text(since),))
        return tuple(from_row(row, AnalystCall) for row in rows)

    def advice(self, run: str, items: Sequence[Advice]) -> None:
        rows = [to_row(item, run=run) for item in items]
        for row in rows:
            row |= {name: self._mask(row[name]) for name in ("reason", "fault")}
        self._writer.put([Insert("advice", row) for row in rows])

    def advice_since(self, since: datetime, topic: Topic, ref: str = "") -> tuple[Advice, ...]:
        self._flush()
        sql = "SELECT * FROM advice WHERE topic = ? AND at >= ? AND ? IN ('', ref) ORDER BY seq"
        rows = self._file.read(sql, (topic.value, time_text(since), ref))
        return tuple(from_row(row, Advice) for row in rows)

    def decisions(self, run: str, items: Sequence[Decision]) -> None:
        """Store decisions; one that already exists (it came through a pipe) is not changed."""
        for item in items:
            self.recorder("decision", item)
        self._writer.put(
            [Insert("decisions", self._decision(run, item), ignore=True) for item in items]
        )

    def checks(self, run: str, items: Sequence[Check]) -> None:
        rows: list[Item] = []
        for item in items:
            self.recorder("check", item)
            check_id = item.check_id or new_id(self._clock.now())
            rows.append(Insert("checks", _check(run, check_id, item), ignore=True))
            rows.extend(
                Insert("check_results", to_row(result, check_id=check_id, position=place), True)
                for place, result in enumerate(item.results, 1)
            )
        self._writer.put(rows)
        if len(rows) > MANY:
            self._writer.flush()

    def error(self, run: str, kind: str, where: str, message: str, at: datetime) -> None:
        text = self._mask(message)
        self._put("errors", run=run, kind=kind, place=where, message=text, at=time_text(at))

    def notice(self, run: str, level: str, title: str, text: str, at: datetime) -> None:
        self._put(
            "notices",
            run=run,
            level=level,
            title=self._mask(title),
            text=self._mask(text),
            at=time_text(at),
        )

    def delivery(self, run: str, delivery: Delivery) -> None:
        row = to_row(delivery, run=run)
        for name in ("title", "detail"):
            row[name] = self._mask(row[name])
        self._writer.put([Insert("deliveries", row)])

    def deliveries(self, since: datetime) -> tuple[Delivery, ...]:
        """Of notices made since then by any process, oldest first."""
        self._flush()
        sql = "SELECT * FROM deliveries WHERE at >= ? ORDER BY seq"
        return tuple(from_row(row, Delivery) for row in self._file.read(sql, (time_text(since),)))

    def heartbeat(self, run: str, what: str, at: datetime) -> None:
        sql = (
            "INSERT INTO heartbeats (run, what, at, beats) VALUES (?, ?, ?, 1)"
            " ON CONFLICT (run, what) DO UPDATE SET at = excluded.at, beats = beats + 1"
        )
        self._writer.put([Statement(sql, (run, what, time_text(at)))])

    def minute_prices(self, at: datetime, prices: Mapping[str, int]) -> None:
        sql = (
            "INSERT INTO minute_prices (stock_code, at, price) VALUES (?, ?, ?)"
            " ON CONFLICT (stock_code, at) DO UPDATE SET price = excluded.price"
        )
        minute = time_text(at.replace(second=0, microsecond=0))
        self._writer.put([Statement(sql, (code, minute, price)) for code, price in prices.items()])

    def flush(self) -> None:
        self._flush()

    def _decision(self, run: str, item: Decision) -> dict[str, Any]:
        row = to_row(item, run=run)
        now = self._clock.now()
        row["decision_id"] = item.decision_id or new_id(now)
        row["decided_at"] = time_text(item.decided_at or now)
        row["judged"] = int(item.action is Action.ABSTAIN)  # there is no opinion to judge
        return row

    def _put(self, table: str, **row: Any) -> None:
        self._writer.put([Insert(table, row)])


def _reply(row: Row) -> AnalystReply:
    return from_row(row | {"raw": unpacked(row["raw_zlib"])}, AnalystReply)


def _check(run: str, check_id: str, item: Check) -> dict[str, Any]:
    row = to_row(item, leave_out=("decision", "results", "buys_seen", "exits_seen"), run=run)
    row["check_id"] = check_id
    row["decision_id"] = item.decision_id
    row["action"] = item.side.value
    row["denied_by"] = " ".join(result.code for result in item.denials)
    return row
