"""The way of a call through the faults: before the exchange takes it, and after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from kt.sim.faults import ORDERS, Rule
from kt.sim.server import rest
from kt.sim.server.desk import Desk
from kt.sim.server.rest import Answer, Request
from kt.sim.wire import errors, tokens
from kt.sim.wire.errors import Refusal

log = logging.getLogger("kt.exchange")
AN_HOUR = 3600.0
HTML = b"<html><head><title>503</title></head><body>Service Unavailable</body></html>"


class Torn(Exception):
    """The connection is to be cut without an answer."""


class Raw:
    """An answer that is not the broker's: its bytes, its status."""

    def __init__(self, status: int, content: bytes, kind: str = "text/html") -> None:
        self.status = status
        self.content = content
        self.kind = kind


async def answer(desk: Desk, request: Request) -> Answer | Raw:
    """Raises Torn when the connection is to be cut."""
    rules = desk.faults.call(request.api_id)
    for rule in rules:
        log.info("fault: %s %s (%s)", request.api_id, rule.action, rule.when)
    try:
        early = await _before(desk, request, rules)
        if early is not None:
            return early
        found = _taken(desk, request, rules)
    except Refusal as refusal:
        return rest.refuse(refusal)
    return await _after(found, request, rules)


def _taken(desk: Desk, request: Request, rules: Sequence[Rule]) -> Answer:
    if request.api_id in {tokens.ISSUE, tokens.REVOKE}:
        return rest.token_call(desk, request, any(rule.action == "renew" for rule in rules))
    admitted = rest.admit(desk, request)
    lag = max((rule.seconds for rule in rules if rule.action == "late"), default=0.0)
    found = rest.perform(desk, admitted, request.headers, lag)
    if admitted.api.is_order:
        said = found.body.get("ord_no") or found.body["return_msg"]
        log.info("%s %s: %s", request.api_id, admitted.fields.get("stk_cd", ""), said)
    return found


async def _before(desk: Desk, request: Request, rules: Sequence[Rule]) -> Answer | Raw | None:
    """What happens instead of the call; raises the refusals that the faults ask for."""
    for rule in rules:
        if rule.action == "delay" and rule.when == "before":
            await asyncio.sleep(rule.seconds)
        elif rule.action == "rate":
            raise errors.too_fast(request.api_id, desk.limits.rate(request.api_id))
        elif rule.action == "token_dead":
            desk.tokens.end(rest.authenticated(desk, request.headers))
            raise errors.not_authenticated(8005)
        elif rule.when == "before":
            broken = await _broken(rule, request)
            if broken is not None:
                return broken
    return None


async def _after(found: Answer, request: Request, rules: Sequence[Rule]) -> Answer | Raw:
    for rule in rules:
        if rule.when != "after":
            continue
        if rule.action == "delay":
            await asyncio.sleep(rule.seconds)
        elif rule.action == "no_order_number" and request.api_id in ORDERS:
            found.body.pop("ord_no", None)
        elif rule.action == "no_return_code":
            _strip(found.body)
        else:
            broken = await _broken(rule, request)
            if broken is not None:
                return broken
    return found


def _strip(body: dict[str, Any]) -> None:
    body.pop("return_code", None)
    body.pop("return_msg", None)


async def _broken(rule: Rule, request: Request) -> Raw | None:
    if rule.action == "hang":
        waiting = asyncio.ensure_future(request.gone())
        await asyncio.wait({waiting}, timeout=rule.seconds or AN_HOUR)
        waiting.cancel()
        raise Torn
    if rule.action == "cut":
        raise Torn
    if rule.action == "status":
        return Raw(rule.status, HTML)
    if rule.action == "empty":
        return Raw(200, b"", "application/json;charset=UTF-8")
    if rule.action == "not_json":
        return Raw(200, HTML)
    return None


def encoded(found: Answer | Raw) -> tuple[int, bytes, str, dict[str, str]]:
    """Status, content, content type and headers."""
    if isinstance(found, Raw):
        return found.status, found.content, found.kind, {}
    content = msgspec.json.encode(found.body)
    return found.status, content, "application/json;charset=UTF-8", found.headers
