"""Gemini through google-generativeai, over its REST transport: one request, no retry."""

from __future__ import annotations

import warnings
from threading import Lock
from typing import Any

from kt.analyst.gemini_body import read_gemini
from kt.analyst.provider import ModelConnection, ProviderReply, Question

_IMPORT_LOCK = Lock()


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

    def connect(self) -> ModelConnection:
        return _Connection(imported(), self._api_key, self._model, self._base_url)


def imported() -> Any:
    """The vendor's library, imported at the first request: the import takes a third of a second.
    Its deprecation warning is suppressed."""
    with _IMPORT_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import google.ai.generativelanguage
        import google.generativeai

        return google.generativeai


class _Connection:
    """The library's client without its automatic retries and credential refreshes. It is cheap to
    make, so each request has its own and can be aborted without affecting another."""

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
                """A rejected key cannot be renewed; otherwise a 401 is retried three times."""
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
        """One request. The body is parsed by `gemini_body`: the library's own parser drops the
        flag that marks thoughts, and fails on enum values that are newer than itself."""
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
        model._client = self._client  # otherwise the library makes one from its global settings
        try:
            # By default the library retries a failing request for ten minutes.
            model.generate_content(
                question.prompt.text, request_options={"timeout": seconds, "retry": None}
            )
        except (ParseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            if self._bounded.body is None:
                raise
        return read_gemini(self._bounded.body or b"")

    def cut(self) -> None:
        self._bounded.cut()
