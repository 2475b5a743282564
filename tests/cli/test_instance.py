"""The run's lock: one at a time, and nobody who only looks is in the way."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest

from kt.cli.instance import holder, only_one
from kt.errors import Busy
from kt.records import KST

NOW = datetime(2026, 11, 23, 10, tzinfo=KST)


def test_one_at_a_time_and_who_it_is(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with only_one(tmp_path, "run --once", NOW):
        found = holder(tmp_path)
        assert found is not None
        assert (found.command, found.since) == ("run --once", "2026-11-23T10:00:00+09:00")
        with (
            pytest.raises(Busy, match=rf"\(process {found.pid}, since 10:00:00\)"),
            only_one(tmp_path, "run", NOW),
        ):
            pass
    assert holder(tmp_path) is None


def test_who_only_looks_keeps_nobody_from_running(tmp_path: Path) -> None:
    """`kt status` beside a cron job must not make it skip its minute."""
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            holder(tmp_path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with only_one(tmp_path, "run", NOW):
                pass
    finally:
        ended.set()
        for looker in lookers:
            looker.join()
