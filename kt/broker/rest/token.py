"""One token per environment and app key, in a 0600 file that all processes share.

Issued by one process at a time, renewed before it expires, re-read before a new one is issued, and
never shown in full. Times are Korean.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from kt.broker.rest.deadlines import TOKEN
from kt.broker.rest.process_lock import process_lock
from kt.config.secrets import AppKeys
from kt.errors import KtError
from kt.files import private_folder, replace_private, trouble
from kt.paths import ProfilePaths, lock_of
from kt.ports import Clock, concurrency
from kt.ports.patience import bounded
from kt.records import KST

RENEW_AHEAD = timedelta(minutes=10)
"""A token is replaced this long before it expires."""
RENEW_AGAIN = timedelta(minutes=1)
"""The server may return the token that is about to expire: ask no more often than this."""


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """What au10001 answered; `expires_at` in Korean time."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Issued(token={mask(self.token)!r}, expires_at={self.expires_at!r})"


class TokenServer(Protocol):
    """Where tokens come from (au10001, au10002). Raises AuthError, Unreachable, WireError."""

    def issue(self, keys: AppKeys) -> Issued: ...
    def revoke(self, keys: AppKeys, token: str) -> None: ...


class StoredToken(msgspec.Struct, frozen=True):
    """The token file."""

    token: str
    expires_at: datetime
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """What `kt auth status` shows."""

    token: str
    """Masked."""
    valid: bool
    expires_at: datetime | None
    issued_at: datetime | None
    seconds_left: int


def mask(secret: str) -> str:
    """The first four characters of a long secret, and nothing of a short one."""
    return f"{secret[:4]}…" if len(secret) >= 12 else "…" if secret else ""


def key_hash(environment: str, app_key: str) -> str:
    """A name for the files of one app key that does not reveal the key."""
    return hashlib.sha256(f"{environment}\0{app_key}".encode()).hexdigest()[:16]


class TokenSource:
    """The token of one app key in one environment (its server's address).

    `state_dir` holds `token-<hash>.json`. Safe to share between threads; between processes the
    file is the truth and its lock decides who asks the server.
    """

    def __init__(
        self,
        keys: AppKeys,
        environment: str,
        state_dir: Path,
        clock: Clock,
        server: TokenServer,
    ) -> None:
        self.keys = keys
        self.clock = clock
        self.server = server
        self.hash = key_hash(environment, keys.app_key)
        self.path = ProfilePaths(state_dir).token(self.hash)
        self._kept: StoredToken | None = None
        self._threads = concurrency.lock()

    def __repr__(self) -> str:
        return f"TokenSource({self.path.name})"

    def token(self) -> str:
        """A token that is good for a while: cached, from the file, or newly issued."""
        if not self._fresh(self._kept):
            self._kept = self._read()
        if self._kept is not None and self._fresh(self._kept):
            return self._kept.token
        return self._replace(bad="")

    def renew(self, bad: str) -> str:
        """Another token than `bad`, which the server refused (8005).

        If another process has already put a new one in the file, that one.
        """
        return self._replace(bad=bad)

    def revoke(self) -> bool:
        """Revoke the token (au10002) and delete it; False if there was none."""
        with self._locked():
            kept, self._kept = self._read(), None
            if kept is None:
                return False
            try:
                if kept.expires_at > self.clock.now():
                    self.server.revoke(self.keys, kept.token)
            finally:
                self.path.unlink(missing_ok=True)
        return True

    def status(self) -> TokenStatus:
        """The token file's content; no call to the server."""
        kept = self._read()
        if kept is None:
            return TokenStatus("", False, None, None, 0)
        left = int((kept.expires_at - self.clock.now()).total_seconds())
        return TokenStatus(
            token=mask(kept.token),
            valid=left > 0,
            expires_at=kept.expires_at.astimezone(KST),
            issued_at=kept.issued_at.astimezone(KST),
            seconds_left=max(0, left),
        )

    def _fresh(self, kept: StoredToken | None) -> bool:
        if kept is None:
            return False
        now = self.clock.now()
        if now < kept.expires_at - RENEW_AHEAD:
            return True
        return now < kept.expires_at and now < kept.issued_at + RENEW_AGAIN

    def _replace(self, bad: str) -> str:
        with self._locked():
            kept = self._read()
            if kept is None or kept.token == bad or not self._fresh(kept):
                issued = self.server.issue(self.keys)
                kept = StoredToken(issued.token, issued.expires_at, self.clock.now())
                replace_private(self.path, msgspec.json.encode(kept))
            self._kept = kept
            return kept.token

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process and one thread at a time, within the token's time-out."""
        try:
            private_folder(self.path.parent)
            with bounded(TOKEN.whole), process_lock(self._threads, lock_of(self.path)):
                yield
        except OSError as fault:
            raise unusable(self.path, fault) from fault

    def _read(self) -> StoredToken | None:
        """The file, or None when it is missing or cannot be read as one."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=StoredToken)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        except OSError as fault:
            raise unusable(self.path, fault) from fault


def unusable(path: Path, fault: OSError) -> KtError:
    why, advice = trouble(fault)
    return KtError(f"the token file {path} cannot be used: {why}", hint=advice)
