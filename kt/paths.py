"""The paths of all files in the state folder, which has one folder per profile.

<state>/<profile>/kt.db            the journal
                  halt.json        the stop as a file
                  token-<key>.json, pace-<key>-<group>.json, stocks.json, account.secret
                  locks/           run.lock, run.json, stream-<key>.*
<state>/sim/exchange*              the embedded exchange's own files
<state>/sweeps/                    the studies of `kt sweep` and its log
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

SIM = "sim"
"""The profile whose folder also holds the embedded exchange's files."""


class ProfilePaths(NamedTuple):
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
        """The recent requests of one group (order, query, token), shared by all processes."""
        return self.folder / f"pace-{key}-{group}.json"

    @property
    def locks(self) -> Path:
        """The folder of the run lock and of the shared stream's lock."""
        return self.folder / "locks"

    @property
    def run_lock(self) -> Path:
        return self.locks / "run.lock"

    @property
    def run_note(self) -> Path:
        """Describes the holder of the run lock."""
        return self.locks / "run.json"


class ExchangePaths(NamedTuple):
    """The embedded exchange's files; `folder` is `<state>/sim`."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "exchange.db"

    @property
    def place(self) -> Path:
        """The address of the running exchange; exists while it runs."""
        return self.folder / "exchange.json"

    @property
    def control_key(self) -> Path:
        """The key that authorizes control of the running exchange; readable by its owner only."""
        return self.folder / "exchange-control.key"

    @property
    def tokens(self) -> Path:
        return self.folder / "exchange-tokens.json"

    @property
    def log(self) -> Path:
        return self.folder / "exchange.log"

    @property
    def running_lock(self) -> Path:
        """Held by the exchange while it runs."""
        return self.folder / "exchange-running.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the process that is starting the exchange."""
        return self.folder / "exchange-start.lock"


def lock_of(path: Path) -> Path:
    """The lock file of a file, in the same folder."""
    return path.with_suffix(".lock")


def users_folder(kind: Literal["config", "state"]) -> Path | None:
    """The platform's folder for kt's configuration or state; None without a home: HOME is not set,
    and the system knows none of this user."""
    import platformdirs

    try:
        found = (
            platformdirs.user_config_path("kt")
            if kind == "config"
            else platformdirs.user_state_path("kt")
        )
    except RuntimeError:  # what newer versions raise; older ones leave the ~
        return None
    return None if found.parts[:1] == ("~",) else found
