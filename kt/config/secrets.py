"""Reads the broker's keys and the analyst's from the environment, a 0600 file or the system
keyring, and keeps them there; never from argv."""

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
APP_KEY, SECRET_KEY = "app_key", "secret_key"
"""The names of the broker's keys in the keyring's service of a profile."""
ANALYST = "analyst"
"""The keyring's service of the analysts' keys, by the analyst's kind."""
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
        hint=f"`kt init --profile {config.profile}` asks for them and keeps them.",
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


def analyst_key(config: Config, environ: Mapping[str, str], kind: str, variable: str) -> str:
    """The key of an analyst of this kind: from the environment variable, from `analyst.key_file` if
    that belongs to this kind, or from the keyring; empty when there is none. Raises ConfigError for
    a key file that cannot be used."""
    given = environ.get(variable, "").strip()
    ours = config.analyst
    if given or not (ours.key_file and kind == (ours.kind if ours.kind != "auto" else "gemini")):
        return given or _stored(ANALYST, kind)
    path = at_home(ours.key_file)
    (key,) = key_lines(path, 1)
    _refuse_readable(path)
    return key


def _from_file(path: Path) -> AppKeys:
    """The keys of a file that only this user can read. Raises ConfigError otherwise."""
    key, secret = key_lines(path, 2)
    _refuse_readable(path)
    return AppKeys(key, secret, source=str(path))


def _refuse_readable(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"the key file {path} can be read by others (mode {mode:04o})",
            hint=f"Run `chmod 600 {path}`.",
        )


def key_lines(path: Path, count: int) -> list[str]:
    """The keys of a file with so many lines: app key and secret key, or one key. Raises
    ConfigError."""
    try:
        if not path.is_file():
            raise ConfigError(f"there is no key file {path}", hint="Check key_file.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except OSError as error:
        why, advice = trouble(error, "check key_file")
        raise ConfigError(f"the key file {path} cannot be read: {why}", hint=advice) from error
    return split_keys(content, count, f"the key file {path}")


def split_keys(content: bytes, count: int, source: str) -> list[str]:
    """So many keys, one a line; spaces around them are left out. Raises ConfigError, which names
    the source and never quotes its content."""
    try:
        lines = content.removeprefix(codecs.BOM_UTF8).decode().split()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source} is not UTF-8", hint="Check key_file.") from error
    if len(lines) != count or any(map(steering, lines)):
        if count == 1:
            raise ConfigError(f"{source} must hold one line", hint="The key alone.")
        raise ConfigError(f"{source} must hold two lines", hint="The app key, then the secret key.")
    return lines


def keep_in_keyring(service: str, keys: Mapping[str, str]) -> bool:
    """Keep these keys in the system keyring, by name; False where there is no keyring."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return False
    try:
        for name, key in keys.items():
            keyring.set_password(f"kt-{service}", name, key)
    except keyring.errors.KeyringError:
        return False
    return all(_stored(service, name) == key for name, key in keys.items())


def _from_keyring(profile: str) -> AppKeys | None:
    key, secret = _stored(profile, APP_KEY), _stored(profile, SECRET_KEY)
    return AppKeys(key, secret, source="keyring") if key and secret else None


def _stored(service: str, name: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return ""
    try:
        return keyring.get_password(f"kt-{service}", name) or ""
    except keyring.errors.KeyringError:
        return ""
