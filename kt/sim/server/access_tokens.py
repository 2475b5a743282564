"""Access tokens: one per app key, valid for a day of the exchange's clock, saved for restarts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from kt.files import replace_private
from kt.ports import Clock

LIFE = timedelta(hours=24) - timedelta(seconds=1)
"""Recorded: a token expires 86,399 s after it was issued."""


LONGEST_KEY = 256
"""The most characters of an app key or a secret; the broker's have 43."""
MOST_KEYS = 10_000
"""The most app keys; each has its own account."""


class WrongKeys(Exception):
    """The secret differs from the app key's first one, or the pair is not this exchange's."""


@dataclass(slots=True)
class Grant:
    """The newest token of one app key."""

    serial: int
    expires: str
    alive: bool
    digest: str = ""
    """The digest of the first secret that was used with the app key."""


class Tokens:
    """Issues, verifies and revokes tokens. Without a path, nothing is saved.

    The first secret used with an app key becomes its secret. The same token is issued again while
    it is valid. Tokens are derived from a secret of this state folder, so the file contains no
    tokens, and only digests of the app keys' secrets.
    """

    def __init__(
        self, clock: Clock, path: Path | None = None, *, app_key: str = "", secret_key: str = ""
    ) -> None:
        self._clock = clock
        self._path = path
        self._pair = (app_key, secret_key) if app_key or secret_key else None
        self._secret = secrets.token_bytes(32)
        self._grants: dict[str, Grant] = {}
        self._keys: dict[str, str] = {}
        self._newest = ("", 0, "")
        """App key, serial and text of the token made last."""
        self._load()

    def issue(self, app_key: str, secret_key: str, *, renew: bool = False) -> tuple[str, datetime]:
        """The token and its expiry. With `renew`, the valid one is revoked and a new one issued."""
        if not self.accepts(app_key, secret_key):
            raise WrongKeys
        grant = self._grants.get(app_key)
        now = self._clock.now()
        if grant is None or renew or not grant.digest or not self._valid(grant, now):
            serial = grant.serial + 1 if grant else 1
            digest = self._digest(app_key, secret_key)
            grant = Grant(serial, (now + LIFE).isoformat(), True, digest)
            self._grants[app_key] = grant
            self._save()
        token = self._text(app_key, grant.serial)
        self._keys[token] = app_key
        return token, datetime.fromisoformat(grant.expires)

    def accepts(self, app_key: str, secret_key: str) -> bool:
        """Whether this is the app key's secret, or the first one used with it."""
        if self._pair is not None and not _same(self._pair, (app_key, secret_key)):
            return False
        grant = self._grants.get(app_key)
        if grant is not None and grant.digest:
            return hmac.compare_digest(grant.digest, self._digest(app_key, secret_key))
        fits = max(len(app_key), len(secret_key)) <= LONGEST_KEY
        return fits and len(self._grants) < MOST_KEYS

    def _digest(self, app_key: str, secret_key: str) -> str:
        text = json.dumps([app_key, secret_key])
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()

    def app_key(self, token: str) -> str | None:
        """The app key of a token; None if it is unknown, expired or revoked."""
        app_key = self._keys.get(token)
        grant = self._grants.get(app_key) if app_key is not None else None
        if app_key is None or grant is None or not self._valid(grant, self._clock.now()):
            return None
        return app_key if hmac.compare_digest(token, self._text(app_key, grant.serial)) else None

    def expire(self, app_key: str) -> None:
        """Revoke the app key's token."""
        grant = self._grants.get(app_key)
        if grant is not None:
            grant.alive = False
            self._save()

    def _valid(self, grant: Grant, now: datetime) -> bool:
        return grant.alive and now < _time(grant.expires)

    def _text(self, app_key: str, serial: int) -> str:
        """86 characters that are safe in a URL, like the broker's; every call compares its own with
        the newest of the app key."""
        if self._newest[:2] != (app_key, serial):
            digest = hmac.digest(self._secret, f"{serial}:{app_key}".encode(), hashlib.sha512)
            text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            self._newest = app_key, serial, text
        return self._newest[2]

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        kept = json.loads(self._path.read_text(encoding="utf-8"))
        self._secret = bytes.fromhex(kept["secret"])
        self._grants = {key: Grant(**grant) for key, grant in kept["grants"].items()}
        self._keys = {self._text(key, grant.serial): key for key, grant in self._grants.items()}

    def _save(self) -> None:
        if self._path is None:
            return
        grants = {key: asdict(grant) for key, grant in self._grants.items()}
        kept = {"secret": self._secret.hex(), "grants": grants}
        replace_private(self._path, json.dumps(kept).encode())


@lru_cache(maxsize=64)
def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    pairs = zip(one, other, strict=True)
    return all([hmac.compare_digest(a.encode(), b.encode()) for a, b in pairs])
