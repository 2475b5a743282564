"""`kt pnl --decisions`, recomputed from plain SQL and from plain Python."""

from __future__ import annotations

import csv
import io
import random
import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from kt.cli.show.width import width_of
from kt.records import Action, AnalystScore, EntryStatus, Provenance
from tests.cli.front import Front
from tests.fakes import OPEN
from tests.store.make import decision, outcome

SQL = """
WITH counted AS (
    SELECT *, analyst || '|' || model || '|' || prompt_version AS who,
           stock_code || action || (held > 0) AS choice,
           julianday(decided_at) AS a, julianday(horizon_at) AS b
    FROM decision_outcomes WHERE counts
),
marks AS (
    SELECT who, choice, a AS t FROM counted UNION SELECT who, choice, b FROM counted
),
pieces AS (
    SELECT who, choice, t AS a, lead(t) OVER (PARTITION BY who, choice ORDER BY t) AS b FROM marks
),
shared AS (
    SELECT p.who, p.choice, p.a, p.b, count(*) AS open_then
    FROM pieces AS p JOIN counted AS c
      ON c.who = p.who AND c.choice = p.choice AND c.a <= p.a AND c.b >= p.b
    GROUP BY p.who, p.choice, p.a, p.b
),
weighed AS (
    SELECT c.*, sum((s.b - s.a) / s.open_then) / (c.b - c.a) AS w,
           CASE WHEN c.confidence < 0.5 THEN '0.0-0.5' WHEN c.confidence < 0.6 THEN '0.5-0.6'
                WHEN c.confidence < 0.7 THEN '0.6-0.7' WHEN c.confidence < 0.8 THEN '0.7-0.8'
                WHEN c.confidence < 0.9 THEN '0.8-0.9' ELSE '0.9-1.0' END AS band
    FROM counted AS c JOIN shared AS s
      ON s.who = c.who AND s.choice = c.choice AND s.a >= c.a AND s.b <= c.b
    GROUP BY c.decision_id
),
named AS (
    SELECT *, 'all' AS row_action, 'all' AS row_band FROM weighed
    UNION ALL SELECT *, action, 'all' FROM weighed
    UNION ALL SELECT *, 'all', band FROM weighed
),
bands AS (
    SELECT who, row_action, row_band, abs(sum(w * (confidence - hit))) AS distance
    FROM named GROUP BY who, row_action, row_band, band
)
SELECT n.who, n.row_action, n.row_band, sum(w) AS n, count(*) AS decisions,
       100 * sum(w * hit) / sum(w) AS hit_pct,
       sum(w * confidence) / sum(w) AS mean_confidence,
       sum(w * return_pct) / sum(w) AS return_pct, sum(w * edge_pct) / sum(w) AS edge_pct,
       sum(w * buy_hold_pct) / sum(w) AS buy_hold_pct,
       sum(w * rules_pct) / sum(w * (rules_pct IS NOT NULL)) AS rules_pct,
       100 * sum(w * rules_hit) / sum(w * (rules_hit IS NOT NULL)) AS rules_hit_pct,
       sum(w * (confidence - hit) * (confidence - hit)) / sum(w) AS brier,
       sum(w * hit) / sum(w) * (1 - sum(w * hit) / sum(w)) AS base_brier,
       (SELECT sum(distance) FROM bands AS b WHERE b.who = n.who AND b.row_action = n.row_action
        AND b.row_band = n.row_band) / sum(w) AS calibration_error,
       sum(provenance = 'repaired') AS repaired
FROM named AS n GROUP BY n.who, n.row_action, n.row_band"""

ANALYSTS = (
    ("gemini", "gemini-flash-9", "decide.en.3"),
    ("gemini", "gemini-flash-9", "decide.ko.3"),
    ("gemini", "gemini-pro-9", "decide.en.3"),
    ("rules", "rules-1", ""),
)


def journaled(front: Front, chance: random.Random, number: int) -> dict[str, Any]:
    """One decision with its outcome, as they are written while trading."""
    analyst, model, prompt_version = chance.choice(ANALYSTS)
    at = OPEN - timedelta(minutes=chance.randrange(60, 60 * 24 * 9))
    action = chance.choice([Action.BUY, Action.SELL, Action.HOLD, Action.HOLD])
    entries = list(EntryStatus)[1:] if action.trades else [EntryStatus.NONE]
    known = chance.random() < 0.8
    both = {
        "stock_code": chance.choice(["005930", "000660"]),
        "action": action,
        "confidence": round(chance.random(), 2),
        "analyst": analyst,
        "model": model,
        "prompt_version": prompt_version,
        "provenance": chance.choice(list(Provenance)[:3]),
        "decided_at": at,
        "held": chance.choice([0, 10]),
    }
    judged = {
        "horizon_at": at + timedelta(minutes=chance.choice([20, 60])),
        "entry": chance.choice(entries),
        "return_pct": round(chance.uniform(-3, 3), 4),
        "edge_pct": round(chance.uniform(-3, 3), 4),
        "buy_hold_pct": round(chance.uniform(-3, 3), 4),
        "hit": chance.random() < 0.5,
        "rules_action": "HOLD" if known else "",
        "rules_pct": round(chance.uniform(-3, 3), 4) if known else None,
        "rules_hit": chance.random() < 0.5 if known else None,
    }
    name = f"D{number:03d}"
    front.world.journal.decisions("RUN", [decision(name, **both)])
    front.world.journal.put_outcome(outcome(name, **(both | judged)))
    return both | judged


@pytest.fixture
def rows(front: Front) -> list[dict[str, Any]]:
    """Three hundred decisions of four analysts over nine days."""
    chance = random.Random(11)
    return [journaled(front, chance, number) for number in range(300)]


FIGURES = (
    ("n", 0.06), ("decisions", 0), ("hit_pct", 0.06), ("mean_confidence", 1e-4),
    ("return_pct", 1e-4), ("edge_pct", 1e-4), ("buy_hold_pct", 1e-4), ("rules_pct", 1e-4),
    ("rules_hit_pct", 0.06), ("brier", 1e-4), ("base_brier", 1e-4), ("calibration_error", 1e-4),
    ("repaired", 0),
)  # fmt: skip
"""The figures and how far rounding may move them."""


def test_every_figure_is_what_plain_sql_gives(front: Front, rows: list[dict[str, Any]]) -> None:
    items = front("pnl", "--decisions").items
    with closing(sqlite3.connect(front.world.folder / "kt.db")) as connection:
        connection.row_factory = sqlite3.Row
        wanted = {
            (row["who"], row["row_action"], row["row_band"]): row for row in connection.execute(SQL)
        }
    assert len(wanted) == len(items) == 4 * 10
    for item in items:
        who = "|".join((item["analyst"], item["model"], item["prompt_version"]))
        row = wanted.pop((who, item["action"], item["confidence"]))
        for name, room in FIGURES:
            assert item[name] == pytest.approx(row[name], abs=room + 1e-9), (who, name)
        assert item["few"] is (row["n"] < 20)
    assert {item["few"] for item in items} == {True, False}, "both kinds are among them"


def test_what_is_counted_apart_is_what_plain_python_counts(
    front: Front, rows: list[dict[str, Any]]
) -> None:
    apart: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        key = (row["analyst"], row["model"], row["prompt_version"])
        if row["provenance"] is Provenance.FALLBACK:
            apart[key]["fallback"] += 1
        elif not row["entry"].counts:
            apart[key][row["entry"].value] += 1
        else:
            apart[key]["decisions"] += 1
    for item in front("pnl", "--decisions").items:
        if item["action"] == item["confidence"] == "all":
            key = (item["analyst"], item["model"], item["prompt_version"])
            names = ("decisions", "denied", "unfilled", "not_ordered", "fallback")
            assert {name: item[name] for name in names} == dict(apart[key])


def test_weights_by_a_walk_through_every_minute(front: Front, rows: list[dict[str, Any]]) -> None:
    """Independent of SQL and of intervals: each minute of each decision is shared by those that
    are open in it."""
    counted = [row for row in rows if row["provenance"].own and row["entry"].counts]

    def open_minutes(row: dict[str, Any]) -> range:
        start, end = (int(row[name].timestamp()) // 60 for name in ("decided_at", "horizon_at"))
        return range(start, end)

    def choice(row: dict[str, Any]) -> tuple[Any, ...]:
        names = ("analyst", "model", "prompt_version", "stock_code", "action")
        return (*(row[name] for name in names), row["held"] > 0)

    open_at: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in counted:
        for minute in open_minutes(row):
            open_at[(*choice(row), minute)] += 1
    total: dict[tuple[str, ...], float] = defaultdict(float)
    for row in counted:
        span = open_minutes(row)
        shares = [1 / open_at[(*choice(row), minute)] for minute in span]
        total[choice(row)[:3]] += sum(shares) / len(span)
    for item in front("pnl", "--decisions").items:
        if item["action"] == item["confidence"] == "all":
            key = (item["analyst"], item["model"], item["prompt_version"])
            assert item["n"] == pytest.approx(total[key], abs=0.06)


def test_the_fields_are_pinned(front: Front, rows: list[dict[str, Any]]) -> None:
    ran = front("pnl", "--decisions")
    assert ran.document["kind"] == "pnl"
    names = ["type", *AnalystScore.__struct_fields__]
    assert names == [
        "type", "analyst", "model", "prompt_version", "action", "confidence", "n", "few",
        "decisions", "hit_pct", "mean_confidence", "return_pct", "edge_pct", "buy_hold_pct",
        "rules_pct", "rules_hit_pct", "brier", "base_brier", "calibration_error", "repaired",
        "denied", "unfilled", "not_ordered", "fallback",
    ]  # fmt: skip
    assert all(list(item) == names and item["type"] == "score" for item in ran.items)
    table = list(csv.DictReader(io.StringIO(front("pnl", "--decisions", "-o", "csv").out)))
    assert [list(row) for row in table] == [names] * len(ran.items)
    assert [row["brier"] for row in table] == [str(item["brier"]) for item in ran.items]


def test_since_limits_the_decisions(front: Front, rows: list[dict[str, Any]]) -> None:
    items = front("pnl", "--decisions", "--since", "2026-11-20").items
    since = datetime(2026, 11, 20, tzinfo=OPEN.tzinfo)
    late = [r for r in rows if r["decided_at"] >= since and r["provenance"].own]
    counted = sum(row["entry"].counts for row in late)
    whole = [item for item in items if item["action"] == item["confidence"] == "all"]
    assert sum(item["decisions"] for item in whole) == counted > 0


def two(front: Front) -> None:
    """One decision of gemini's that was right, one that was denied, and one of the rules'."""
    for name, changes in (
        ("D1", {"analyst": "gemini", "model": "gemini-flash-9", "prompt_version": "decide.en.3"}),
        ("D2", {"analyst": "gemini", "model": "gemini-flash-9", "prompt_version": "decide.en.3",
                "entry": EntryStatus.DENIED}),
        ("D3", {"prompt_version": "", "hit": False, "action": Action.HOLD, "return_pct": 0.0,
                "edge_pct": -1.05, "entry": EntryStatus.NONE}),
    ):  # fmt: skip
        front.world.journal.put_outcome(outcome(name, **changes))


def test_on_a_terminal_of_80_columns(front: Front) -> None:
    two(front)
    ran = front("pnl", "--decisions", terminal=True)
    assert ran.out == (
        "gemini gemini-flash-9 decide.en.3\n"
        "decisions     n  said   right  return  holding   rules  Brier   base    ECE\n"
        "all        1.0*  0.71  100.0%  +1.05%   +1.05%  +1.05%  0.084  0.000  0.290\n"
        "BUY        1.0*  0.71  100.0%  +1.05%   +1.05%  +1.05%  0.084  0.000  0.290\n"
        "0.7-0.8    1.0*  0.71  100.0%  +1.05%   +1.05%  +1.05%  0.084  0.000  0.290\n"
        "* fewer than 20 independent decisions: too few to conclude anything from\n"
        "not counted: 1 denied\n"
        "\n"
        "rules rules-1\n"
        "decisions     n  said  right  return  holding   rules  Brier   base    ECE\n"
        "all        1.0*  0.71   0.0%   0.00%   +1.05%  +1.05%  0.504  0.000  0.710\n"
        "HOLD       1.0*  0.71   0.0%   0.00%   +1.05%  +1.05%  0.504  0.000  0.710\n"
        "0.7-0.8    1.0*  0.71   0.0%   0.00%   +1.05%  +1.05%  0.504  0.000  0.710\n"
        "* fewer than 20 independent decisions: too few to conclude anything from\n"
    )
    assert max(width_of(line) for line in ran.out.splitlines()) <= 80
    wide = front("pnl", "--decisions", terminal=True, width=100).out.splitlines()[1]
    assert wide.split() == [
        "decisions", "n", "made", "said", "right", "return", "edge", "holding", "rules", "Brier",
        "base", "ECE",
    ]  # fmt: skip


def test_as_markdown_and_without_a_decision(front: Front) -> None:
    assert front("pnl", "--decisions", terminal=True).out == "(none)\n"
    assert front("pnl", "--decisions").items == []
    two(front)
    text = front("pnl", "--decisions", "-o", "md").out
    assert text.startswith("## gemini gemini-flash-9 decide.en.3\n\n| decisions")
    assert "\n\n\\* fewer than 20" in text or "\n\n* fewer than 20" in text
