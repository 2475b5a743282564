"""One REST call: headers, token, rate, required fields, faults, and the JSON response."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from typing import Any, NamedTuple

import msgspec

from kt.errors import UnknownStock
from kt.sim.exchange import ExchangeBroker
from kt.sim.server.access_tokens import WrongKeys
from kt.sim.server.context import ServerContext
from kt.sim.server.pages import Cursor, Page, cursor, window
from kt.sim.server.played_recording import PlayedRecording, headers_of
from kt.sim.server.request_guard import is_json
from kt.sim.wire import error_bodies, tokens
from kt.sim.wire.apis import SERVED, TOKENS, Served, documented
from kt.sim.wire.call import Call
from kt.sim.wire.error_bodies import Refusal

log = logging.getLogger("kt.exchange")
Fields = dict[str, str]
OWN = "api-id,cont-yn,next-key"
"""The broker's own headers; some clients only read the headers listed here."""


@dataclass(slots=True)
class Request:
    """The request. Header names are in lower case; `gone` returns when the client disconnects."""

    path: str
    headers: Mapping[str, str]
    content: bytes
    gone: Callable[[], Awaitable[Any]]

    @property
    def api_id(self) -> str:
        return TOKENS.get(self.path) or self.headers.get("api-id", "").strip()


@dataclass(slots=True)
class RestAnswer:
    """The response, unless a fault replaces it."""

    body: dict[str, Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    records: Any = None
    """For a caller in the same process: what it would read from the body's fields, which are left
    out then."""


def refuse(refusal: Refusal) -> RestAnswer:
    return RestAnswer(refusal.body(), refusal.status)


class Admitted(NamedTuple):
    """A call that passed the checks: API, app key and fields."""

    served: Served
    app_key: str
    fields: Fields


def admit(context: ServerContext, request: Request) -> Admitted:
    """Check the headers, the API id, its path, the token, the rate and the required fields, in
    this order."""
    api_id = request.api_id
    if not api_id:
        raise error_bodies.missing_api_id()
    api = documented(api_id)
    if api is None:
        raise error_bodies.unknown_api(api_id)
    if api.path != request.path:
        raise error_bodies.wrong_path(api_id, request.path)
    return admit_known(context, api_id, request.headers, lambda: body_fields(request))


def admit_known(
    context: ServerContext,
    api_id: str,
    headers: Mapping[str, str],
    read_fields: Callable[[], Fields],
) -> Admitted:
    """The checks from the token on, of a documented API."""
    app_key = authenticated(context, headers)
    served = SERVED.get(api_id)
    if served is None:
        raise error_bodies.not_offered()
    if not context.limits.allow(app_key, served.bucket):
        raise error_bodies.too_fast(api_id, context.limits.rate(served.bucket))
    fields = read_fields()
    for name in served.api.required:
        if not fields.get(name, "").strip():
            raise error_bodies.missing_field(name)
    return Admitted(served, app_key, fields)


def authenticated(context: ServerContext, headers: Mapping[str, str]) -> str:
    """The app key of the token; a missing header is an invalid token (8005)."""
    header = headers.get("authorization")
    if header is None:
        raise error_bodies.not_authenticated(8005)
    if not header.strip():
        raise error_bodies.not_authenticated(1513)
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise error_bodies.not_authenticated(1515 if token else 1514)
    if not token.strip():
        raise error_bodies.not_authenticated(1516)
    app_key = context.tokens.app_key(token.strip())
    if app_key is None:
        raise error_bodies.not_authenticated(8005)
    context.touch()
    return app_key


def body_fields(request: Request) -> Fields:
    """The body's fields as strings; none for an empty body."""
    if not is_json(request.headers, "application/json"):
        raise error_bodies.bad_header()
    if not request.content.strip():
        return {}
    try:
        found = msgspec.json.decode(request.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise error_bodies.bad_field("body", "JSON 형식이 아닙니다") from None
    if not isinstance(found, dict):
        raise error_bodies.bad_field("body", "JSON 형식이 아닙니다")
    return {name: "" if value is None else str(value) for name, value in found.items()}


def perform(
    context: ServerContext, admitted: Admitted, headers: Mapping[str, str], lag: float
) -> RestAnswer:
    """Execute the call on the exchange; an order's stream frames are sent with its response."""
    served, api_id = admitted.served, admitted.served.api.api_id
    try:
        at = cursor(api_id, headers)
        if at is not None and at.kept:
            return paged(context.pages.later(admitted.app_key, at))
        call = call_of(context, admitted, at or Cursor(api_id, 0))
        with context.listing_late(lag):
            reply = served.answer(call)
    except Refusal as refusal:
        return refuse(refusal)
    except UnknownStock:
        return refuse(error_bodies.no_such_stock())
    finally:
        if served.api.places_orders:
            context.pump()
    if reply.window:
        return paged(window(api_id, call.seek, reply))
    return paged(context.pages.first(admitted.app_key, api_id, reply))


def call_of(context: ServerContext, admitted: Admitted, at: Cursor) -> Call:
    """The call as the exchange's answers take it, from row `at.seek` on."""
    account = ExchangeBroker(context.exchange, admitted.app_key)
    return Call(
        body=admitted.fields,
        market=context.exchange.market,
        broker=account,
        gateway=account,
        instruments=context.instruments(),
        now=context.clock.now(),
        commission_pct=context.exchange.commission_pct,
        seek=at.seek,
        anchor=at.anchor,
        recent=context.recent,
        selected=context.selected,
    )


def paged(page: Page) -> RestAnswer:
    """The response, with the paging headers cont-yn and next-key."""
    more = "Y" if page.next_key else "N"
    headers = {"cont-yn": more, "next-key": page.next_key, "access-control-expose-headers": OWN}
    return RestAnswer(page.body, headers=headers)


def execute(
    context: ServerContext, request: Request, *, renew: bool = False, lag: float = 0.0
) -> RestAnswer:
    """Check and execute a call. Raises the refusals of the checks. `renew` replaces a valid token,
    `lag` delays the lists."""
    if request.api_id in {tokens.ISSUE, tokens.REVOKE}:
        return token_call(context, request, renew)
    if context.played is not None:
        return _recorded(context, context.played, request)
    admitted = admit(context, request)
    found = perform(context, admitted, request.headers, lag)
    if admitted.served.api.places_orders:
        said = found.body.get("ord_no") or found.body["return_msg"]
        log.info("%s %s: %s", request.api_id, admitted.fields.get("stk_cd", ""), said)
    return found


def _recorded(context: ServerContext, played: PlayedRecording, request: Request) -> RestAnswer:
    """The recorded answer. Raises Refusal for a wrong token and for what was not recorded."""
    authenticated(context, request.headers)
    next_key = request.headers.get("next-key", "")
    found = played.answer(request.api_id, body_fields(request), next_key, context.clock)
    return RestAnswer(found.body or {}, found.http_status, headers_of(found))


def date_header(context: ServerContext) -> dict[str, str]:
    """The exchange's time, so that clients can measure their clock skew."""
    return {"date": format_datetime(context.clock.now().astimezone(UTC), usegmt=True)}


def token_call(context: ServerContext, request: Request, renew: bool) -> RestAnswer:
    """au10001 and au10002."""
    fields = body_fields(request)
    if TOKENS.get(request.path) == tokens.REVOKE:
        return _revoke(context, fields)
    tokens.check_grant(fields)
    app_key, secret_key = tokens.keys(fields)
    if not context.limits.allow_token(app_key):
        raise error_bodies.too_fast(tokens.ISSUE, 1)
    try:
        token, expires = context.tokens.issue(app_key, secret_key, renew=renew)
    except WrongKeys:
        raise error_bodies.not_authenticated(8001) from None
    context.touch()
    return RestAnswer(tokens.issued(token, expires))


def _revoke(context: ServerContext, fields: Fields) -> RestAnswer:
    app_key, secret_key = tokens.keys(fields)
    token = tokens.revoked_token(fields)
    if context.tokens.app_key(token) != app_key:
        raise error_bodies.not_authenticated(8005)
    if not context.tokens.accepts(app_key, secret_key):
        raise error_bodies.not_authenticated(8001)
    context.tokens.expire(app_key)
    return RestAnswer(tokens.revoked())
