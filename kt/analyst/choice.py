"""Which analyst decides: the configuration's choice, and a clear refusal where it cannot be."""

from __future__ import annotations

from collections.abc import Mapping

from kt.analyst.guarded import Calls, GuardedAnalyst, SpendingBudget
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
    calls: Calls | None = None,
    replay: FindsAnswers | None = None,
) -> Analyst:
    """The analyst of `analyst.kind`: auto is gemini when a key is set, and rules otherwise.

    `calls` (the journal's) keeps its breaker and its budget. With `replay` (a journal) recorded
    answers are given instead, and no key is needed. Raises ConfigError on the profile `real`
    without an explicit choice, and for gemini without a key: no stranger to the owner decides
    over real money.
    """
    from kt.analyst.rules import RulesAnalyst

    chosen = _chosen(config, environ, clock, needs_key=replay is None)
    rules = RulesAnalyst(clock)
    if chosen is None:
        return rules if replay is None else ReplayAnalyst(replay, rules)
    ours = config.analyst
    guarded = GuardedAnalyst(
        chosen,
        clock,
        calls or (lambda since: ()),
        SpendingBudget(ours.budget_usd, ours.budget_tokens),
        rules if ours.fallback == "rules" else None,
    )
    return guarded if replay is None else ReplayAnalyst(replay, guarded)


def _chosen(
    config: Config, environ: Mapping[str, str], clock: Clock, *, needs_key: bool
) -> Keyed | None:
    """The analyst with a model; None: the rules."""
    wanted, key = config.analyst.kind, environ.get(API_KEY, "").strip()
    if wanted == "auto":
        if config.profile == "real":
            raise ConfigError(
                "on the profile real the analyst must be chosen",
                hint="set analyst.kind to gemini or rules in the configuration",
            )
        wanted = "gemini" if key else "rules"
    if wanted == "rules":
        return None
    if needs_key and not key:
        raise ConfigError(
            "the analyst is gemini, but there is no key for it",
            hint=f"set {API_KEY}, or analyst.kind to rules",
        )
    from kt.analyst.asking import ModelAnalyst
    from kt.analyst.gemini import Gemini

    ours = config.analyst
    return ModelAnalyst(
        Gemini(key, ours.model, ours.base_url),
        clock,
        temperature=ours.temperature,
        timeout=ours.timeout,
        language=ours.language,
        prices=(ours.usd_per_million_in, ours.usd_per_million_out),
    )
