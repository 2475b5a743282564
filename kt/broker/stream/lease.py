"""Who owns the stream of one app key: a lock that dies with its process, and where to find it."""

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
    """Where the leader serves the others: a Unix socket's path, or a loopback port.

    `secret` must be shown by whoever connects; the file that holds it is readable by its user
    alone.
    """

    pid: Annotated[int, Meta(ge=1, lt=1 << 31)]
    secret: str
    path: str = ""
    port: Annotated[int, Meta(ge=0, lt=1 << 16)] = 0


class Lease:
    """The right to hold the one connection that the broker allows an app key.

    The server's address is part of the name, so a server that came back elsewhere is not waited
    for through a leader that still talks to the old one.
    """

    def __init__(self, folder: Path, app_key: str, ws_url: str) -> None:
        name = hashlib.sha256(f"{app_key}\n{ws_url}".encode()).hexdigest()[:16]
        self.folder = folder
        self.socket_path = folder / f"stream-{name}.sock"
        self._info_path = folder / f"stream-{name}.json"
        # Not thread-local: the thread that gives the lease back is not always the one that took it.
        self._lock = FileLock(folder / f"stream-{name}.lock", mode=0o600, thread_local=False)

    def take(self) -> bool:
        """True when this process owns the stream from now on; never waits."""
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
        """Tell the other processes where to connect; only the holder may."""
        replace_private(self._info_path, msgspec.json.encode(leader))

    def leader(self) -> LeaderAddress | None:
        """Who published last; may be dead. None when nobody did, or the file is broken."""
        try:
            with self._info_path.open("rb") as file:
                return msgspec.json.decode(file.read(INFO_BYTES), type=LeaderAddress)
        except (OSError, *UNREADABLE):
            return None

    def living_leader(self) -> LeaderAddress | None:
        """The leader, if its process lives; its lock is left alone."""
        leader = self.leader()
        if leader is None or not process_lives(leader.pid):
            return None
        return leader

    def release(self) -> None:
        """Give the lease back and remove its files, so that no process tries to connect."""
        if not self._lock.is_locked:
            return
        # Before the lock goes: afterwards these may be the next leader's.
        self._info_path.unlink(missing_ok=True)
        self.socket_path.unlink(missing_ok=True)
        self._lock.release()
