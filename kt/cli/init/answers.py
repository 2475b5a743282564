"""What kt init needs to know: from options and the environment, and what is still missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import AuthError, ConfigError, UsageError
from kt.files import trouble

if TYPE_CHECKING:
    from kt.cli.init.existing import Existing
    from kt.cli.support.cli_context import CliContext
    from kt.config.model import ProfileName

IN_ENVIRONMENT = ("KT_APP_KEY", "KT_SECRET_KEY")
GEMINI = "GEMINI_API_KEY"
OPTIONS = "given"
"""The origin of keys that were given now, by an option or an answer."""
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True)
class Answers:
    """What the options, the environment and the person said. Its repr shows no key."""

    profile: ProfileName
    keys: tuple[str, ...] = field(default=(), repr=False)
    """App key and secret key to be kept; empty: none."""
    gemini_key: str = field(default="", repr=False)
    """Gemini's key to be kept; empty: none."""
    analyst: str = ""
    """`analyst.kind`; empty: as it is."""
    channel: str = ""
    """A webhook, an address of apprise or a command; empty: as it is."""
    keys_from: str = ""
    """Where the broker's keys are; empty: nowhere yet."""
    gemini_from: str = ""
    """Where Gemini's key is; empty: nowhere yet."""

    @property
    def has_keys(self) -> bool:
        return bool(self.keys_from) or self.profile == "sim"

    def changes(self) -> dict[str, Any]:
        """The keys of the configuration that follow, as nested mappings."""
        made: dict[str, Any] = {"analyst": {}, "notify": channel_keys(self.channel)}
        if self.profile != "real":  # which is named with every command
            made["profile"] = self.profile
        if self.analyst:
            made["analyst"]["kind"] = self.analyst
        return made


def channel_keys(channel: str) -> dict[str, Any]:
    """The keys of the section `notify` for one channel."""
    if not channel:
        return {}
    if channel.startswith(("https://", "http://")):
        return {"webhook": channel}
    return {"urls": (channel,)} if SCHEME.match(channel) else {"command": channel}


def from_options(
    cli: CliContext,
    existing: Existing,
    key_files: Sequence[str],
    gemini_key_file: str | None,
    analyst: str,
    channel: str,
    store: str,
) -> Answers:
    """What is known without asking. Raises UsageError for what does not fit together, and
    ConfigError for a key file that cannot be used."""
    profile: Any = cli.flags.profile or cli.environ.get("KT_PROFILE") or existing.config.profile
    if [*key_files, gemini_key_file].count("-") > 1:
        raise UsageError("stdin holds the keys of one file", hint="Name a file for the others.")
    read = b"\n".join(_content(cli, file) for file in key_files)
    keys = given_keys(read, 2, "--key-file") if key_files else ()
    gemini = (
        given_keys(_content(cli, gemini_key_file), 1, "--gemini-key-file")[0]
        if gemini_key_file
        else ""
    )
    if store:  # what is in the environment is to be kept too
        keys = keys or _environment_keys(cli)
        gemini = gemini or cli.environ.get(GEMINI, "").strip()
    known = Answers(profile, keys=keys, gemini_key=gemini, analyst=analyst, channel=channel)
    existing.changed(known.changes())
    return replace(
        known,
        keys_from=OPTIONS if keys else keys_from(cli, existing, profile),
        gemini_from=OPTIONS if gemini else _gemini_from(cli, existing),
    )


def given_keys(content: bytes, count: int, source: str) -> tuple[str, ...]:
    """Keys as they were pasted or downloaded. Raises ConfigError unless there are so many, of
    printable ASCII."""
    from kt.config.secrets import split_keys

    keys = tuple(split_keys(content, count, source))
    if not all(key.isascii() for key in keys):
        raise ConfigError(
            f"{source} holds characters that no key has", hint="Copy it again from the key page."
        )
    return keys


def _content(cli: CliContext, file: str) -> bytes:
    from kt.config.load import at_home
    from kt.config.secrets import MOST_BYTES

    if file == "-":
        return cli.console.read(MOST_BYTES)
    path: Path = at_home(file)
    try:
        if not path.is_file():
            raise ConfigError(f"there is no key file {path}", hint="Check the option.")
        with path.open("rb") as opened:
            return opened.read(MOST_BYTES)
    except OSError as error:
        why, advice = trouble(error, "check the option")
        raise ConfigError(f"the key file {path} cannot be read: {why}", hint=advice) from error


def _environment_keys(cli: CliContext) -> tuple[str, ...]:
    found = tuple(cli.environ.get(name, "").strip() for name in IN_ENVIRONMENT)
    return found if all(found) else ()


def keys_from(cli: CliContext, existing: Existing, profile: ProfileName) -> str:
    """Where this profile's keys are already."""
    from kt.config.secrets import app_keys

    try:
        return (
            ""
            if profile == "sim"
            else app_keys(existing.changed({"profile": profile}), cli.environ).source
        )
    except (AuthError, ConfigError):
        return ""


def _gemini_from(cli: CliContext, existing: Existing) -> str:
    from kt.config.secrets import analyst_key

    try:
        found = analyst_key(existing.config, cli.environ, "gemini", GEMINI)
    except ConfigError:
        return ""
    return "" if not found else "environment" if cli.environ.get(GEMINI) else "kept"


def complete(existing: Existing, given: Answers) -> Answers:
    """The answers, if nothing is missing. Raises UsageError, which names all that is missing."""
    missing = []
    if not given.has_keys:
        missing.append("the broker's keys (--key-file FILE, or KT_APP_KEY and KT_SECRET_KEY)")
    if given.profile == "real" and "auto" in (given.analyst or existing.config.analyst.kind):
        missing.append("who decides over real money (--analyst gemini or --analyst rules)")
    if given.analyst == "gemini" and not given.gemini_from:
        missing.append("Gemini's key (--gemini-key-file FILE, or GEMINI_API_KEY)")
    if missing:
        raise UsageError(
            f"not enough is given to set up {given.profile}, nothing was written; "
            f"missing: {'; '.join(missing)}",
            hint="On a terminal `kt init` asks for it.",
        )
    return given
