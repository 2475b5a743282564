"""The control routes under `/kt/`: the clock is public, the others need the control key."""

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


def routes(context: ServerContext) -> list[Route]:
    """The routes. `/kt/clock` needs no key: every client needs the time."""

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await _guarded(context, request, handler)

        return answer

    async def clock(request: Request) -> Response:
        return JSONResponse(clock_of(context))

    return [
        Route("/kt/clock", clock, methods=["GET"]),
        Route("/kt/status", guarded(_status), methods=["GET"]),
        Route("/kt/market", guarded(_market), methods=["GET", "POST"]),
        Route("/kt/faults", guarded(_faults), methods=["GET", "POST", "DELETE"]),
    ]


async def _guarded(context: ServerContext, request: Request, handler: Handler) -> Response:
    """Run the handler if the request has the control key and a JSON body."""
    if not request_guard.holds_key(request, context.control_key):
        return JSONResponse({"error": "this needs the key of the exchange's state folder"}, 403)
    content = await request_guard.body(request)
    if isinstance(content, Response):
        return content
    try:
        given = _given(request, content)
        return handler(context, request, given)
    except UsageError as error:
        return JSONResponse({"error": str(error)}, 400)


def _given(request: Request, content: bytes) -> Any:
    """The body of a POST. Raises UsageError if it is not JSON or has another content type."""
    if request.method != "POST":
        return None
    if not request_guard.is_json(request.headers):
        raise UsageError("the body must be application/json")
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}") from error


def _status(context: ServerContext, request: Request, given: Any) -> Response:
    if "use" in request.query_params:
        context.touch()
    return JSONResponse(describe(context))


def _faults(context: ServerContext, request: Request, given: Any) -> Response:
    if request.method == "POST":
        context.faults.replace(parse_faults(given, "request"))
    elif request.method == "DELETE":
        context.faults.replace([])
    return JSONResponse({"rules": context.faults.report()})


def _market(context: ServerContext, request: Request, given: Any) -> Response:
    """Steers one stock; a GET returns the state of `?stock_code=`."""
    if request.method == "GET":
        steered = context.exchange.steered(request.query_params.get("stock_code", ""))
    else:
        try:
            steering = msgspec.convert(given, Steer)
        except msgspec.ValidationError as error:
            raise UsageError(str(error)) from error
        steered = context.exchange.steer(steering)
    return JSONResponse(msgspec.to_builtins(steered))


def clock_of(context: ServerContext) -> dict[str, Any]:
    """`GET /kt/clock`: anchor, anchor_real and speed let a client build the same clock."""
    clock = context.scaled_clock
    return {
        "now": clock.now().isoformat(),
        "anchor": clock.anchor.isoformat(),
        "anchor_real": clock.anchor_real,
        "speed": clock.speed,
    }


def describe(context: ServerContext) -> dict[str, Any]:
    """`GET /kt/status`."""
    settings = context.settings
    return {
        **clock_of(context),
        "seed": settings.seed,
        "signals": settings.signals,
        "costs": settings.costs,
        "rate": settings.rate,
        "sessions": len(context.fan_out),
        "idle_seconds": round(context.idle_seconds(), 1),
        "pid": os.getpid(),
        "version": __version__,
    }
