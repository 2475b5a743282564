"""Which language kt speaks: --lang, KT_LANG, the configuration, then the locale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kt.paths import users_folder
from kt.translation import LANGUAGES

AUTO = "auto"
_KEY = re.compile(rf"^language:[ \t]*[\"']?({'|'.join(LANGUAGES)})\b", re.MULTILINE)
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_of(configured: str, flag: str, environ: Mapping[str, str]) -> str:
    """The language by --lang, by the configuration (into which KT_LANG has been read), and for
    `auto` by the locale."""
    chosen = flag or configured
    return chosen if chosen != AUTO else of_locale(environ)


def of_locale(environ: Mapping[str, str]) -> str:
    """`ko` for a Korean locale, such as ko_KR.UTF-8; `en` for all others."""
    locale = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return "ko" if locale.lower().startswith("ko") else "en"


def early_language(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """The language of what is shown before the configuration is read, or instead: help and errors
    of usage. Looks only at the file's line `language`; the file is validated later."""
    flag, given = option(arguments, "--lang"), environ.get("KT_LANG", "")
    if flag in LANGUAGES or given in LANGUAGES:
        return flag if flag in LANGUAGES else given
    written = "" if AUTO in (flag, given) else _written(option(arguments, "--config"), environ)
    return written or of_locale(environ)


def option(arguments: Sequence[str], name: str) -> str:
    """The last value of an option in these arguments, before they are parsed."""
    found = ""
    for place, argument in enumerate(arguments):
        if argument == name:
            found = "".join(arguments[place + 1 : place + 2])
        elif argument.startswith(f"{name}="):
            found = argument.partition("=")[2]
    return found


def _written(config: str, environ: Mapping[str, str]) -> str:
    """The language in the configuration file, if a readable file has one."""
    named = config or environ.get("KT_CONFIG", "")
    places = [Path(named)] if named else [Path(), users_folder("config")]
    for place in filter(None, places):
        try:
            text = (place if named else place / "config.yaml").expanduser().read_text("utf-8")
        except (OSError, RuntimeError, ValueError):
            continue
        found = _KEY.search(text)
        return found[1] if found else ""
    return ""
