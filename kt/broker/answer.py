"""What came back from one send, and what a good reply holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from kt.broker.taxonomy import Category
from kt.broker.verdict import Verdict, classify
from kt.errors import KtError, Unreachable, WireError


@dataclass(frozen=True, slots=True)
class Answer:
    """What one send brought, as it is: an HTTP answer, or the fault that came instead.

    `left` is false only when the request surely never reached the server. `body` is None when
    the answer was not a JSON object.
    """

    evidence: str
    left: bool = True
    http_status: int = 0
    body: dict[str, Any] | None = None
    cont_yn: str = ""
    next_key: str = ""
    date: str = ""
    error: KtError | None = None
    """Set when the call failed before it could be sent (no token, no budget)."""

    @property
    def answered(self) -> bool:
        return self.http_status > 0

    def verdict(self) -> Verdict | None:
        return classify(self.http_status, self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """A query's good answer. `nothing` = the broker said that there is no data."""

    body: dict[str, Any]
    cont_yn: str = ""
    next_key: str = ""
    date: str = ""
    """The server's Date header."""
    nothing: bool = False

    @property
    def more(self) -> bool:
        return self.cont_yn.strip().upper() == "Y" and bool(self.next_key.strip())


def described(fault: Exception) -> str:
    """`ReadTimeout: timed out` as `read timeout`: the kind of fault in words."""
    name = type(fault).__name__
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    said = str(fault).strip()
    return words if not said or "Timeout" in name else f"{words}: {said[:200]}"


def decoded(content: bytes) -> dict[str, Any] | None:
    """The JSON object, or None for anything else."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _mended(content)


def _mended(content: bytes) -> dict[str, Any] | None:
    """The object of a body with a byte order mark, a raw control character, or half a letter in
    a name that was cut to its column's width: no reason to lose what stands beside it."""
    try:
        found = json.loads(content.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def failure(api_id: str, answer: Answer, verdict: Verdict | None) -> KtError:
    """What a query that brought nothing usable raises."""
    if answer.answered and answer.http_status < 300 and answer.body is None:
        return WireError(
            f"{api_id} body", answer.evidence, hint="The server answered something else than JSON."
        )
    if verdict is not None and (answer.body is not None or verdict.category is Category.LIMITS):
        return verdict.error(api_id)
    return Unreachable(
        f"{api_id}: {answer.evidence}",
        hint="Check the network and the server's address; `kt doctor` helps.",
        code=answer.evidence if answer.answered else None,
    )
