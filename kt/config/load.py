"""Reads the configuration: flags override the environment, which overrides the file."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kt.config.addresses import REST, check_addresses, refuse_bad_address
from kt.config.fields import Section
from kt.config.file import MOST_LETTERS, named, read_yaml
from kt.config.model import DEFAULT_PROFILES, Config, ProfileConfig
from kt.config.scan import Scan
from kt.errors import ConfigError
from kt.paths import ProfilePaths, users_folder
from kt.text import steering, visible

S = TypeVar("S", bound=Section)

FILE_NAME = "config.yaml"

ENVIRONMENT: dict[str, str] = {
    "KT_CONFIG": "the configuration file",
    "KT_PROFILE": "the profile: sim, mock or real",
    "KT_STATE_DIR": "the folder for databases, tokens, locks and the exchange's state",
    "KT_APP_KEY": "the broker's app key",
    "KT_SECRET_KEY": "the broker's secret key",
    "KT_BASE_URL": "the broker's REST address, instead of the profile's",
    "KT_WS_URL": "the broker's WebSocket address, instead of the profile's",
    "GEMINI_API_KEY": "the key for Gemini; without it the offline rules decide",
    "OPENAI_API_KEY": "the key for analyst.kind openai",
    "KT_LANG": "the language: en, ko, or auto for the locale's",
    "NO_COLOR": "disables colours if set to anything",
}
"""Every environment variable that kt reads, and its meaning."""

RENAMED: dict[str, str] = {"exits.ask_before_profit": "questions.profit.ask"}
"""Keys that an older kt had, and the key that has taken the place of each."""


def load_config(
    path: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The validated configuration. Raises ConfigError, which names the key and the fix.

    `overrides` are the flags, as nested mappings of already typed values.
    """
    environ = os.environ if environ is None else environ
    _check_environment(environ)
    found = find_config(path, environ)
    data = read_yaml(found) if found else {}
    where = str(found) if found else "configuration"
    return build_config(data, environ, overrides or {}, where)


def find_config(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: `path`, `KT_CONFIG`, `./config.yaml`, or the one in the user's
    configuration folder; None if there is none. Raises ConfigError for a missing named file."""
    wanted = path or environ.get("KT_CONFIG")
    if wanted:
        file = at_home(wanted)
        if not _is_file(file):
            raise ConfigError(
                f"there is no configuration file {file}",
                hint="Name an existing file, or make one with `kt init`.",
            )
        return file
    for folder in (Path(), users_folder("config")):
        if folder is not None and _is_file(folder / FILE_NAME):
            return folder / FILE_NAME
    return None


def users_own_file() -> Path:
    """`config.yaml` in the user's configuration folder. Raises ConfigError without a home."""
    folder = users_folder("config")
    if folder is None:
        raise ConfigError(
            "you have no home folder to keep the configuration in",
            hint="Name a file, or set HOME.",
        )
    return folder / FILE_NAME


def at_home(path: str | Path) -> Path:
    """A typed path with `~` expanded. Raises ConfigError for an unknown user's home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # an unknown user
        raise ConfigError(f"{path}: there is no such home folder", hint=_CORRECT) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an invalid file name
        return False


def build_config(
    data: Mapping[str, Any],
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
    where: str = "configuration",
) -> Config:
    merged = _merge(data, _from_environment(environ))
    merged = _merge(merged, overrides)
    merged = _drop_empty(merged)
    _refuse_renamed(merged, where)
    profiles = _keys(merged.pop("profiles", {}), f"{where}: profiles")
    _refuse_unknown(Config, merged, where)
    config = _convert({**merged, "profiles": {}}, Config, where)
    servers = {
        name: _profile(name, default, profiles, where) for name, default in DEFAULT_PROFILES.items()
    }
    _refuse_unknown_names(profiles, tuple(DEFAULT_PROFILES), f"{where}: profiles")
    server = servers[config.profile]
    servers[config.profile] = msgspec.structs.replace(
        server,
        base_url=environ.get("KT_BASE_URL", server.base_url),
        ws_url=environ.get("KT_WS_URL", server.ws_url),
    )
    named = {
        f"profiles.{config.profile}.{key}": name
        for key, name in (("base_url", "KT_BASE_URL"), ("ws_url", "KT_WS_URL"))
        if name in environ
    }
    check_addresses(servers, named, where)
    for key, address in _other_addresses(config).items():
        if address:
            refuse_bad_address(address, f"{where}: {key}", REST, encrypted=True)
    config = msgspec.structs.replace(config, profiles=servers)
    _check_together(config, where)
    return config


def _other_addresses(config: Config) -> dict[str, str]:
    """The addresses outside the profiles, by key; empty for those that are not given."""
    ours = config.analyst
    return {
        "analyst.base_url": ours.base_url,
        **{f"analyst.panel[{n}]": one.partition("@")[2] for n, one in enumerate(ours.panel)},
        "analyst.shadow": ours.shadow.partition("@")[2],
        "notify.webhook": config.notify.webhook,
    }


def state_folder(config: Config) -> Path:
    """The folder of all profiles' state (not created here). Raises ConfigError without a home, and
    when its absolute path is not valid UTF-8, because kt stores that path in JSON."""
    folder = at_home(config.state_dir) if config.state_dir else users_folder("state")
    if folder is None:
        raise ConfigError(
            "you have no home folder to keep the state in",
            hint="Name a folder with KT_STATE_DIR, or set HOME.",
        )
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"the path of the state folder is not UTF-8: {visible(str(folder.absolute()), 200)}",
            hint="Name another folder with KT_STATE_DIR.",
        ) from error
    return folder


def profile_paths(config: Config) -> ProfilePaths:
    """The paths of the configured profile's files (not created here)."""
    return ProfilePaths(state_folder(config) / config.profile)


def _check_environment(environ: Mapping[str, str]) -> None:
    for name in ENVIRONMENT:
        value = environ.get(name, "")
        if name != "NO_COLOR" and (steering(value) or len(value) > MOST_LETTERS):
            raise ConfigError(f"{name} has an invalid value", hint="Set it again, or unset it.")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {"KT_PROFILE": "profile", "KT_STATE_DIR": "state_dir", "KT_LANG": "language"}
    given = {key: environ[name] for name, key in names.items() if environ.get(name)}
    for name, key in names.items():
        if key in given:
            _convert({key: given[key]}, Config, name)
    return given


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _drop_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without empty sections (`limits:`), which the file reader returns as "" and which mean the
    defaults."""
    return {key: value for key, value in data.items() if value != ""}


def _profile(name: str, default: ProfileConfig, profiles: Any, where: str) -> ProfileConfig:
    given = profiles.get(name, {})
    given = {} if given == "" else given
    place = f"{where}: profiles.{name}"
    _refuse_unknown(ProfileConfig, given, place)
    defaults = msgspec.structs.asdict(default)
    return _convert({**defaults, **given}, ProfileConfig, place)


def _convert(data: Mapping[str, Any], kind: type[S], where: str) -> S:
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        key = re.search(r"at `\$\.?([^`]*)`", text)
        said = text.split(" - at ", maxsplit=1)[0].replace("`", "")
        said = said.split(" '")[0] if said.startswith("Invalid enum value") else said
        place = f"{where}: {key[1]}" if key and key[1] else where
        raise ConfigError(f"{place}: {said[0].lower()}{said[1:]}", hint=_CORRECT) from error


_CORRECT = "Correct that value."


def _keys(data: Any, where: str) -> Mapping[str, Any]:
    """The data if it is a mapping. The error does not quote the content: it may be a secret."""
    if isinstance(data, Mapping):
        return data
    what = "a list" if isinstance(data, list) else "a text"
    raise ConfigError(f"{where}: expected keys, got {what}", hint="See `kt help configuration`.")


@cache
def _types(kind: type[Section]) -> Mapping[str, Any]:
    """A section's keys and their types; kept, as finding them out evaluates every annotation."""
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _refuse_renamed(data: Mapping[str, Any], where: str) -> None:
    for old, new in RENAMED.items():
        section, _, name = old.rpartition(".")
        found: Any = data
        for part in section.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and name in found:
            raise ConfigError(
                f"{where}: the key {old} is now {new}",
                hint="Rename it there; its values mean the same.",
            )


def _refuse_unknown(kind: type[Section], data: Any, where: str) -> None:
    types = _types(kind)
    _refuse_unknown_names(_keys(data, where), tuple(types), where)
    for key, value in data.items():
        kept = types[key]
        if isinstance(kept, type) and issubclass(kept, Section):
            _refuse_unknown(kept, {} if value == "" else value, f"{where}: {key}")


def _refuse_unknown_names(data: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in data:
        if key in known:
            continue
        near = difflib.get_close_matches(key[:MOST_LETTERS], known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
        if re.search("secret|token|password|app_?key|api_?key", key, re.IGNORECASE):
            hint = "Keys and secrets do not belong in this file: see `kt help environment`."
        raise ConfigError(f"{where}: there is no key {named(key)}", hint=hint)


def _check_together(config: Config, where: str) -> None:
    """Validate keys against each other."""
    session = config.session
    times = (session.start, session.prepare, session.open, session.last_buy, session.close)
    if sorted(times) != list(times) or session.idle < session.close:
        raise ConfigError(
            f"{where}: session: the times of the day must follow one another",
            hint="start, prepare, open, last_buy, close, idle.",
        )
    if config.limits.per_stock > config.limits.total:
        raise ConfigError(
            f"{where}: limits.per_stock {config.limits.per_stock:,} is above "
            f"limits.total {config.limits.total:,}",
            hint="Lower per_stock or raise total.",
        )
    _check_weights(config.scan, where)
    if not config.scan.fast_keep >= config.scan.deep_keep >= config.scan.ai_keep:
        raise ConfigError(
            f"{where}: scan: each scan keeps at most what the one before kept",
            hint="fast_keep >= deep_keep >= ai_keep.",
        )


def _check_weights(scan: Scan, where: str) -> None:
    """A score needs something to count."""
    ours = scan.weights
    sources = {"condition" if ":" in source else source for source in scan.sources}
    deep = (ours.fast_scan, ours.strength, ours.book, ours.foreign, ours.institution, ours.brokers)
    if not any(getattr(ours, name) for name in sources) or not any(deep):
        raise ConfigError(
            f"{where}: scan.weights: nothing counts in a score",
            hint="Give one of scan.sources, and one part of the deep scan, a weight above 0.",
        )
    if len(set(scan.sources)) < len(scan.sources):
        raise ConfigError(
            f"{where}: scan.sources: a source is named twice", hint="Leave one of them out."
        )
