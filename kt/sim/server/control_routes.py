"""The exchange's own paths under `/kt/`: its clock for everybody, the rest for its user alone."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kt import __version__
from kt.errors import UsageError
from kt.sim.exchange import Steer
from kt.sim.faults import parse_faults
from kt.sim.server import request_guard
from kt.sim.server.context import ServerContext

Handler = Callable[[ServerContext, Request, Any], Response]


def routes(desk: ServerContext) -> list[Route]:
    """What is served. `/kt/clock` alone needs no key: whoever trades here needs the time."""

    def kept(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await _kept(desk, request, handler)

        return answer

    async def clock(request: Request) -> Response:
        return JSONResponse(clock_of(desk))

    return [
        Route("/kt/clock", clock, methods=["GET"]),
        Route("/kt/status", kept(_status), methods=["GET"]),
        Route("/kt/market", kept(_market), methods=["GET", "POST"]),
        Route("/kt/faults", kept(_faults), methods=["GET", "POST", "DELETE"]),
    ]


async def _kept(desk: ServerContext, request: Request, handler: Handler) -> Response:
    """Only with the key of the state folder, and only JSON."""
    if not request_guard.holds_key(request, desk.control_key):
        return JSONResponse({"error": "this needs the key of the exchange's state folder"}, 403)
    content = await request_guard.body(request)
    if isinstance(content, Response):
        return content
    try:
        given = _given(request, content)
        return handler(desk, request, given)
    except UsageError as error:
        return JSONResponse({"error": str(error)}, 400)


def _given(request: Request, content: bytes) -> Any:
    """What a POST brings. Raises UsageError when it is not JSON or does not say so."""
    if request.method != "POST":
        return None
    if not request_guard.is_json(request.headers):
        raise UsageError("the body must be application/json")
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}") from error


def _status(desk: ServerContext, request: Request, given: Any) -> Response:
    if "use" in request.query_params:
        desk.touch()
    return JSONResponse(describe(desk))


def _faults(desk: ServerContext, request: Request, given: Any) -> Response:
    if request.method == "POST":
        desk.faults.replace(parse_faults(given, "request"))
    elif request.method == "DELETE":
        desk.faults.replace([])
    return JSONResponse({"rules": desk.faults.report()})


def _market(desk: ServerContext, request: Request, given: Any) -> Response:
    """Steers one stock; a GET shows what holds for `?stock_code=`."""
    if request.method == "GET":
        steered = desk.exchange.steered(request.query_params.get("stock_code", ""))
    else:
        try:
            wish = msgspec.convert(given, Steer)
        except msgspec.ValidationError as error:
            raise UsageError(str(error)) from error
        steered = desk.exchange.steer(wish)
    return JSONResponse(msgspec.to_builtins(steered))


def clock_of(desk: ServerContext) -> dict[str, Any]:
    """`GET /kt/clock`: the three numbers make the same clock elsewhere."""
    clock = desk.clock
    return {
        "now": clock.now().isoformat(),
        "anchor": clock.anchor.isoformat(),
        "anchor_real": clock.anchor_real,
        "speed": clock.speed,
    }


def describe(desk: ServerContext) -> dict[str, Any]:
    """`GET /kt/status`."""
    settings = desk.settings
    return {
        **clock_of(desk),
        "seed": settings.seed,
        "costs": settings.costs,
        "rate": settings.rate,
        "sessions": len(desk.hub),
        "idle_seconds": round(desk.idle_seconds(), 1),
        "pid": os.getpid(),
        "version": __version__,
    }
