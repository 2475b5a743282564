"""Applies faults to a call, before and after the exchange executes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from kt.sim.exchange.refusals import TEXTS
from kt.sim.faults import FaultRule
from kt.sim.server import malformed_bodies, rest_call
from kt.sim.server.context import ServerContext
from kt.sim.server.malformed_bodies import RawAnswer
from kt.sim.server.rest_call import Request, RestAnswer
from kt.sim.wire import error_bodies
from kt.sim.wire.error_bodies import Refusal
from kt.sim.wire.values import bare_code

log = logging.getLogger("kt.exchange")
AN_HOUR = 3600.0
REFUSED = "주문이 거부되었습니다."
"""The text if neither the rule nor the exchange has one for a code."""


class ConnectionCut(Exception):
    """The connection must be closed without a response."""


async def answer(context: ServerContext, request: Request) -> RestAnswer | RawAnswer:
    """Raises ConnectionCut if a fault closes the connection."""
    rules = context.faults.call(request.api_id, _stock(context, request))
    for rule in rules:
        log.info("fault: %s %s (%s)", request.api_id, rule.action, rule.when)
    try:
        early = await _before(context, request, rules)
        if early is not None:
            return early
        found = _taken(context, request, rules)
    except Refusal as refusal:
        return rest_call.refuse(refusal)
    return await _after(found, request, rules)


def _stock(context: ServerContext, request: Request) -> str:
    """The call's stock code, if a rule depends on it."""
    if not context.faults.by_stock:
        return ""
    try:
        return bare_code(rest_call.body_fields(request).get("stk_cd", ""))
    except Refusal:
        return ""


def _taken(context: ServerContext, request: Request, rules: Sequence[FaultRule]) -> RestAnswer:
    lag = max((rule.seconds for rule in rules if rule.action == "late"), default=0.0)
    renew = any(rule.action == "renew" for rule in rules)
    return rest_call.execute(context, request, renew=renew, lag=lag)


async def _before(
    context: ServerContext, request: Request, rules: Sequence[FaultRule]
) -> RawAnswer | None:
    """The result in place of the call; raises the refusals of the faults."""
    for rule in rules:
        if rule.action == "rate":
            raise error_bodies.too_fast(request.api_id, context.limits.rate(request.api_id))
        if rule.action == "token_dead":
            context.tokens.expire(rest_call.authenticated(context, request.headers))
            raise error_bodies.not_authenticated(8005)
        if rule.action == "refuse":
            raise error_bodies.order_refused(
                rule.code, rule.message or TEXTS.get(rule.code, REFUSED)
            )
        if rule.when == "before":
            await _wait(rule, request)
            found = await malformed_bodies.instead(rule, b"")
            if found is not None:
                return found
    return None


async def _after(
    found: RestAnswer, request: Request, rules: Sequence[FaultRule]
) -> RestAnswer | RawAnswer:
    for rule in rules:
        if rule.when == "after" and not malformed_bodies.changed(rule, request.api_id, found.body):
            await _wait(rule, request)
            content = malformed_bodies.encoded(found.body)
            sent = malformed_bodies.around(rule, content) or await malformed_bodies.instead(
                rule, content
            )
            if sent is not None:
                sent.headers = {**found.headers, **sent.headers}
                return sent
    return found


async def _wait(rule: FaultRule, request: Request) -> None:
    """Wait as the rule requires. Raises ConnectionCut if it closes the connection."""
    if rule.action == "delay":
        await asyncio.sleep(rule.seconds)
    elif rule.action == "hang":
        waiting = asyncio.ensure_future(request.gone())
        await asyncio.wait({waiting}, timeout=rule.seconds or AN_HOUR)
        waiting.cancel()
        raise ConnectionCut
    elif rule.action == "cut":
        raise ConnectionCut


def encoded(found: RestAnswer | RawAnswer) -> RawAnswer:
    """The bytes of a response."""
    if isinstance(found, RawAnswer):
        return found
    return RawAnswer(
        found.status, malformed_bodies.encoded(found.body), malformed_bodies.JSON, found.headers
    )
