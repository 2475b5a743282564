"""Which analyst decides: the configuration's choice, and a clear refusal where it cannot be."""

from __future__ import annotations

from collections.abc import Mapping

from kt.analyst.replay import FindsAnswers, Keyed, ReplayAnalyst
from kt.config.model import Config
from kt.errors import ConfigError
from kt.ports import Analyst, Clock

API_KEY = "GEMINI_API_KEY"


def choose(
    config: Config,
    environ: Mapping[str, str],
    clock: Clock,
    *,
    replay: FindsAnswers | None = None,
) -> Analyst:
    """The analyst of `analyst.kind`: auto is gemini when a key is set, and rules otherwise.

    With `replay` (a journal) its recorded answers are given instead, and no key is needed.
    Raises ConfigError on the profile `real` without an explicit choice, and for gemini without
    a key: no stranger to the owner decides over real money.
    """
    original = _chosen(config, environ, clock, needs_key=replay is None)
    return original if replay is None else ReplayAnalyst(replay, original)


def _chosen(config: Config, environ: Mapping[str, str], clock: Clock, *, needs_key: bool) -> Keyed:
    wanted, key = config.analyst.kind, environ.get(API_KEY, "").strip()
    if wanted == "auto":
        if config.profile == "real":
            raise ConfigError(
                "on the profile real the analyst must be chosen",
                hint="set analyst.kind to gemini or rules in the configuration",
            )
        wanted = "gemini" if key else "rules"
    if wanted == "gemini":
        if needs_key and not key:
            raise ConfigError(
                "the analyst is gemini, but there is no key for it",
                hint=f"set {API_KEY}, or analyst.kind to rules",
            )
        from kt.analyst.gemini import GeminiAnalyst

        chosen = config.analyst
        return GeminiAnalyst(
            key,
            chosen.model,
            chosen.temperature,
            chosen.timeout,
            clock,
            (chosen.usd_per_million_in, chosen.usd_per_million_out),
        )
    from kt.analyst.rules import RulesAnalyst

    return RulesAnalyst(clock)
