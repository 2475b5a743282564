"""Gemini through google-generativeai, over its REST transport: one request, no retry."""

from __future__ import annotations

import warnings
from threading import Lock
from typing import Any

from kt.analyst.gemini_body import read_gemini
from kt.analyst.provider import ModelConnection, ProviderReply, Question

_IMPORTING = Lock()


class Gemini:
    """Implements provider.Provider. `base_url` is empty for Google's own server."""

    def __init__(self, api_key: str, model: str, base_url: str = "") -> None:
        self._api_key = api_key
        self._model = model
        self._base_url = base_url

    def __repr__(self) -> str:
        return f"Gemini(model={self._model!r})"

    @property
    def name(self) -> str:
        return "gemini"

    @property
    def model(self) -> str:
        return self._model

    @property
    def secret(self) -> str:
        return self._api_key

    def line(self) -> ModelConnection:
        return _Line(imported(), self._api_key, self._model, self._base_url)


def imported() -> Any:
    """The vendor's library. It is imported at the first question: that takes a third of a second,
    and it warns that its vendor has turned to its successor."""
    with _IMPORTING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import google.ai.generativelanguage
        import google.generativeai

        return google.generativeai


class _Line:
    """The library's client with everything it does behind one's back switched off. It costs
    nothing, so each request has its own and can be cut without another's harm."""

    def __init__(self, library: Any, api_key: str, model: str, base_url: str) -> None:
        from google.ai.generativelanguage import GenerativeServiceClient
        from google.ai.generativelanguage_v1beta.services.generative_service.transports import (
            GenerativeServiceRestTransport,
        )
        from google.auth.api_key import Credentials
        from google.auth.exceptions import RefreshError

        from kt.analyst.bounded_http import bound

        class Key(Credentials):
            def refresh(self, request: object) -> None:
                """A refused key cannot be renewed: without this a 401 is sent three times."""
                raise RefreshError("the API key was refused")  # type: ignore[no-untyped-call]

        server: dict[str, Any] = {"host": base_url.rstrip("/")} if base_url else {}
        transport = GenerativeServiceRestTransport(
            credentials=Key(api_key),  # type: ignore[no-untyped-call]
            **server,
        )
        self._library = library
        self._model = model
        self._client = GenerativeServiceClient(transport=transport)
        self._bounded = bound(transport._session)

    def ask(self, question: Question, seconds: float) -> ProviderReply:
        """The library's own reading of the body is not used: it drops the marks of thoughts, and
        fails at names that are newer than itself."""
        from google.protobuf.json_format import ParseError

        model = self._library.GenerativeModel(
            self._model,
            system_instruction=question.prompt.system,
            generation_config={
                "temperature": question.temperature,
                "response_mime_type": "application/json",
                "response_schema": question.schema,
            },
        )
        model._client = self._client  # the library would make one from its global settings
        try:
            # By default a failing request would be repeated for ten minutes.
            model.generate_content(
                question.prompt.text, request_options={"timeout": seconds, "retry": None}
            )
        except (ParseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            if self._bounded.body is None:
                raise
        return read_gemini(self._bounded.body or b"")

    def cut(self) -> None:
        self._bounded.cut()
