"""The configuration that kt init begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kt.config.model import Config
from kt.errors import ConfigError, UsageError


@dataclass(frozen=True)
class Existing:
    """The configuration before kt init; without a file the defaults. `data` is the file as read."""

    path: Path
    data: Mapping[str, Any]

    @property
    def config(self) -> Config:
        return self.changed({})

    def changed(self, changes: Mapping[str, Any]) -> Config:
        """The configuration with these changes. Raises ConfigError for an invalid one."""
        from kt.config.load import build_config

        return build_config(self.data, {}, changes, str(self.path))


def read_existing(path: Path, *, asks: bool, force: bool) -> Existing:
    """The file to begin with. Raises UsageError for one that may not be written over, and
    ConfigError for an invalid one, unless `force` begins anew."""
    from kt.config.file import read_yaml

    if not path.exists():
        return Existing(path, {})
    if not asks and not force:
        raise UsageError(
            f"{path} already exists; nothing was changed",
            hint="--force writes it anew with its values, and keeps the old file as .bak.",
        )
    try:
        found = Existing(path, read_yaml(path))
        found.changed({})
    except ConfigError as error:
        if force:
            return Existing(path, {})
        raise ConfigError(
            error.message,
            hint="Correct it, or begin anew with `kt init --force`, which keeps it as .bak.",
        ) from error
    return found
