"""Classifies a failed request, whatever library raised it: its kind, and when to retry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MAX_TEXT = 300

BY_STATUS = {401: "auth", 403: "auth", 404: "model", 408: "timeout", 429: "quota", 504: "timeout"}
_BY_NAME = {
    "timeout": "timeout", "readtimeout": "timeout", "connecttimeout": "timeout",
    "deadlineexceeded": "timeout", "gatewaytimeout": "timeout", "apitimeouterror": "timeout",
    "timeoutexception": "timeout", "timeouterror": "timeout", "retryerror": "timeout",
    "unauthenticated": "auth", "permissiondenied": "auth", "googleautherror": "auth",
    "authenticationerror": "auth", "permissiondeniederror": "auth",
    "resourceexhausted": "quota", "toomanyrequests": "quota", "ratelimiterror": "quota",
    "notfound": "model", "notfounderror": "model",
    "chunkedencodingerror": "unreachable", "connectionerror": "unreachable",
    "apiconnectionerror": "unreachable", "transporterror": "unreachable",
    "networkerror": "unreachable", "serverdisconnectederror": "unreachable",
    "serviceunavailable": "unavailable", "internalservererror": "unavailable",
    "requestexception": "request", "googleapierror": "request", "apierror": "request",
    "httperror": "request",
    "parseerror": "reply", "jsondecodeerror": "reply", "unicodedecodeerror": "reply",
    "validationerror": "reply", "recursionerror": "reply",
}  # fmt: skip
"""Kind by the name of the exception's class, or of its first base class that is listed."""
_ADDRESS = re.compile(r"^(\d+ )?(?:GET|POST) \S+: ")
_DELAY = re.compile(r'"?retry_?-?[Dd]elay"?\s*[:=]\s*\{?\s*"?(?:seconds["\s:]*)?(\d+(?:\.\d+)?)s?')


@dataclass(frozen=True, slots=True)
class Failure:
    """`kind` is one of records.FAILURES. `retry_after` is the delay in seconds that the server
    asked for, if any."""

    kind: str
    words: str
    retry_after: float | None = None

    @property
    def text(self) -> str:
        return f"{self.kind}: {self.words}"


class RequestRefused(Exception):
    """The server answered with an error status; `response` is the object of `requests`."""

    def __init__(self, status: int, words: str, response: Any) -> None:
        super().__init__(f"{status} {words}".strip())
        self.status_code = status
        self.response = response


def of_exception(raised: BaseException, timeout: float, now: datetime) -> Failure:
    """The failure that an exception of any library stands for; an unknown one is `defect`, with its
    class name. `timeout` in seconds is named in the text of a timeout."""
    status = _status(raised)
    kind = of_status(status) if status else ""
    names = [base.__name__.casefold() for base in type(raised).__mro__]
    kind = kind or next((_BY_NAME[name] for name in names if name in _BY_NAME), "defect")
    words = _ADDRESS.sub(r"\1", one_line(_text(raised)))
    if "API key" in words or "API_KEY_INVALID" in words or "api_key" in words.casefold():
        kind = "auth"
    if kind == "timeout":
        words = f"no answer within {timeout:g} s"
    if kind in ("defect", "reply"):
        words = f"{type(raised).__name__} {words}".strip()
    response = getattr(raised, "response", None)
    return Failure(kind, words[:MAX_TEXT], _retry_after(response, _text(raised), now))


def of_status(status: int) -> str:
    """The kind of failure for an HTTP error status."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    return "unavailable" if status >= 500 else "request"


def one_line(text: str) -> str:
    return " ".join(text[: 10 * MAX_TEXT].split())


def _text(raised: BaseException) -> str:
    """The exception's message; empty if its `__str__` fails."""
    try:
        return str(raised)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return ""


def _status(raised: BaseException) -> int:
    for where in (raised, getattr(raised, "response", None)):
        for name in ("status_code", "code"):
            value = getattr(where, name, None)
            number = getattr(value, "value", value)
            if isinstance(number, int) and not isinstance(number, bool) and 400 <= number < 600:
                return number
    return 0


def _retry_after(response: Any, words: str, now: datetime) -> float | None:
    """From the header `Retry-After` (seconds or a date), or Google's `retryDelay` in the body."""
    headers = getattr(response, "headers", None)
    named = headers.get("Retry-After") if isinstance(headers, Mapping) else None
    if named:
        return _seconds(str(named), now)
    body = getattr(response, "text", "")
    delay = _DELAY.search(body[:20_000] if isinstance(body, str) else "") or _DELAY.search(words)
    return float(delay[1]) if delay else None


def _seconds(named: str, now: datetime) -> float | None:
    try:
        return max(0.0, float(named)) if float(named) < 1e9 else None
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(named)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
