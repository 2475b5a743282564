"""Reads what a model sent back: objects, tokens, or one line that says what went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from kt.rules.nesting import deeper_than

MAX_NESTING = 32
"""Levels of a reply's JSON; what is asked for has two."""
TOO_DEEP = f"not JSON objects: the reply is nested deeper than {MAX_NESTING} levels"

_BY_TYPE = {
    "Timeout": "timeout",
    "ReadTimeout": "timeout",
    "ConnectTimeout": "timeout",
    "DeadlineExceeded": "timeout",
    "GatewayTimeout": "timeout",
    "Unauthenticated": "auth",
    "Unauthorized": "auth",
    "PermissionDenied": "auth",
    "Forbidden": "auth",
    "ResourceExhausted": "quota",
    "TooManyRequests": "quota",
    "ServiceUnavailable": "unavailable",
    "InternalServerError": "unavailable",
    "BadGateway": "unavailable",
    "ConnectionError": "unreachable",
    "NotFound": "model",
    "GoogleAuthError": "auth",
}
"""The kind of failure by the library's name for it. What is missing here is `request`."""

MOST_LETTERS = 1_000_000
"""Of a reply: some hundred times what was asked for."""
_FINISHED = ("STOP", "MAX_TOKENS")
_FINISH = (
    "",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
)
_BLOCKED = ("", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT")
"""The library gives numbers for these names; 0 is unspecified."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as far as it could be read. `error` is `kind: words`, or empty."""

    objects: tuple[dict[str, Any], ...] = ()
    raw: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    error: str = ""


def failure_text(failure: Exception, timeout: float) -> str:
    """One line for a request that brought no reply: auth, quota, timeout, unavailable, …"""
    names = [kind.__name__ for kind in type(failure).__mro__]
    kind = next((_BY_TYPE[name] for name in names if name in _BY_TYPE), "request")
    words = re.sub(r"^(\d+ )?POST \S+: ", r"\1", " ".join(str(failure).split()))[:300]
    if "API key" in words or "API_KEY_INVALID" in words:
        kind = "auth"
    if kind == "timeout":
        words = f"no answer within {timeout:g} s"
    return f"{kind}: {words}"


def read_reply(response: dict[str, Any]) -> Reply:
    """The objects of a reply of this shape (Google's GenerateContentResponse as a dict)."""
    usage = response.get("usage_metadata") or {}
    tokens_in = int(usage.get("prompt_token_count") or 0)
    told = int(usage.get("candidates_token_count") or 0)
    tokens_out = max(told, int(usage.get("total_token_count") or 0) - tokens_in)
    raw, error = _text(response)
    objects: tuple[dict[str, Any], ...] = ()
    if not error:
        objects, error = _objects(raw)
    return Reply(objects, raw, tokens_in, max(0, tokens_out), error)


def _text(response: dict[str, Any]) -> tuple[str, str]:
    """The words of the first candidate, and why there are none."""
    feedback = response.get("prompt_feedback") or {}
    blocked = _name(feedback.get("block_reason"), _BLOCKED)
    if blocked:
        return "", f"blocked: the prompt was refused ({blocked})"
    candidates = response.get("candidates") or []
    if not candidates:
        return "", "empty: the reply holds no candidate"
    parts = (candidates[0].get("content") or {}).get("parts") or []
    text = "".join(part.get("text") or "" for part in parts)
    finish = _name(candidates[0].get("finish_reason"), _FINISH)
    if finish and finish not in _FINISHED:
        return text, f"blocked: the reply was stopped ({finish})"
    if not text.strip():
        return text, "empty: the reply holds no text"
    return text, ""


def _objects(raw: str) -> tuple[tuple[dict[str, Any], ...], str]:
    if len(raw) > MOST_LETTERS:
        return (), f"too long: {len(raw):,} characters, more than {MOST_LETTERS:,}"
    try:
        found = msgspec.json.decode(raw.strip().encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return (), f"not JSON: {error}"
    except RecursionError:
        return (), TOO_DEEP
    if isinstance(found, dict | list) and deeper_than(MAX_NESTING, found):
        return (), TOO_DEEP
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        return (), "not JSON objects: the reply is a list of something else"
    return tuple(items), ""


def _name(value: object, names: tuple[str, ...]) -> str:
    """The name of an enumeration's number; empty for unspecified, the number if it is new."""
    number = int(str(value or 0))
    return names[number] if 0 <= number < len(names) else str(number)
