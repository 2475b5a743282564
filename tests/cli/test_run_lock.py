"""The run's lock: one at a time, and nobody who only looks is in the way."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from kt.cli.support.run_lock import OwnFiles, holder, only_one
from kt.errors import Busy
from kt.paths import ProfilePaths
from kt.records import KST

NOW = datetime(2026, 11, 23, 10, tzinfo=KST)


def test_one_at_a_time_and_who_it_is(tmp_path: Path) -> None:
    assert holder(ProfilePaths(tmp_path)) is None
    with only_one(ProfilePaths(tmp_path), "run --once", NOW):
        found = holder(ProfilePaths(tmp_path))
        assert found is not None
        assert (found.command, found.since) == ("run --once", "2026-11-23T10:00:00+09:00")
        with (
            pytest.raises(Busy, match=rf"\(process {found.pid}, since 10:00:00\)"),
            only_one(ProfilePaths(tmp_path), "run", NOW),
        ):
            pass
    assert holder(ProfilePaths(tmp_path)) is None


def test_who_only_looks_keeps_nobody_from_running(tmp_path: Path) -> None:
    """`kt status` beside a cron job must not make it skip its minute."""
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            holder(ProfilePaths(tmp_path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with only_one(ProfilePaths(tmp_path), "run", NOW):
                pass
    finally:
        ended.set()
        for looker in lookers:
            looker.join()


def _deleted(path: Path) -> None:
    path.unlink()


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


def _folder_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def _folder_is_a_file(path: Path) -> None:
    _folder_moved(path)
    path.parent.write_text("in the way")


@pytest.mark.parametrize("harm", [_deleted, _replaced, _folder_moved, _folder_is_a_file])
def test_what_is_not_ours_any_more(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / "sim" / "kt.db"
    path.parent.mkdir()
    path.write_text("books")
    own = OwnFiles()
    own.add("database", path)
    path.write_text("more books")
    assert own.still_ours() is None
    harm(path)
    assert own.still_ours() == f"the database {path} was deleted or replaced"


def test_the_folder_made_anew_is_no_way_around_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "sim"
    with only_one(ProfilePaths(folder), "run", NOW) as own:
        assert own.still_ours() is None
        shutil.rmtree(folder)
        with (
            pytest.raises(Busy, match="another kt run"),
            only_one(ProfilePaths(folder), "run", NOW),
        ):
            pass
        assert own.still_ours() == f"the state folder {folder} was deleted or replaced"
    with only_one(ProfilePaths(folder), "run", NOW) as own:
        (folder / "locks" / "run.lock").unlink()
        assert own.still_ours() == f"the run's lock {folder}/locks/run.lock was deleted or replaced"


def test_the_end_of_a_run_that_lost_its_folder_leaves_the_next_ones_note(tmp_path: Path) -> None:
    folder, note = tmp_path / "sim", tmp_path / "sim" / "locks" / "run.json"
    with only_one(ProfilePaths(folder), "run", NOW):
        shutil.rmtree(folder)
        note.parent.mkdir(parents=True)
        note.write_text("the next one's")
    assert note.exists()
