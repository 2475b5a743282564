"""The result of one send (HttpResponse), and a query's successful answer (ApiReply)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from kt.broker.rest import response_body as bodies
from kt.broker.rest.error_codes import Category
from kt.broker.rest.response_class import Classified, classify
from kt.errors import KtError, Unreachable, WireError
from kt.rules.json_depth import deeper_than

if TYPE_CHECKING:
    import httpx

MAX_NESTING = 32
"""Levels of an answer's JSON; the deepest real one has three."""


class HttpResponse(msgspec.Struct, frozen=True, dict=True):
    """The result of one send: an HTTP answer, or the error that came instead.

    `left` is false only if the request certainly never reached the server. `body` is None if
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
    breach: str = ""
    """Why the body was refused, unread to its end; empty if it was not."""
    records: Any = None
    """What the body would be read as, where an exchange in this process answered without it."""
    sent_at: datetime | None = None
    """By kt's clock; None for a request that never left."""

    @property
    def answered(self) -> bool:
        return self.http_status > 0

    @property
    def detour(self) -> bool:
        """A redirect or a 1xx answer: it does not come from the API, whatever it contains."""
        return 100 <= self.http_status < 200 or 300 <= self.http_status < 400

    @property
    def may_change(self) -> bool:
        """Whether a retry of the query may get another answer."""
        verdict = self.verdict()
        return not (self.breach or self.detour) and (verdict is None or verdict.retry)

    def verdict(self) -> Classified | None:
        """None for a success, and if there was no answer."""
        return self._classified

    @cached_property
    def _classified(self) -> Classified | None:
        return classify(self.http_status, self.body) if self.answered else None


class ApiReply(NamedTuple):
    """A query's successful answer. `nothing` = the broker said that there is no data."""

    body: dict[str, Any]
    cont_yn: str = ""
    next_key: str = ""
    date: str = ""
    """The server's Date header."""
    nothing: bool = False
    records: Any = None
    """See `HttpResponse.records`; such a reply has no body to read."""

    @property
    def more(self) -> bool:
        return self.cont_yn.strip().upper() == "Y" and bool(self.next_key.strip())


def read_response(response: httpx.Response) -> HttpResponse:
    """Read an HTTP answer. Raises the transport's errors while the body is read."""
    status, headers = response.status_code, response.headers
    found, breach = None, ""
    try:
        parts = cast(Iterable[bytes], response.stream)
        found = decode_body(bodies.read_body(parts, headers.get("content-encoding", "")))
    except bodies.InvalidBody as fault:
        breach = str(fault)
    return HttpResponse(
        f"HTTP {status}, {breach}" if breach else f"HTTP {status}",
        http_status=status,
        body=found,
        cont_yn=headers.get("cont-yn", ""),
        next_key=headers.get("next-key", ""),
        date=headers.get("date", ""),
        breach=breach,
    )


def describe_error(fault: Exception) -> str:
    """The kind of error in words: `ReadTimeout: timed out` becomes `read timeout`."""
    name = type(fault).__name__
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()
    said = str(fault).strip()
    return words if not said or "Timeout" in name else f"{words}: {said[:200]}"


def decode_body(content: bytes) -> dict[str, Any] | None:
    """The JSON object, or None for anything else. Raises InvalidBody for one that is nested deeper
    than any real answer."""
    found: dict[str, Any] | None
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = _repaired(content)
    except RecursionError:
        raise too_deep() from None
    if found is not None and deeper_than(MAX_NESTING, found):
        raise too_deep()
    return found


def too_deep() -> bodies.InvalidBody:
    return bodies.InvalidBody(f"a body of JSON nested deeper than {MAX_NESTING} levels")


def _repaired(content: bytes) -> dict[str, Any] | None:
    """The object of a body with a byte order mark, a raw control character, or a truncated
    character in a name that was cut to its column's width: the other fields are still good. A
    lone surrogate escape is replaced too, because it could not be stored."""
    try:
        found = json.loads(content.decode("utf-8-sig", "replace"), strict=False)
        whole = json.dumps(found, ensure_ascii=False).encode(errors="replace")
        return json.loads(whole) if isinstance(found, dict) else None
    except ValueError:
        return None
    except RecursionError:
        raise too_deep() from None


def query_error(api_id: str, answer: HttpResponse, verdict: Classified | None) -> KtError:
    """The error for a query without a usable answer."""
    if answer.detour:
        redirects = "the server redirects, and kt follows no redirect"
        said = redirects if answer.http_status >= 300 else "the server only announced an answer"
        return Unreachable(
            f"{api_id}: {said} ({answer.evidence})",
            hint="Check the server's address: base_url of the profile, or KT_BASE_URL.",
            code=answer.evidence,
        )
    if answer.answered and answer.http_status < 300 and answer.body is None:
        what = "an answer beyond kt's bounds" if answer.breach else "something else than JSON"
        return WireError(f"{api_id} body", answer.evidence, hint=f"The server sent {what}.")
    if verdict is not None and (answer.body is not None or verdict.category is Category.LIMITS):
        return verdict.error(api_id)
    return Unreachable(
        f"{api_id}: {answer.evidence}",
        hint="Check the network and the server's address; `kt doctor` helps.",
        code=answer.evidence if answer.answered else None,
    )
