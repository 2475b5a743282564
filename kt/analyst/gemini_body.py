"""Parses Google's GenerateContentResponse (JSON): the model's text without its thoughts, the
tokens, and the reason when there is no text. Any field may be missing or of another type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kt.analyst.body import as_list, as_object, count, model_name, short
from kt.analyst.failure import Failure
from kt.analyst.provider import ProviderReply

_FINISHED = ("", "STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED")


def read_gemini(body: bytes) -> ProviderReply:
    """The reply in the body of a successful response. Raises ValueError when it is not JSON,
    RecursionError when it is nested too deeply."""
    whole = as_object(json.loads(body.decode("utf-8")))
    usage = as_object(whole.get("usageMetadata"))
    sent = count(usage.get("promptTokenCount"))
    received = count(usage.get("candidatesTokenCount")) + count(usage.get("thoughtsTokenCount"))
    text, failure, notes = _text(whole)
    return ProviderReply(
        text=text,
        model=model_name(whole.get("modelVersion")),
        tokens_in=sent,
        tokens_out=max(received, count(usage.get("totalTokenCount")) - sent),
        failure=failure,
        notes=notes,
    )


def _text(whole: Mapping[str, Any]) -> tuple[str, Failure | None, tuple[str, ...]]:
    blocked = as_object(whole.get("promptFeedback")).get("blockReason")
    if blocked and blocked != "BLOCK_REASON_UNSPECIFIED":
        return "", Failure("blocked", f"the prompt was refused ({short(blocked)})"), ()
    candidates = as_list(whole.get("candidates"))
    if not candidates:
        return "", Failure("reply", "the reply holds no candidate"), ()
    first = as_object(candidates[0])
    parts = [as_object(part) for part in as_list(as_object(first.get("content")).get("parts"))]
    texts = [part.get("text") for part in parts if part.get("thought") is not True]
    text = "".join(part for part in texts if isinstance(part, str))
    notes: tuple[str, ...] = ()
    if len(texts) < len(parts):
        notes = ("thoughts before the answer",)
    finish = short(first.get("finishReason") or "")
    if finish not in _FINISHED:
        return text, Failure("blocked", f"the reply was stopped ({finish})"), notes
    if finish == "MAX_TOKENS":
        notes += ("cut off at the most tokens",)
    return text, None, notes
