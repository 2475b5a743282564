"""kt log prune says what it removed, and leaves a running day alone."""

from __future__ import annotations

import pytest

from kt.cli.support.run_lock import only_one
from kt.errors import ExitCode
from kt.paths import ProfilePaths
from tests.cli.front import Front
from tests.cli.test_orders import BUY
from tests.fakes import OPEN


@pytest.fixture
def old(front: Front) -> Front:
    """An order and some errors, all of more than a year ago."""
    assert front(*BUY).code == 0
    for number in range(3):
        front.world.journal.error("R0", "network", "stream", f"cut {number}", OPEN)
    front.world.clock.advance(86_400 * 366)
    return front


def test_old_rows_go_and_orders_stay(old: Front) -> None:
    ran = old("log", "prune", "--dry-run")
    planned = {item["table"]: item["rows"] for item in ran.items}
    assert planned["errors"] == 3
    assert "would be removed; orders and results stay" in ran.err
    assert len(old.world.journal.events(kinds=["error"])) == 3
    ran = old("log", "prune")
    assert {item["table"]: item["rows"] for item in ran.items} == planned
    assert {item["before"] for item in ran.items} == {"2026-11-24"}
    assert "smaller" in ran.err
    assert not old.world.journal.events(kinds=["error"])
    assert len(old.world.journal.orders()) == 1


def test_beside_a_run_the_file_is_not_rewritten(old: Front) -> None:
    with only_one(ProfilePaths(old.folder / "state" / "sim"), "run", OPEN):
        ran = old("log", "prune")
    assert (ran.code, len(ran.items) > 0) == (0, True)
    assert "`kt run` is at work" in ran.err and "smaller" not in ran.err


def test_how_long_is_the_configurations_word_or_the_flags(old: Front) -> None:
    old.configure("journal: {keep_days: 400}")
    assert old("log", "prune", "--dry-run").items == []
    assert old("log", "prune", "--dry-run", "--keep-days", "30").items
    old.configure("journal: {keep_days: 0}")
    ran = old("log", "prune")
    assert ran.code == ExitCode.USAGE and "keeps everything" in ran.err


def test_the_log_itself_is_still_a_command(old: Front) -> None:
    assert old("log", "--kind", "error").items
