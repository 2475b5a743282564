"""The exchange as a separate process: one per state folder, found through its place file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from kt import __version__
from kt.errors import Busy, UsageError
from kt.files import lock_file, private_folder, replace_private
from kt.paths import ExchangePaths
from kt.sim.crash_resume import killed_place
from kt.sim.discovery import ExchangePlace
from kt.sim.server import serving
from kt.sim.server.settings import Settings
from kt.sim.server.startup import open_context

log = logging.getLogger("kt.exchange")


def run_detached(settings: Settings) -> None:
    """Serve, logging to the state folder's file; the ready line on stdout informs the starter."""
    folder = settings.folder
    if folder is None:
        raise ValueError("a detached exchange needs a state folder")
    os.umask(0o077)
    private_folder(folder)
    logging.basicConfig(
        filename=ExchangePaths(folder).log,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    run_here(settings, _report_ready)


def _report_ready(place: ExchangePlace) -> None:
    """Write the ready line for the starter, then detach stdout: the starter may end first."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(msgspec.json.encode(place).decode() + "\n")
        sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def run_here(settings: Settings, ready: Callable[[ExchangePlace], None]) -> None:
    """Serves in this process until it is stopped. Raises Busy when this state folder's exchange
    is already running, UsageError when the port is taken."""
    with _only_one(settings), contextlib.ExitStack() as stack:
        left = killed_place(settings.folder) if settings.folder else None
        listening = _listen(settings, left)
        stack.callback(listening.close)
        context = stack.enter_context(open_context(settings, left))
        place = ExchangePlace(
            port=listening.getsockname()[1],
            pid=os.getpid(),
            started=time.time(),
            version=__version__,
            seed=settings.seed,
            speed=settings.speed,
            anchor=context.scaled_clock.anchor.isoformat(),
            anchor_real=context.scaled_clock.anchor_real,
        )

        def up() -> None:
            if settings.folder is not None:
                paths = ExchangePaths(settings.folder)
                replace_private(paths.control_key, context.control_key.encode())
                replace_private(paths.place, msgspec.json.encode(place))
            log.info("serving on %s:%s", serving.HOST, place.port)
            ready(place)

        with serving.quiet_signals():
            asyncio.run(serving.serve(context, listening, serving.server(context, up)))
        log.info("stopped")


def _listen(settings: Settings, left: ExchangePlace | None) -> socket.socket:
    """Bind the requested port, or the port of the killed exchange if it is free."""
    if left is not None and not settings.port:
        with contextlib.suppress(UsageError):
            return serving.listen(left.port)
    return serving.listen(settings.port)


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Lock the state folder: two exchanges must not use one database."""
    folder = settings.folder
    if folder is None:
        yield
        return
    private_folder(folder)
    paths = ExchangePaths(folder)
    try:
        lock = lock_file(paths.running_lock, 0.5)
    except TimeoutError:
        raise Busy(
            f"an exchange is already running on {folder}",
            hint="See `kt sim status`; stop it with `kt sim stop`, or name another state folder.",
        ) from None
    with lock:
        try:
            yield
        finally:
            paths.place.unlink(missing_ok=True)
            paths.control_key.unlink(missing_ok=True)
