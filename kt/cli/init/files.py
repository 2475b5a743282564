"""What kt init writes: the keys, then the configuration; old versions are kept beside them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import KtError
from kt.extras import pip_install
from kt.files import FILE_MODE, private_folder, replace_private, trouble

if TYPE_CHECKING:
    from kt.cli.init.answers import Answers
    from kt.cli.init.existing import Existing


@dataclass(frozen=True)
class Secret:
    """Keys that belong together: by name in the keyring's `service`, or as the lines of a file."""

    service: str
    keys: Mapping[str, str] = field(repr=False)
    path: Path
    place: tuple[str, ...]
    """The key of the configuration that names the file."""


def secrets_of(existing: Existing, answered: Answers) -> tuple[Secret, ...]:
    """The keys that are to be kept, and where."""
    from kt.config.secrets import ANALYST, APP_KEY, SECRET_KEY

    folder, profile = existing.path.absolute().parent, answered.profile
    found = []
    if answered.keys:
        names = dict(zip((APP_KEY, SECRET_KEY), answered.keys, strict=True))
        place = ("profiles", profile, "key_file")
        found.append(Secret(profile, names, folder / f"{profile}.keys", place))
    if answered.gemini_key:
        names = {"gemini": answered.gemini_key}
        found.append(Secret(ANALYST, names, folder / "gemini.key", ("analyst", "key_file")))
    return tuple(found)


def write(existing: Existing, answered: Answers, store: str) -> tuple[str, ...]:
    """Keep the keys, then write the configuration; each file at once. What was kept where. Raises
    KtError for what cannot be written, which leaves the configuration as it was."""
    from kt.cli.docs.example import example_config

    changes, told = answered.changes(), []
    for secret in secrets_of(existing, answered):
        file = _keep(secret, store)
        told.append(f"the keys are in {file}" if file else "the keys are in the system keyring")
        section = changes
        for name in secret.place[:-1]:
            section = section.setdefault(name, {})
        section[secret.place[-1]] = file
    text = example_config(existing.changed(changes))
    kept = _replace(existing.path, text.encode())
    return (*told, f"the old configuration is {kept}") if kept else tuple(told)


def _keep(secret: Secret, store: str) -> str:
    """The file that holds the keys now; empty: the keyring does."""
    from kt.config.secrets import keep_in_keyring

    if store != "file" and keep_in_keyring(secret.service, secret.keys):
        return ""
    if store == "keyring":
        install = pip_install("keyring")
        raise KtError(
            "there is no system keyring that can be used; nothing was written",
            hint=f"`{install}` adds it, or use --store file.",
        )
    lines = "".join(f"{key}\n" for key in secret.keys.values())
    _replace(secret.path, lines.encode(), secret=True)
    return str(secret.path)


def _replace(path: Path, content: bytes, *, secret: bool = False) -> Path | None:
    """Write a file at once, and the old version beside it first, whose place is returned."""
    try:
        target = path.resolve()
        private_folder(target.parent)
        if not target.exists():
            replace_private(target, content, durable=True)
            return None
        old, mode = target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
        kept = None
        if old != content:
            kept = _free_name(target)
            replace_private(kept, old, durable=True)
        elif not secret or mode == FILE_MODE:
            return None
        replace_private(target, content, durable=True, mode=FILE_MODE if secret else mode)
    except OSError as error:
        why, advice = trouble(error, "name another path")
        raise KtError(f"{path} cannot be written: {why}", hint=advice) from error
    return kept


def _free_name(path: Path) -> Path:
    """The first free name for an old version: .bak, .bak2, …"""
    names = (
        path.with_name(f"{path.name}.bak{number if number > 1 else ''}") for number in count(1)
    )
    return next(name for name in names if not name.exists())
