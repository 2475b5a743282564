"""The lease: one holder at a time, gone with its process, found through its file."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kt.broker.stream.lease import LeaderAddress, Lease
from kt.errors import KtError

URL = "ws://127.0.0.1:1/"


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = Lease(tmp_path, "key", URL), Lease(tmp_path, "key", URL)
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


@pytest.mark.parametrize(("key", "url"), [("other", URL), ("key", "ws://127.0.0.1:2/")])
def test_another_key_and_another_server_are_another_stream(
    tmp_path: Path, key: str, url: str
) -> None:
    first, second = Lease(tmp_path, "key", URL), Lease(tmp_path, key, url)
    assert first.take() and second.take()
    first.release()
    second.release()


def test_it_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from kt.broker.stream.lease import LeaderAddress, Lease\n"
        f"lease = Lease(Path({str(tmp_path)!r}), 'key', {URL!r}); assert lease.take()\n"
        "lease.publish(LeaderAddress(pid=1, secret='s', path='p')); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lease = Lease(tmp_path, "key", URL)
        assert not lease.take()
        holder.kill()
        holder.wait()
        assert lease.take()
    assert lease.leader() == LeaderAddress(pid=1, secret="s", path="p"), "what it left behind"
    lease.release()
    assert lease.leader() is None


def test_the_secret_is_for_its_user_alone(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "locks", "key", URL)
    assert lease.take()
    lease.publish(LeaderAddress(pid=7, secret="s", port=9))
    (info,) = (tmp_path / "locks").glob("*.json")
    assert stat.S_IMODE(info.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o700
    lease.release()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid":"x"}', b"\xff"])
def test_a_broken_file_names_nobody(tmp_path: Path, text: bytes) -> None:
    lease = Lease(tmp_path, "key", URL)
    assert lease.take()
    lease.publish(LeaderAddress(pid=7, secret="s"))
    (info,) = tmp_path.glob("*.json")
    info.write_bytes(text)
    assert lease.leader() is None
    lease.release()


def test_only_the_holder_removes_the_traces(tmp_path: Path) -> None:
    holder, other = Lease(tmp_path, "key", URL), Lease(tmp_path, "key", URL)
    assert holder.take()
    holder.publish(LeaderAddress(pid=7, secret="s"))
    other.release()
    assert other.leader() == LeaderAddress(pid=7, secret="s")
    holder.release()


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KtError, match="cannot be used") as caught:
        Lease(tmp_path / "file", "key", URL).take()
    assert caught.value.hint is not None
