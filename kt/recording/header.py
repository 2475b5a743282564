"""The header of a new recording, and the configuration that a header holds."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from kt import __version__
from kt.config.model import Config
from kt.errors import InputError
from kt.recording.entries import FORMAT, RecordingHeader

LEFT_OUT = ("notify", "state_dir")
"""Sections that name channels, their secrets, and folders of this machine."""


def new_header(
    config: Config,
    command: str,
    began: datetime,
    *,
    schema: int,
    analyst: tuple[str, str] = ("", ""),
    exact: bool = False,
) -> RecordingHeader:
    """`schema` is the version of the journal whose rows follow, `analyst` the name and the model of
    who decides."""
    kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config))
    kept = {name: value for name, value in kept.items() if name not in LEFT_OUT}
    for server in kept["profiles"].values():
        server.pop("key_file", None)
    return RecordingHeader(
        kt=__version__,
        format=FORMAT,
        command=command,
        profile=config.profile,
        began=began,
        seed=config.simulator.seed,
        digest=config_digest(kept),
        config=kept,
        schema=schema,
        analyst=analyst[0],
        model=analyst[1],
        exact=exact,
    )


def config_digest(config: dict[str, Any]) -> str:
    """The SHA-256 of a configuration as JSON with its keys in order."""
    return hashlib.sha256(msgspec.json.encode(config, order="deterministic")).hexdigest()


def config_of(header: RecordingHeader, state_dir: str) -> Config:
    """The recorded configuration, for a run in a folder of its own. Raises InputError where this
    version of kt does not accept it."""
    if config_digest(header.config) != header.digest:
        raise InputError("the recording's configuration was changed", hint="Record it again.")
    try:
        return msgspec.convert({**header.config, "state_dir": state_dir}, Config)
    except msgspec.ValidationError as error:
        raise InputError(
            f"the configuration of kt {header.kt} is not valid for kt {__version__}: {error}",
            hint=f"Replay it with kt {header.kt}.",
        ) from error
