"""The journal's schema version and its migrations from any older version."""

from __future__ import annotations

import sqlite3
from importlib import resources
from typing import TYPE_CHECKING

from kt.store.light_sqlite_utils import import_sqlite_utils
from kt.store.rows import packed

if TYPE_CHECKING:
    from sqlite_utils.db import Database
    from sqlite_utils.migrations import Migrations

MIGRATIONS = (
    "0001_tables",
    "0002_log",
    "0003_judged",
    "0004_cash",
    "0005_decisions",
    "0006_exits",
    "0007_trades",
    "0008_analyst",
    "0009_equity",
    "0010_replies",
    "0011_questions",
    "0012_deliveries",
    "0013_log_refs",
    "0014_decision_scores",
    "0015_questions",
    "0016_scans_votes",
    "0022_minute_prices",
    "0019_latency",
)
"""Files of `sql/`, in order. Never change a released one; add new ones at the end."""
VERSION = len(MIGRATIONS)
VIEWS = "views"


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version stored in the file; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, *, to: int = VERSION) -> None:
    """Migrate the schema to a version. The caller holds the write transaction, so that only one of
    two processes that open an old file at the same time migrates it."""
    db = import_sqlite_utils().Database(connection, recursive_triggers=False, execute_plugins=False)
    connection.create_function("packed", 1, packed, deterministic=True)
    stop_before = MIGRATIONS[to] if to < VERSION else None
    views = _sql(VIEWS)
    drops = (line for line in views.splitlines() if line.startswith("DROP VIEW"))
    _run(db, "\n".join(drops))  # a view may name a column that a migration adds or drops
    _migrations().apply(db, stop_before=stop_before)
    _run(db, views)
    db.execute(f"PRAGMA user_version = {to:d}")


def _migrations() -> Migrations:
    known: Migrations = import_sqlite_utils().Migrations("kt")

    def add(name: str) -> None:
        def apply(db: Database) -> None:
            _run(db, _sql(name))

        known(name=name)(apply)

    for name in MIGRATIONS:
        add(name)
    return known


def _run(db: Database, sql: str) -> None:
    """Run the statements inside the open transaction. Statements must end at the end of a line:
    checking only there is ten times as fast as after every character."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def _sql(name: str) -> str:
    return resources.files("kt.store").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")
