"""The journal is pruned by whole days, and not at all where the configuration says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from kt.config.model import JournalKeeping
from kt.records import KST
from kt.steps import retention
from tests.fakes import World


def test_retention_counts_whole_days() -> None:
    now = datetime(2026, 11, 23, 16, 0, tzinfo=KST)
    assert retention.cutoff(now, 1) == datetime(2026, 11, 22, tzinfo=KST)


def test_rows_older_than_the_configured_days_are_deleted(world: World) -> None:
    now = world.clock.now()
    for days in (1, 3):
        world.journal.error("R0", "network", "stream", "cut", now - timedelta(days=days))
    world.configure(journal=JournalKeeping(keep_days=0))
    assert retention.prune(world.ctx) == {}
    world.configure(journal=JournalKeeping(keep_days=2))
    assert retention.prune(world.ctx) == {"errors": 1}
