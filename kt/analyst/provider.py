"""The interface to a provider of models: one request per connection, which can be aborted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from kt.analyst.failure import Failure
from kt.analyst.prompt import Prompt


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What came back: the model's text, the name it gives itself, and the tokens used; or the
    failure. `notes` say what was removed from the text or cut off."""

    text: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `schema` describes the reply, as JSON Schema in the OpenAPI dialect."""

    prompt: Prompt
    schema: dict[str, Any]
    temperature: float


class ModelConnection(Protocol):
    """A connection to the provider, used for one request."""

    def ask(self, question: Question, seconds: float) -> ProviderReply:
        """One request, without retries. May raise anything; `seconds` is the timeout of a single
        read."""
        ...

    def cut(self) -> None:
        """Abort the running request; called from another thread."""
        ...


class Provider(Protocol):
    """Implemented by gemini and genai (Google's two libraries) and openai."""

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def secret(self) -> str:
        """The API key, to be redacted from replies; empty when there is none."""
        ...

    def connect(self) -> ModelConnection:
        """A new connection; the first may import the vendor's library. May raise anything."""
        ...
