"""Any server with OpenAI's chat completions API: OpenAI, OpenRouter, vLLM, Ollama, a gateway.

It uses requests, which Google's library needs anyway: the vendor's client takes 600 ms to import
for a single POST. `bounded_http` limits the response and closes the connection at the deadline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kt.analyst.body import as_list, as_object, count, model_name, short
from kt.analyst.failure import Failure, RequestRefused
from kt.analyst.provider import ModelConnection, ProviderReply, Question

SERVER = "https://api.openai.com/v1"
_FINISHED = ("", "stop", "length", "None")


class OpenAICompatible:
    """Implements provider.Provider. `base_url` is the part before `/chat/completions`; empty for
    OpenAI's own server. An empty key is not sent: a local model needs none."""

    name = "openai"

    def __init__(self, api_key: str, model: str, base_url: str = "") -> None:
        self.secret = api_key
        self.model = model
        self._base_url = (base_url or SERVER).rstrip("/")

    def __repr__(self) -> str:
        return f"OpenAICompatible(model={self.model!r})"

    def connect(self) -> ModelConnection:
        return _Connection(f"{self._base_url}/chat/completions", self.secret, self.model)


class _Connection:
    def __init__(self, url: str, api_key: str, model: str) -> None:
        from requests import Session

        from kt.analyst.bounded_http import bound

        self._url = url
        self._model = model
        self._session = Session()
        self._session.trust_env = False  # a .netrc would replace the key
        self._session.headers["Content-Type"] = "application/json"
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"
        self._bounded = bound(self._session)

    def ask(self, question: Question, seconds: float) -> ProviderReply:
        """One request; repeated without the temperature if the model rejects it with a 400."""
        body = _body(self._model, question)
        try:
            return self._post(body, seconds)
        except RequestRefused as refused:
            if refused.status_code != 400 or "temperature" not in str(refused):
                raise
        del body["temperature"]
        self._session.close()  # the server may close a kept-alive connection as it is reused
        return self._post(body, seconds)

    def _post(self, body: Mapping[str, Any], seconds: float) -> ProviderReply:
        from kt.analyst.bounded_http import send

        content = json.dumps(body, ensure_ascii=False).encode()
        return read_openai(send(self._session, "POST", self._url, {}, content, seconds).content)

    def cut(self) -> None:
        self._bounded.cut()


def _body(model: str, question: Question) -> dict[str, Any]:
    """The request body. The list is wrapped in an object, as OpenAI's strict schemas require."""
    schema = {
        "type": "object",
        "properties": {"answers": _json_schema(question.schema)},
        "required": ["answers"],
        "additionalProperties": False,
    }
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": question.prompt.system},
            {"role": "user", "content": question.prompt.text},
        ],
        "temperature": question.temperature,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answers", "strict": True, "schema": schema},
        },
    }


def _json_schema(found: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in the OpenAPI dialect as plain JSON Schema."""
    made: dict[str, Any] = {"type": found["type"].lower()}
    if "enum" in found:
        made["enum"] = found["enum"]
    if "items" in found:
        made["items"] = _json_schema(found["items"])
    if "properties" in found:
        parts = {name: _json_schema(part) for name, part in found["properties"].items()}
        made |= {"properties": parts, "required": list(parts), "additionalProperties": False}
    return made


def read_openai(body: bytes) -> ProviderReply:
    """The reply in the body of a successful response. Raises ValueError when it is not JSON,
    RecursionError when it is nested too deeply."""
    whole = as_object(json.loads(body.decode("utf-8")))
    usage = as_object(whole.get("usage"))
    sent = count(usage.get("prompt_tokens"))
    received = max(count(usage.get("completion_tokens")), count(usage.get("total_tokens")) - sent)
    text, failure, notes = _text(whole)
    name = model_name(whole.get("model"))
    return ProviderReply(text, name, sent, received, failure, notes)


def _text(whole: Mapping[str, Any]) -> tuple[str, Failure | None, tuple[str, ...]]:
    choices = as_list(whole.get("choices"))
    if not choices:
        return "", Failure("reply", "the reply holds no candidate"), ()
    first = as_object(choices[0])
    message = as_object(first.get("message"))
    content = message.get("content")
    if isinstance(content, list):  # some gateways answer in parts
        parts = [as_object(part).get("text") for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    text = content if isinstance(content, str) else ""
    if isinstance(refusal := message.get("refusal"), str) and refusal and not text:
        return "", Failure("blocked", f"the prompt was refused ({short(refusal)})"), ()
    finish = short(first.get("finish_reason") or "")
    if finish not in _FINISHED:
        return text, Failure("blocked", f"the reply was stopped ({finish})"), ()
    notes = ("thoughts before the answer",) if message.get("reasoning_content") else ()
    return text, None, notes + (("cut off at the most tokens",) if finish == "length" else ())
