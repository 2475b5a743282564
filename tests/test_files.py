"""Private files that are never seen half written, locks between processes, living processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kt import files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_created_files_are_readable_by_their_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    files.private_folder(folder)
    files.private_folder(folder)
    files.write_private(folder / "written", b"1")
    files.replace_private(folder / "replaced", b"1", durable=True)
    files.create_private(folder / "created")
    os.close(files.open_private(folder / "appended", os.O_WRONLY | os.O_APPEND))
    assert {mode(folder), mode(folder.parent)} == {0o700}
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 4


def test_a_file_that_is_there_is_not_emptied(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"kept")
    files.create_private(path)
    assert path.read_bytes() == b"kept"


def test_a_replaced_file_is_never_seen_half_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"abcd"]
    files.replace_private(path, contents[0])

    def write(content: bytes) -> None:
        for _ in range(20):
            files.replace_private(path, content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(path.read_bytes())
    assert seen <= set(contents)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.replace_private(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace_private(path, b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


HOLD = """
import sys
from pathlib import Path
from kt.files import lock_file
with lock_file(Path(sys.argv[1]), 5):
    print("held", flush=True)
    input()
"""


def test_a_lock_excludes_other_processes_and_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(TimeoutError):
        files.lock_file(path, 0)
    other.kill()
    other.communicate()
    with files.lock_file(path, 5):
        assert mode(path) == 0o600
    with files.lock_file(path, 0):
        pass


def test_a_process_is_seen_alive_until_it_ends() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert files.process_lives(os.getpid())
    assert files.process_lives(1)  # another user's, mostly
    assert not files.process_lives(ended.pid)
    assert not files.process_lives(0)
    assert not files.process_lives(-1)
    assert not files.process_lives(10**12)  # from a file that makes no sense
