"""The texts that must not be in a recording."""

from __future__ import annotations

from collections.abc import Mapping

from kt.config.model import Config
from kt.config.secrets import AppKeys, analyst_key
from kt.errors import ConfigError

ENDINGS = ("_KEY", "_SECRET", "_TOKEN", "_PASSWORD")
"""Environment variables with these endings hold secrets."""
BACKTEST = "backtest"
"""Where the keys of a backtest come from: they are no secrets."""


def secrets_of(config: Config, environ: Mapping[str, str], keys: AppKeys) -> tuple[str, ...]:
    """The keys of the broker and of the analyst, wherever they are kept, and all that the
    notification channels hold."""
    named = config.analyst.key_name
    values = [
        value
        for name, value in environ.items()
        if name.upper().endswith(ENDINGS) or (named and name == named)
    ]
    channels = config.notify
    pair = () if keys.source == BACKTEST else (keys.app_key, keys.secret_key)
    return (
        *pair,
        *values,
        *(_analyst_key(config, environ, kind) for kind in ("gemini", "openai")),
        *(channels.command, channels.webhook, *channels.urls),
    )


def _analyst_key(config: Config, environ: Mapping[str, str], kind: str) -> str:
    """Empty when there is none, or when its file cannot be used: then no analyst can use it."""
    try:
        return analyst_key(config, environ, kind, config.analyst.key_name)
    except ConfigError:
        return ""
