"""The routes: the broker's paths, the WebSocket, and what belongs to the exchange itself."""

from __future__ import annotations

import os
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from kt import __version__
from kt.errors import ConfigError
from kt.sim.faults import parse_faults
from kt.sim.place import STREAM_PATH
from kt.sim.server import faulty, transport
from kt.sim.server.desk import Desk
from kt.sim.server.rest import Request
from kt.sim.server.session import Session

FIREWALLED = "Python-urllib/"
"""Programs that say so, as urllib does by default, do not get past the broker's firewall."""


def build(desk: Desk) -> Router:
    """The ASGI application."""

    async def call(http: HttpRequest) -> Response:
        return await _call(desk, http)

    async def stream(socket: WebSocket) -> None:
        await Session(socket, desk).run()

    async def status(http: HttpRequest) -> Response:
        if "use" in http.query_params:
            desk.touch()
        return JSONResponse(describe(desk), headers=_date(desk))

    async def faults(http: HttpRequest) -> Response:
        if http.method == "POST":
            try:
                rules = parse_faults(msgspec.json.decode(await http.body()), "request")
            except (msgspec.DecodeError, ConfigError) as error:
                return JSONResponse({"error": str(error)}, 400)
            desk.faults.replace(rules)
        elif http.method == "DELETE":
            desk.faults.replace([])
        return JSONResponse({"rules": desk.faults.report()})

    return Router(
        [
            WebSocketRoute(STREAM_PATH, stream),
            Route("/kt/status", status, methods=["GET"]),
            Route("/kt/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/{path:path}", call, methods=["POST"]),
        ]
    )


async def _call(desk: Desk, http: HttpRequest) -> Response:
    """One request for an API."""
    if http.headers.get("user-agent", "").startswith(FIREWALLED):
        return Response(firewall_page(), 400, _date(desk), "text/html;charset=UTF-8")
    request = Request(http.scope["path"], dict(http.headers), await http.body(), http.receive)
    try:
        status, content, kind, headers = faulty.encoded(await faulty.answer(desk, request))
    except faulty.Torn:
        transport.cut(http.scope)
        return Response()
    return Response(content, status, {**headers, **_ours(desk, request)}, kind)


def firewall_page() -> str:
    return "<html><head><title>400</title></head><body>Request Blocked</body></html>"


def _ours(desk: Desk, request: Request) -> dict[str, str]:
    return {"api-id": request.api_id, **_date(desk)}


def _date(desk: Desk) -> dict[str, str]:
    """The exchange's own time, so that clients can see how far theirs is from it."""
    return {"date": format_datetime(desk.clock.now().astimezone(UTC), usegmt=True)}


def describe(desk: Desk) -> dict[str, Any]:
    """What `GET /kt/status` says; the three clock numbers make the same clock elsewhere."""
    settings, clock = desk.settings, desk.clock
    return {
        "now": clock.now().isoformat(),
        "anchor": clock.anchor.isoformat(),
        "anchor_real": clock.anchor_real,
        "speed": clock.speed,
        "seed": settings.seed,
        "costs": settings.costs,
        "rate": settings.rate,
        "sessions": len(desk.hub),
        "idle_seconds": round(desk.idle_seconds(), 1),
        "pid": os.getpid(),
        "version": __version__,
    }
