"""Gemini through google-genai (the extra `kt[genai]`), the successor of google-generativeai.

The library builds the request; kt's own transport sends it, limits the size of the response, closes
the connection at the deadline and keeps the unchanged body.
"""

from __future__ import annotations

from copy import deepcopy
from importlib.util import find_spec
from typing import Any

from kt.analyst.gemini_body import read_gemini
from kt.analyst.provider import ModelConnection, ProviderReply, Question


def installed() -> bool:
    """Whether the extra is installed; nothing of it is imported."""
    return find_spec("google") is not None and find_spec("google.genai") is not None


class GeminiGenAI:
    """Implements provider.Provider. `base_url` is empty for Google's own server."""

    name = "gemini"

    def __init__(self, api_key: str, model: str, base_url: str = "") -> None:
        self.secret = api_key
        self.model = model
        self._base_url = base_url

    def __repr__(self) -> str:
        return f"GeminiGenAI(model={self.model!r})"

    def connect(self) -> ModelConnection:
        return _Connection(self.secret, self.model, self._base_url)


class _Connection:
    def __init__(self, api_key: str, model: str, base_url: str) -> None:
        import google.genai as genai  # noqa: PLR0402  `google` is a namespace of many packages
        import httpx
        from requests import Session

        from kt.analyst.bounded_http import bound, send

        session = Session()
        self._bounded = bound(session)

        class OverRequests(httpx.BaseTransport):
            """Sends over `requests`; raises failure.RequestRefused for an error status. The library
            gets an empty response: its own parser warns about every field newer than itself."""

            seconds = 0.0

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                send(
                    session,
                    request.method,
                    str(request.url),
                    {name: value for name, value in request.headers.items() if name != "host"},
                    request.read(),
                    self.seconds,
                )
                return httpx.Response(200, content=b"{}")

        self._transport = OverRequests()
        self._model = model
        options: Any = {
            "base_url": base_url or None,
            "api_version": "v1beta",
            "httpx_client": httpx.Client(transport=self._transport, trust_env=False),
        }
        self._client = genai.Client(api_key=api_key, vertexai=False, http_options=options)

    def ask(self, question: Question, seconds: float) -> ProviderReply:
        self._transport.seconds = seconds
        config: Any = {
            "temperature": question.temperature,
            "system_instruction": question.prompt.system,
            "response_mime_type": "application/json",
            "response_schema": deepcopy(question.schema),  # the library modifies it
            "automatic_function_calling": {"disable": True},
        }
        self._client.models.generate_content(
            model=self._model, contents=question.prompt.text, config=config
        )
        return read_gemini(self._bounded.body or b"")

    def cut(self) -> None:
        self._bounded.cut()
