"""Google's GenerateContentResponse as JSON: the model's words without its thoughts, the tokens,
and why there are no words. Every field may be missing or of another type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kt.analyst.failure import Failure, one_line
from kt.analyst.provider import ProviderReply

_FINISHED = ("", "STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED")
_MOST_TOKENS = 10**9


def read_gemini(body: bytes) -> ProviderReply:
    """What the body of a success says. Raises ValueError when it is no JSON, RecursionError when
    it is too deep."""
    whole = _object(json.loads(body.decode("utf-8")))
    usage = _object(whole.get("usageMetadata"))
    sent = _count(usage.get("promptTokenCount"))
    told = _count(usage.get("candidatesTokenCount")) + _count(usage.get("thoughtsTokenCount"))
    text, failure, notes = _words(whole)
    return ProviderReply(
        text=text,
        model=model_name(whole.get("modelVersion")),
        tokens_in=sent,
        tokens_out=max(told, _count(usage.get("totalTokenCount")) - sent),
        failure=failure,
        notes=notes,
    )


def _words(whole: Mapping[str, Any]) -> tuple[str, Failure | None, tuple[str, ...]]:
    blocked = _object(whole.get("promptFeedback")).get("blockReason")
    if blocked and blocked != "BLOCK_REASON_UNSPECIFIED":
        return "", Failure("blocked", f"the prompt was refused ({_name(blocked)})"), ()
    candidates = _list(whole.get("candidates"))
    if not candidates:
        return "", Failure("reply", "the reply holds no candidate"), ()
    first = _object(candidates[0])
    parts = [_object(part) for part in _list(_object(first.get("content")).get("parts"))]
    texts = [part.get("text") for part in parts if part.get("thought") is not True]
    text = "".join(part for part in texts if isinstance(part, str))
    notes: tuple[str, ...] = ()
    if len(texts) < len(parts):
        notes = ("thoughts before the answer",)
    finish = _name(first.get("finishReason") or "")
    if finish not in _FINISHED:
        return text, Failure("blocked", f"the reply was stopped ({finish})"), notes
    if finish == "MAX_TOKENS":
        notes += ("cut off at the most tokens",)
    return text, None, notes


def model_name(value: Any) -> str:
    """A model's name as it is journaled: one short line, without Google's folder."""
    return one_line(value)[:100].removeprefix("models/") if isinstance(value, str) else ""


def _name(value: Any) -> str:
    return one_line(str(value))[:60]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int:
    """Tokens; 0 for what is no count of any."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= _MOST_TOKENS else 0
