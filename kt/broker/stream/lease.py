"""The leader election of one app key's stream: a lock that is released when its process dies, and
a file with the leader's address."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta

from kt.broker.stream.envelope import UNREADABLE
from kt.errors import KtError
from kt.files import private_folder, process_lives, replace_private, trouble

INFO_BYTES = 4096


class LeaderAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the leader serves its followers: a Unix socket's path, or a loopback port.

    A follower must send `secret`; only the user can read the file that contains it.
    """

    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    secret: str
    path: str = ""
    port: Annotated[int, Meta(ge=0, lt=1 << 16)] = 0


class Lease:
    """The right to hold the one connection that the broker allows an app key.

    The server's address is part of the name: after a server has moved, no process follows a
    leader that is still connected to the old address.
    """

    def __init__(self, folder: Path, app_key: str, ws_url: str) -> None:
        name = hashlib.sha256(f"{app_key}\n{ws_url}".encode()).hexdigest()[:16]
        self.folder = folder
        self.socket_path = folder / f"stream-{name}.sock"
        self._info_path = folder / f"stream-{name}.json"
        # Not thread-local: the thread that releases the lease may not be the one that took it.
        self._lock = FileLock(folder / f"stream-{name}.lock", mode=0o600, thread_local=False)

    def take(self) -> bool:
        """True if this process is now the leader; never waits."""
        try:
            private_folder(self.folder)
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            why, advice = trouble(error)
            message = f"the stream's lock in {self.folder} cannot be used: {why}"
            raise KtError(message, hint=advice) from error
        return True

    @property
    def held(self) -> bool:
        return self._lock.is_locked

    def publish(self, leader: LeaderAddress) -> None:
        """Write the address for the other processes; only the leader may."""
        replace_private(self._info_path, msgspec.json.encode(leader))

    def leader(self) -> LeaderAddress | None:
        """The last published leader, which may be dead; None without a readable file."""
        try:
            with self._info_path.open("rb") as file:
                return msgspec.json.decode(file.read(INFO_BYTES), type=LeaderAddress)
        except (OSError, *UNREADABLE):
            return None

    def living_leader(self) -> LeaderAddress | None:
        """The leader, if its process is alive; does not touch the lock."""
        leader = self.leader()
        if leader is None or not process_lives(leader.pid):
            return None
        return leader

    def release(self) -> None:
        """Release the lease and remove its files, so that no process tries to connect."""
        if not self._lock.is_locked:
            return
        # Before the lock goes: afterwards these may be the next leader's.
        self._info_path.unlink(missing_ok=True)
        self.socket_path.unlink(missing_ok=True)
        self._lock.release()
