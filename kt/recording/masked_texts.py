"""The texts that must not be in a recording."""

from __future__ import annotations

from collections.abc import Mapping

from kt.config.model import Config
from kt.config.secrets import AppKeys

ENDINGS = ("_KEY", "_SECRET", "_TOKEN", "_PASSWORD")
"""Environment variables with these endings hold secrets."""


BACKTEST = "backtest"
"""Where the keys of a backtest come from: they are no secrets."""


def secrets_of(config: Config, environ: Mapping[str, str], keys: AppKeys) -> tuple[str, ...]:
    """The keys of the broker and of the analyst, and all that the notification channels hold."""
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
        *(channels.command, channels.webhook, *channels.urls),
    )
