"""Builds the analyst that the configuration selects, or says clearly what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from kt.analyst.guarded import Calls, GuardedAnalyst, SpendingBudget
from kt.analyst.panel import PanelAnalyst, Told
from kt.analyst.provider import Provider
from kt.analyst.replay import FindsAnswers, Keyed, ReplayAnalyst
from kt.analyst.shadow import Background, Shadowed, ShadowedAnalyst
from kt.config.model import AnalystConfig, Config
from kt.config.secrets import analyst_key
from kt.errors import ConfigError
from kt.ports import Analyst, Clock

if TYPE_CHECKING:
    from kt.analyst.rules import RulesAnalyst

GEMINI_MODEL = "gemini-flash-latest"
"""Google's alias for its newest model of this kind, so that it outlives any single model. The model
that answered is journaled and shown by `kt doctor`."""
KEYS = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}
"""The environment variable of each provider's key, unless `analyst.key_name` names another."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where the analysts read and report. `calls` reads earlier requests from the journal, for the
    circuit breakers and the budget; `told` gets the reply of each member of a panel; `shadowed`
    gets the replies of the shadow, on the threads of `background`."""

    calls: Calls = lambda since: ()
    told: Told = lambda reply: None
    shadowed: Shadowed = lambda brief, key, reply: None
    background: Background = field(default_factory=Background)


def choose(
    config: Config,
    environ: Mapping[str, str],
    clock: Clock,
    *,
    channels: Channels | None = None,
    replay: FindsAnswers | None = None,
) -> Analyst:
    """The analyst of `analyst.kind` (auto is gemini when its key is set, and rules otherwise), or
    the panel of `analyst.panel`, with its shadow.

    With `replay` (a journal) recorded answers are given instead: no key is needed, and no shadow
    is asked. Raises ConfigError for a provider whose key is missing, and on the profile `real` for
    `auto`: the owner must have chosen what decides over real money.
    """
    builder = _Builder(config, environ, clock, channels or Channels(), replay is None)
    trading = builder.trading()
    if replay is not None:
        return ReplayAnalyst(replay, trading)
    if not config.analyst.shadow:
        return trading
    ends = builder.channels
    shadow = builder.guarded(AnalystEntry.of(config.analyst.shadow, config.analyst))
    return ShadowedAnalyst(trading, shadow, ends.background, ends.shadowed)


@dataclass(frozen=True, slots=True)
class AnalystEntry:
    """One analyst to build: its kind, and the model and address for a provider."""

    kind: str
    model: str
    base_url: str

    @classmethod
    def of(cls, text: str, ours: AnalystConfig) -> AnalystEntry:
        """From `kind:model@address`. What is not given is the provider's default, or that of
        `analyst` where it configures the same kind."""
        rest, _, address = text.partition("@")
        kind, _, model = rest.partition(":")
        same = kind == ours.kind
        return cls(kind, model or ours.model * same, address or ours.base_url * same)


@dataclass(frozen=True, slots=True)
class _Builder:
    config: Config
    environ: Mapping[str, str]
    clock: Clock
    channels: Channels
    needs_key: bool

    def trading(self) -> Keyed:
        """The analyst whose decisions are ordered."""
        ours = self.config.analyst
        if not ours.panel:
            return self.guarded(
                AnalystEntry(self._kind(), ours.model, ours.base_url), fallback=True
            )
        members = [self.guarded(AnalystEntry.of(text, ours)) for text in ours.panel]
        names = {(member.name, member.model) for member in members}
        if len(names) < len(ours.panel) or len(members) < 2:
            raise ConfigError(
                "analyst.panel needs at least two analysts, each with a model of its own",
                hint="write them as kind:model, or leave the panel empty for one analyst",
            )
        fallback = self._rules() if ours.fallback == "rules" else None
        return PanelAnalyst(members, self.clock, self.channels.told, fallback)

    def guarded(self, entry: AnalystEntry, *, fallback: bool = False) -> Keyed:
        """One analyst: the rules, or a model behind its breaker and its share of the budget."""
        if entry.kind == "rules":
            return self._rules()
        ours, model = self.config.analyst, self._model(entry)
        share = (len(ours.panel) or 1) + bool(ours.shadow)
        return GuardedAnalyst(
            model,
            self.clock,
            self._own_calls(model) if share > 1 else self.channels.calls,
            SpendingBudget(ours.budget_usd / share, ours.budget_tokens // share),
            self._rules() if fallback and ours.fallback == "rules" else None,
        )

    def _own_calls(self, model: Keyed) -> Calls:
        """What one analyst among several has asked: its share of the budget is its own."""
        return lambda since: [
            call
            for call in self.channels.calls(since)
            if call.analyst == model.name and call.asked_model == model.model
        ]

    def _rules(self) -> RulesAnalyst:
        from kt.analyst.rules import RulesAnalyst

        return RulesAnalyst(self.clock)

    def _kind(self) -> str:
        """`analyst.kind`, with auto resolved."""
        ours = self.config.analyst
        if ours.kind != "auto":
            return ours.kind
        if self.config.profile == "real":
            raise ConfigError(
                "on the profile real the analyst must be chosen",
                hint="set analyst.kind to gemini, openai or rules in the configuration",
            )
        return "gemini" if self._key("gemini") else "rules"

    def _key(self, kind: str) -> str:
        return analyst_key(self.config, self.environ, kind, self._key_name(kind))

    def _key_name(self, kind: str) -> str:
        """`analyst.key_name` is the key of the configured kind; auto means gemini."""
        ours = self.config.analyst
        configured = "gemini" if ours.kind == "auto" else ours.kind
        return (ours.key_name if kind == configured else "") or KEYS[kind]

    def _model(self, entry: AnalystEntry) -> Keyed:
        from kt.analyst.asking import ModelAnalyst

        ours, key = self.config.analyst, self._key(entry.kind)
        own_server = entry.kind == "openai" and entry.base_url  # which may need no key
        if self.needs_key and not key and not own_server:
            raise ConfigError(
                f"the analyst is {entry.kind}, but there is no key for it",
                hint=f"set {self._key_name(entry.kind)}, or analyst.kind to rules",
            )
        usual = (ours.usd_per_million_in, ours.usd_per_million_out)
        return ModelAnalyst(
            _provider(entry, key),
            self.clock,
            temperature=ours.temperature,
            timeout=ours.timeout,
            language=ours.language,
            price=partial(price_of, ours.prices, usual),
        )


def _provider(entry: AnalystEntry, key: str) -> Provider:
    """The provider of a kind; for Gemini over google-genai if it is installed, otherwise over
    google-generativeai."""
    if entry.kind == "openai":
        from kt.analyst.openai import OpenAICompatible

        if not entry.model:
            raise ConfigError(
                "the analyst is openai, but no model is named",
                hint="set analyst.model; `kt doctor` asks the provider for it",
            )
        return OpenAICompatible(key, entry.model, entry.base_url)
    from kt.analyst import genai

    model = entry.model or GEMINI_MODEL
    if genai.installed():
        return genai.GeminiGenAI(key, model, entry.base_url)
    from kt.analyst.gemini import Gemini

    return Gemini(key, model, entry.base_url)


def price_of(prices: Sequence[str], usual: tuple[float, float], model: str) -> tuple[float, float]:
    """Dollars per million tokens, in and out, of the model that answered: the entry of `prices`
    (`name in out`) with the longest name that is a prefix of the model's; otherwise `usual`."""
    named = [price.split() for price in prices if model.startswith(price.split()[0])]
    if not named:
        return usual
    _, sent, received = max(named, key=lambda price: len(price[0]))
    return float(sent), float(received)
