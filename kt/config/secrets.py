"""Reads the app keys from the environment, a 0600 file or the system keyring; never from argv."""

from __future__ import annotations

import codecs
import contextlib
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kt.config.load import at_home, profile_paths
from kt.config.model import Config
from kt.errors import AuthError, ConfigError, JournalError
from kt.files import private_folder, trouble, write_private
from kt.text import steering

MOST_BYTES = 4_096
SIM_KEY = "kt-sim"
"""kt's own app key on the embedded exchange. The exchange accepts any key; each key is a separate
account, and the first secret used with it stays its secret."""


@dataclass(frozen=True, slots=True)
class AppKeys:
    """The broker's key pair. Its repr shows neither."""

    app_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    source: str = "environment"


def app_keys(config: Config, environ: Mapping[str, str]) -> AppKeys:
    """The key pair of the configured profile. Raises AuthError when there is none."""
    key, secret = environ.get("KT_APP_KEY"), environ.get("KT_SECRET_KEY")
    if key and secret:
        return AppKeys(key, secret)
    if key or secret:
        raise AuthError(
            "only one of KT_APP_KEY and KT_SECRET_KEY is set", hint="Set both, or neither."
        )
    if config.server.key_file:
        return _from_file(at_home(config.server.key_file))
    stored = _from_keyring(config.profile)
    if stored:
        return stored
    if config.profile == "sim":
        return _own_account(config)
    raise AuthError(
        f"no keys for the profile {config.profile!r}",
        hint="Set KT_APP_KEY and KT_SECRET_KEY, or key_file in the configuration.",
    )


def _own_account(config: Config) -> AppKeys:
    """kt's account on the embedded exchange; only this user can log in to it. On an exchange that
    another user started, every state folder has a separate account."""
    secret = _own_secret(profile_paths(config).account_secret)
    key = f"{SIM_KEY}-{secret[:8]}" if config.server.base_url else SIM_KEY
    return AppKeys(key, secret, source="embedded exchange")


def _own_secret(path: Path) -> str:
    """The secret in this file; created atomically if missing (other processes may do it too)."""
    try:
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        private_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            write_private(draft, secrets.token_urlsafe(32).encode())
            try:
                os.link(draft, path)
            finally:
                draft.unlink()
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        why, advice = trouble(error)
        raise JournalError(f"{path} cannot be read or written: {why}", hint=advice) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} contains no secret",
            hint="Delete it and run `kt sim reset` to get a new account.",
        ) from error


def _from_file(path: Path) -> AppKeys:
    """The keys of a file that only this user can read. Raises ConfigError otherwise."""
    pair = key_pair(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"the key file {path} can be read by others (mode {mode:04o})",
            hint=f"Run: chmod 600 {path}",
        )
    return AppKeys(*pair, source=str(path))


def key_pair(path: Path) -> tuple[str, str]:
    """App key and secret key from a file with two lines. Raises ConfigError."""
    try:
        if not path.is_file():
            raise ConfigError(f"there is no key file {path}", hint="Check key_file.")
        with path.open("rb") as file:
            lines = file.read(MOST_BYTES).removeprefix(codecs.BOM_UTF8).decode().split()
    except OSError as error:
        why, advice = trouble(error, "check key_file")
        raise ConfigError(f"the key file {path} cannot be read: {why}", hint=advice) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the key file {path} is not UTF-8", hint="Check key_file.") from error
    if len(lines) != 2 or any(map(steering, lines)):
        raise ConfigError(
            f"the key file {path} must hold two lines", hint="The app key, then the secret key."
        )
    return lines[0], lines[1]


def _from_keyring(profile: str) -> AppKeys | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        key = keyring.get_password(f"kt-{profile}", "app_key")
        secret = keyring.get_password(f"kt-{profile}", "secret_key")
    except keyring.errors.KeyringError:
        return None
    return AppKeys(key, secret, source="keyring") if key and secret else None
