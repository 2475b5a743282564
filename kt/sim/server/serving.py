"""Runs the server until it is stopped, has been idle for too long, or fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn

from kt.errors import UsageError
from kt.sim.server.app import build
from kt.sim.server.context import ServerContext
from kt.sim.server.http_protocol import CuttableProtocol
from kt.sim.server.request_guard import MOST_BYTES

log = logging.getLogger("kt.exchange")
HOST = "127.0.0.1"
BUSY_STEP, QUIET_STEP = 0.05, 0.25
"""Real seconds between two steps of the exchange, with and without a connected session."""
SAVE_STEP = 2.0
KEEP_ALIVE = 120
"""Seconds that an idle connection stays open: longer than the pauses of a rate-limited client."""


def listen(port: int) -> socket.socket:
    """A listening loopback socket. The protocol is given explicitly: otherwise asyncio would not
    switch off Nagle's algorithm, which costs 44 ms per request."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be used: {error.strerror}",
            hint="Choose another with --port, or leave it out for any free one.",
        ) from error
    return found


class Server(uvicorn.Server):
    """A server that reports when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_ready()


def server(context: ServerContext, ready: Callable[[], None]) -> Server:
    config = uvicorn.Config(
        build(context),
        http=CuttableProtocol,
        ws="wsproto",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_max_size=MOST_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )
    return Server(config, ready)


async def serve(context: ServerContext, listening: socket.socket, running: Server) -> None:
    """Returns after a clean stop; re-raises an exception of the exchange."""
    jobs = (_step(context), _watch_idle(context), _save(context))
    work = [asyncio.create_task(job) for job in jobs]

    def ended(task: asyncio.Task[None]) -> None:
        running.should_exit = True

    for task in work:
        task.add_done_callback(ended)
    try:
        await running.serve([listening])
    finally:
        failed = [task.exception() for task in work if task.done() and not task.cancelled()]
        for task in work:
            task.cancel()
        await asyncio.wait(work)
    for error in failed:
        if error is not None:
            raise error


async def _step(context: ServerContext) -> None:
    """After a long step, sleep as long as it took, so that half of the time is left for calls."""
    while True:
        began = time.monotonic()
        context.pump()
        usual = BUSY_STEP if len(context.fan_out) else QUIET_STEP
        await asyncio.sleep(max(usual, time.monotonic() - began))


async def _save(context: ServerContext) -> None:
    while True:
        await asyncio.sleep(SAVE_STEP)
        context.save()


async def _watch_idle(context: ServerContext) -> None:
    """Returns after the idle minutes, which stops the server; never returns if they are 0."""
    limit = context.settings.idle_minutes * 60.0
    if not limit:
        await asyncio.Event().wait()
    while True:
        left = limit - context.idle_seconds()
        if left <= 0:
            break
        await asyncio.sleep(min(left, 30.0))
    log.info("nobody used the exchange for %g minutes: stopping", context.settings.idle_minutes)


@contextlib.contextmanager
def quiet_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM only end the server: uvicorn raises them again after it has closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
