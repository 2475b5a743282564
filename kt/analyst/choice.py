"""Builds the analyst that the configuration selects, or says clearly what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from kt.analyst.guarded import Calls, GuardedAnalyst, SpendingBudget
from kt.analyst.provider import Provider
from kt.analyst.replay import FindsAnswers, Keyed, ReplayAnalyst
from kt.config.model import AnalystConfig, Config
from kt.errors import ConfigError
from kt.ports import Analyst, Clock

GEMINI_MODEL = "gemini-flash-latest"
"""Google's alias for its newest model of this kind, so that it outlives any single model. The model
that answered is journaled and shown by `kt doctor`."""
KEYS = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}
"""The environment variable of each provider's key, unless `analyst.key_name` names another."""


def choose(
    config: Config,
    environ: Mapping[str, str],
    clock: Clock,
    *,
    calls: Calls | None = None,
    replay: FindsAnswers | None = None,
) -> Analyst:
    """The analyst of `analyst.kind`: auto is gemini when its key is set, and rules otherwise.

    `calls` reads earlier requests from the journal, for the circuit breaker and the budget. With
    `replay` (a journal) recorded answers are given instead, and no key is needed. Raises
    ConfigError for a provider whose key is missing, and on the profile `real` for `auto`: the
    owner must have chosen what decides over real money.
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
    """The analyst that asks a model; None for the offline rules."""
    ours, wanted = config.analyst, config.analyst.kind
    name = ours.key_name or KEYS.get(wanted, KEYS["gemini"])
    key = environ.get(name, "").strip()
    if wanted == "auto":
        if config.profile == "real":
            raise ConfigError(
                "on the profile real the analyst must be chosen",
                hint="set analyst.kind to gemini, openai or rules in the configuration",
            )
        wanted = "gemini" if key else "rules"
    if wanted == "rules":
        return None
    own_server = wanted == "openai" and ours.base_url  # which may need no key
    if needs_key and not key and not own_server:
        raise ConfigError(
            f"the analyst is {wanted}, but there is no key for it",
            hint=f"set {name}, or analyst.kind to rules",
        )
    from kt.analyst.asking import ModelAnalyst

    return ModelAnalyst(
        _provider(wanted, key, ours),
        clock,
        temperature=ours.temperature,
        timeout=ours.timeout,
        language=ours.language,
        price=partial(price_of, ours.prices, (ours.usd_per_million_in, ours.usd_per_million_out)),
    )


def _provider(kind: str, key: str, ours: AnalystConfig) -> Provider:
    """The provider of a kind; for Gemini over google-genai if it is installed, otherwise over
    google-generativeai."""
    if kind == "openai":
        from kt.analyst.openai import OpenAICompatible

        if not ours.model:
            raise ConfigError(
                "the analyst is openai, but no model is named",
                hint="set analyst.model; `kt doctor` asks the provider for it",
            )
        return OpenAICompatible(key, ours.model, ours.base_url)
    from kt.analyst import genai

    model = ours.model or GEMINI_MODEL
    if genai.installed():
        return genai.GeminiGenAI(key, model, ours.base_url)
    from kt.analyst.gemini import Gemini

    return Gemini(key, model, ours.base_url)


def price_of(prices: Sequence[str], usual: tuple[float, float], model: str) -> tuple[float, float]:
    """Dollars per million tokens, in and out, of the model that answered: the entry of `prices`
    (`name in out`) with the longest name that is a prefix of the model's; otherwise `usual`."""
    named = [price.split() for price in prices if model.startswith(price.split()[0])]
    if not named:
        return usual
    _, sent, received = max(named, key=lambda price: len(price[0]))
    return float(sent), float(received)
