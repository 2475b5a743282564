"""The routes: the broker's paths, the WebSocket, and the exchange's control routes."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from kt.sim.discovery import STREAM_PATH
from kt.sim.server import (
    control_routes,
    fault_middleware,
    http_protocol,
    request_guard,
    rest_call,
)
from kt.sim.server.context import ServerContext
from kt.sim.server.rest_call import Request
from kt.sim.server.websocket_session import WebSocketSession

FIREWALLED = "Python-urllib/"
"""The broker's firewall blocks this User-Agent, which is urllib's default."""


def build(context: ServerContext) -> ASGIApp:
    """The ASGI application."""

    async def call(http: HttpRequest) -> Response:
        return await _call(context, http)

    async def stream(socket: WebSocket) -> None:
        await WebSocketSession(socket, context).run()

    return request_guard.Guard(
        Router(
            [
                WebSocketRoute(STREAM_PATH, stream),
                *control_routes.routes(context),
                Route("/{path:path}", call, methods=["POST"]),
            ]
        )
    )


async def _call(context: ServerContext, http: HttpRequest) -> Response:
    """One request for an API."""
    if http.headers.get("user-agent", "").startswith(FIREWALLED):
        date = rest_call.date_header(context)
        return Response(firewall_page(), 400, date, "text/html;charset=UTF-8")
    content = await request_guard.body(http)
    if isinstance(content, Response):
        return content
    request = Request(http.scope["path"], dict(http.headers), content, http.receive)
    try:
        sent = fault_middleware.encoded(await fault_middleware.answer(context, request))
    except fault_middleware.ConnectionCut:
        http_protocol.cut(http.scope)
        return Response()
    if sent.early:
        http_protocol.write(http.scope, sent.early)
    headers = {**sent.headers, "api-id": request.api_id, **rest_call.date_header(context)}
    if isinstance(sent.content, bytes):
        return Response(sent.content, sent.status, headers, sent.kind)
    return StreamingResponse(sent.content, sent.status, headers, sent.kind)


def firewall_page() -> str:
    return "<html><head><title>400</title></head><body>Request Blocked</body></html>"
