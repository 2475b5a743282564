"""Where everything is in the state folder: one folder a profile, and in it the files by name.

<state>/<profile>/kt.db            the journal
                  halt.json        the stop as a file
                  token-<key>.json, pace-<key>-<group>.json, stocks.json, account.secret
                  locks/           run.lock, run.json, stream-<key>.*
<state>/sim/exchange*              the embedded exchange's own files
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SIM = "sim"
"""The profile whose folder is also the embedded exchange's."""


@dataclass(frozen=True, slots=True)
class ProfilePaths:
    """The files of one profile; `folder` is `<state>/<profile>`. `key` is the hash of an app key
    and its server (`kt.broker.rest.token.key_hash`)."""

    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "kt.db"

    @property
    def halt_flag(self) -> Path:
        return self.folder / "halt.json"

    @property
    def account_secret(self) -> Path:
        """The secret of kt's own account on the embedded exchange."""
        return self.folder / "account.secret"

    @property
    def instruments(self) -> Path:
        """The day's list of stocks."""
        return self.folder / "stocks.json"

    def token(self, key: str) -> Path:
        return self.folder / f"token-{key}.json"

    def budget(self, key: str, group: str) -> Path:
        """The requests of one group (order, query, token) that all processes have sent of late."""
        return self.folder / f"pace-{key}-{group}.json"

    @property
    def locks(self) -> Path:
        """The folder of the run's lock and of the shared stream's."""
        return self.folder / "locks"

    @property
    def run_lock(self) -> Path:
        return self.locks / "run.lock"

    @property
    def run_note(self) -> Path:
        """Who holds the run's lock."""
        return self.locks / "run.json"


@dataclass(frozen=True, slots=True)
class ExchangePaths:
    """The embedded exchange's files; `folder` is `<state>/sim`."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "exchange.db"

    @property
    def place(self) -> Path:
        """Where the running exchange is; there while it runs."""
        return self.folder / "exchange.json"

    @property
    def control_key(self) -> Path:
        """What controls the exchange that runs now; only its owner can read it."""
        return self.folder / "exchange-control.key"

    @property
    def tokens(self) -> Path:
        return self.folder / "exchange-tokens.json"

    @property
    def log(self) -> Path:
        return self.folder / "exchange.log"

    @property
    def running_lock(self) -> Path:
        """Held by the exchange for as long as it lives."""
        return self.folder / "exchange-running.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the process that starts it."""
        return self.folder / "exchange-start.lock"


def lock_of(path: Path) -> Path:
    """The lock that guards a file: beside it."""
    return path.with_suffix(".lock")
