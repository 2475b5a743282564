"""Gemini over its REST transport: one request a call, no retry, every failure in Answer.error."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from kt.analyst.key import key_of, newest_data, shortlist_question
from kt.analyst.prompt import DECIDE, SHORTLIST, Prompt, decide_prompt, shortlist_prompt
from kt.analyst.reply import Reply, failure_text, read_reply
from kt.ports import Clock
from kt.records import Action, Answer, Brief, Candidate, RiskLevel

_TEXT = {"type": "STRING"}
_WHOLE = {"type": "INTEGER"}
_NUMBER = {"type": "NUMBER"}

UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, BufferError, LookupError, MemoryError,
    OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What the libraries raise, beside their own errors, for a reply that is none."""


def _list_of(properties: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "OBJECT", "properties": properties, "required": list(properties)}
    return {"type": "ARRAY", "items": item}


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "STRING", "format": "enum", "enum": list(values)}


SCHEMAS: dict[str, dict[str, Any]] = {
    "decide": _list_of(
        {
            "action": _one_of([action.value for action in Action]),
            "stock_code": _TEXT,
            "stock_name": _TEXT,
            "quantity": _WHOLE,
            "price": _WHOLE,
            "reason": _TEXT,
            "confidence": _NUMBER,
            "risk_level": _one_of([level.value for level in RiskLevel]),
        }
    ),
    "shortlist": _list_of({"stock_code": _TEXT, "score": _NUMBER, "reason": _TEXT}),
}
"""What a reply must look like, sent with the request: the process document's decision object."""


class GeminiAnalyst:
    """Implements ports.Analyst with Google's model.

    `timeout` is in real seconds for all of a question, to the last byte of its reply.
    `prices` are dollars per million tokens (in, out). The key is never logged, shown or stored.
    """

    def __init__(
        self,
        api_key: str,
        model: str,
        temperature: float,
        timeout: float,
        clock: Clock,
        prices: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self._api_key = api_key
        self._model = model
        self._parameters: dict[str, Any] = {"temperature": temperature}
        self._timeout = timeout
        self._clock = clock
        self._prices = prices
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"GeminiAnalyst(model={self._model!r})"

    @property
    def name(self) -> str:
        return "gemini"

    @property
    def model(self) -> str:
        return self._model

    def decide(self, brief: Brief, faults: Sequence[str] = ()) -> Answer:
        """One request about every stock of the brief."""
        key = self.decide_key(brief, faults)
        return self._ask("decide", key, decide_prompt(brief, faults), newest_data(brief))

    def shortlist(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> Answer:
        """One request for the best candidates."""
        key = self.shortlist_key(candidates, count, asof)
        return self._ask("shortlist", key, shortlist_prompt(candidates, count, asof), asof)

    def decide_key(self, brief: Brief, faults: Sequence[str] = ()) -> str:
        question = {"system": DECIDE, "brief": brief}
        return key_of("decide", self.name, self._model, self._parameters, question, faults)

    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str:
        question = {"system": SHORTLIST} | shortlist_question(candidates, count, asof)
        return key_of("shortlist", self.name, self._model, self._parameters, question)

    def _ask(self, purpose: str, key: str, prompt: Prompt, data_at: datetime) -> Answer:
        library = self._imported()
        asked_at = self._clock.now()
        started = time.perf_counter()
        call = _Call(library, self._api_key)
        reply = call.within(self._timeout, self._model, prompt, self._config(purpose))
        latency = round((time.perf_counter() - started) * 1000)
        price_in, price_out = self._prices
        return Answer(
            key=key,
            purpose=purpose,
            analyst=self.name,
            model=self._model,
            objects=reply.objects,
            raw=reply.raw,
            prompt=prompt.whole,
            parameters=self._parameters,
            asked_at=asked_at,
            data_at=data_at,
            latency_ms=latency,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=(reply.tokens_in * price_in + reply.tokens_out * price_out) / 1_000_000,
            error=reply.error.replace(self._api_key, "…") if self._api_key else reply.error,
        )

    def _config(self, purpose: str) -> dict[str, Any]:
        return {
            **self._parameters,
            "response_mime_type": "application/json",
            "response_schema": SCHEMAS[purpose],
        }

    def _imported(self) -> Any:
        """The vendor's library. It is imported here, at the first question: that takes a third
        of a second, and it warns that its vendor has turned to its successor."""
        with self._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import google.ai.generativelanguage
            import google.generativeai

            return google.generativeai


class _Call:
    """One question over the vendor's library, with everything it does behind one's back switched
    off. A client costs nothing, so each call has its own and can be cut without another's harm."""

    def __init__(self, library: Any, api_key: str) -> None:
        from google.ai.generativelanguage import GenerativeServiceClient
        from google.auth.api_key import Credentials
        from google.auth.exceptions import RefreshError

        from kt.analyst.bounded import bound

        class Key(Credentials):
            def refresh(self, request: object) -> None:
                """A refused key cannot be renewed: without this a 401 is sent three times."""
                raise RefreshError("the API key was refused")  # type: ignore[no-untyped-call]

        self._library = library
        credentials = Key(api_key)  # type: ignore[no-untyped-call]
        self._client = GenerativeServiceClient(credentials=credentials, transport="rest")
        transport: Any = self._client.transport
        self._line = bound(transport._session)

    def within(
        self, seconds: float, model_name: str, prompt: Prompt, config: dict[str, Any]
    ) -> Reply:
        """The reply, or that there was none in time. The request runs beside, on a thread that is
        left behind at the deadline and ends with its connection."""
        replies: SimpleQueue[Reply] = SimpleQueue()
        Thread(
            target=lambda: replies.put(self._send(seconds, model_name, prompt, config)),
            name="kt-gemini",
            daemon=True,
        ).start()
        try:
            return replies.get(timeout=seconds)
        except Empty:
            self._line.cut()
            return Reply(error=f"timeout: no answer within {seconds:g} s")

    def _send(
        self, seconds: float, model_name: str, prompt: Prompt, config: dict[str, Any]
    ) -> Reply:
        """One request. By default a failing one would be repeated for ten minutes."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.protobuf.json_format import ParseError
        from requests import RequestException

        try:
            model = self._library.GenerativeModel(
                model_name, system_instruction=prompt.system, generation_config=config
            )
            model._client = self._client  # the library would make one from its global settings
            response = model.generate_content(
                prompt.text, request_options={"timeout": seconds, "retry": None}
            )
            return read_reply(response.to_dict())
        except ParseError as failure:
            return Reply(error=f"not JSON: {failure}")
        except (GoogleAPIError, GoogleAuthError, RequestException) as failure:
            return Reply(error=failure_text(failure, seconds))
        except UNREADABLE as failure:
            words = " ".join(f"{type(failure).__name__} {failure}".split())[:200]
            return Reply(error=f"not a reply: {words}")
