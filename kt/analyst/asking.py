"""The analyst that asks a model: a prompt, one deadline, and retries that depend on the failure.

A rejected key, an unknown model or an invalid request would fail the same way again and is not
retried. A rate limit is retried after the delay that the server names; server and network errors
are retried with exponential back-off; all within the deadline. Nothing is ever raised:
`AnalystReply.error` says what failed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import Any

from kt.analyst.advice_prompt import advice_prompt
from kt.analyst.call import call
from kt.analyst.failure import Failure
from kt.analyst.prompt import (
    PROBE,
    Language,
    Prompt,
    decide_prompt,
    instructions,
    shortlist_prompt,
)
from kt.analyst.provider import Provider, ProviderReply, Question
from kt.analyst.reading import Read, read_text
from kt.analyst.request_key import key_of, shortlist_question
from kt.analyst.schemas import SCHEMAS, advice_schema
from kt.ports import Analyst, Clock
from kt.ports.patience import time_left
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview
from kt.rules.freshness import newest, stocks_of

RETRIED = frozenset({"quota", "unavailable", "unreachable"})
"""Failures that are retried: the same request may succeed a moment later."""
MAX_ATTEMPTS = 4
FIRST_DELAY = 0.5
"""Seconds before the second attempt; doubled before each further one."""
MIN_SECONDS_LEFT = 1.0
"""No attempt is started with fewer seconds left before the deadline."""
PROBE_SECONDS = 15.0


class ModelAnalyst:
    """Implements ports.Analyst with a provider's model.

    `timeout` is in real seconds and covers a whole question with its retries, up to the last
    byte; a shorter limit set by the caller (`kt.ports.patience`) takes precedence.
    `price` gives a model's dollars per million tokens (in, out). The key is never logged, shown
    or stored.
    `wait` pauses between two attempts; it takes real seconds.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        *,
        temperature: float,
        timeout: float,
        language: Language = "en",
        price: Callable[[str], tuple[float, float]] = lambda model: (0.0, 0.0),
        wait: Callable[[float], Any] | None = None,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._parameters: dict[str, Any] = {"temperature": temperature}
        self._timeout = timeout
        self._language = language
        self._price = price
        self._wait = wait or Event().wait
        self.fallback: Analyst | None = None

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def model(self) -> str:
        return self._provider.model

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """One request about every stock of the brief."""
        key, asof = self.decide_key(brief, faults), newest(brief.stocks, brief.asof)
        prompt = decide_prompt(brief, faults, self._language)
        return self._ask("decide", key, self._question(prompt, SCHEMAS["decide"]), asof)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        """One request for the best candidates."""
        key = self.shortlist_key(candidates, count, asof)
        prompt = shortlist_prompt(candidates, count, asof, self._language)
        return self._ask("shortlist", key, self._question(prompt, SCHEMAS["shortlist"]), asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """One request about every subject of the question."""
        prompt = advice_prompt(request, faults, self._language)
        key, asof = self.advice_key(request, faults), newest(stocks_of(request), request.asof)
        question = self._question(prompt, advice_schema(request))
        return self._ask(request.topic.value, key, question, asof)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        """The prompt that `decide` would send."""
        prompt = decide_prompt(brief, (), self._language)
        return PromptPreview(version=prompt.version, text=prompt.whole)

    def probe(self) -> AnalystReply | None:
        """One attempt that costs a few tokens and takes at most PROBE_SECONDS."""
        now = self._clock.now()
        key = key_of("probe", self.name, self.model, self._parameters, "")
        seconds = min(self._timeout, PROBE_SECONDS)
        question = self._question(PROBE, SCHEMAS["probe"])
        return self._ask("probe", key, question, now, seconds=seconds, most=1)

    def decide_key(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> str:
        system = instructions("decide", self._language).text
        question = {"system": system, "brief": brief}
        return key_of("decide", self.name, self.model, self._parameters, question, faults)

    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str:
        system = instructions("shortlist", self._language).text
        question = {"system": system} | shortlist_question(candidates, count, asof)
        return key_of("shortlist", self.name, self.model, self._parameters, question)

    def advice_key(self, request: AdviceRequest, faults: Sequence[str] = ()) -> str:
        topic = request.topic.value
        question = {"system": instructions(topic, self._language).text, "request": request}
        return key_of(topic, self.name, self.model, self._parameters, question, faults)

    def _question(self, prompt: Prompt, schema: dict[str, Any]) -> Question:
        return Question(prompt, schema, self._parameters["temperature"])

    def _ask(
        self,
        purpose: str,
        key: str,
        question: Question,
        data_at: datetime,
        *,
        seconds: float = 0.0,
        most: int = MAX_ATTEMPTS,
    ) -> AnalystReply:
        asked_at = self._clock.now()
        started = time.perf_counter()
        seconds = min(seconds or self._timeout, time_left())
        reply, attempts = self._with_retries(question, seconds, most)
        latency = round((time.perf_counter() - started) * 1000)
        found = Read() if reply.failure or purpose == "probe" else read_text(reply.text)
        answered = reply.model or self.model
        return AnalystReply(
            key=key,
            purpose=purpose,
            analyst=self.name,
            model=answered,
            asked_model=self.model,
            objects=found.objects,
            raw=reply.text,
            prompt=question.prompt.whole,
            prompt_version=question.prompt.version,
            parameters=self._parameters,
            asked_at=asked_at,
            data_at=data_at,
            latency_ms=latency,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=_cost(self._price(answered), reply),
            error=reply.failure.text if reply.failure else found.error and f"reply: {found.error}",
            notes=(*reply.notes, *found.notes),
            attempts=attempts,
        )

    def _with_retries(
        self, question: Question, seconds: float, most: int
    ) -> tuple[ProviderReply, int]:
        """The reply to the last attempt, and the number of attempts."""
        if time_left() < MIN_SECONDS_LEFT:
            words = "the time for these questions is used up (analyst.cycle_timeout, or their own)"
            return ProviderReply(failure=Failure("late", words)), 0
        if not self._provider.secret.isascii() or not self._provider.secret.isprintable():
            words = "the key holds a line break, or letters that no key has"
            return ProviderReply(failure=Failure("auth", words)), 0
        end = time.monotonic() + seconds
        for attempt in range(1, most + 1):
            left = end - time.monotonic()
            reply = call(self._provider, question, left, self._clock.now())
            failure = reply.failure
            if failure is None or failure.kind not in RETRIED or attempt == most:
                break
            delay = _retry_delay(failure, attempt)
            if time.monotonic() + delay + MIN_SECONDS_LEFT > end:
                break
            self._wait(delay)
        return _with_whole_timeout(reply, seconds), attempt


def _cost(price: tuple[float, float], reply: ProviderReply) -> float:
    return (reply.tokens_in * price[0] + reply.tokens_out * price[1]) / 1_000_000


def _retry_delay(failure: Failure, attempt: int) -> float:
    """Seconds to wait: what the server named, otherwise exponential back-off with jitter."""
    if failure.retry_after is not None:
        return failure.retry_after
    return float(FIRST_DELAY * 2 ** (attempt - 1)) * random.uniform(1, 1.5)


def _with_whole_timeout(reply: ProviderReply, seconds: float) -> ProviderReply:
    """A timeout names the time for the whole question, not what was left for its last attempt."""
    if reply.failure is None or reply.failure.kind != "timeout":
        return reply
    return replace(reply, failure=Failure("timeout", f"no answer within {seconds:g} s"))
