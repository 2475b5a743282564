"""What a provider of models is to kt: one request at a time, and a line that can be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from kt.analyst.failure import Failure
from kt.analyst.prompt import Prompt


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What came back, as far as it can be told: the model's words, who it says it is, and the
    tokens; or the failure."""

    text: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent. `schema` is the form of the reply, as JSON Schema in the OpenAPI dialect."""

    prompt: Prompt
    schema: dict[str, Any]
    temperature: float


class ModelConnection(Protocol):
    """A way to the provider that is used for one request."""

    def ask(self, question: Question, seconds: float) -> ProviderReply:
        """One request, no retry. May raise anything; `seconds` is for single reads."""
        ...

    def cut(self) -> None:
        """End what is under way, from another thread."""
        ...


class Provider(Protocol):
    """Adapters: gemini (two libraries), openai."""

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def secret(self) -> str:
        """The key, for its removal from whatever comes back; empty when there is none."""
        ...

    def line(self) -> ModelConnection:
        """May raise anything."""
        ...
