"""The client for a running exchange's control routes. Everyone may read the clock; the other
routes need the key of its state folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from kt.clock import ScaledClock
from kt.errors import Unreachable, UsageError
from kt.paths import SIM
from kt.sim.discovery import read_key, read_place

HEADER = "kt-control"
"""The header with the key of the exchange's state folder."""
TIMEOUT = 5.0
"""The time-out of a whole request, in real seconds; the server is on this machine."""
MOST_BYTES = 4_000_000
"""The size limit of a response, more than any valid one has."""


class NotAnExchange(Unreachable):
    """The server at the address is not an exchange of kt, or not this user's."""


class Control:
    """Controls the exchange at an address. `key` is the key in its state folder."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self._key = key

    def status(self, *, use: bool = False) -> dict[str, Any]:
        """Its status; with `use` the request resets its idle timer."""
        return self._ask("GET", "/kt/status" + ("?use=1" if use else ""))

    def faults(self) -> list[dict[str, Any]]:
        """The active faults, with how often each has matched and acted."""
        return list(self._ask("GET", "/kt/faults")["rules"])

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the active faults. Raises UsageError for invalid rules."""
        self._ask("POST", "/kt/faults", {"rules": list(rules)})

    def steer(
        self,
        stock_code: str,
        *,
        price: int | None = None,
        side: str | None = None,
        shares: int | None = None,
        free: bool = False,
        halt: bool | None = None,
        vi: bool = False,
        lock: str | None = None,
    ) -> dict[str, Any]:
        """Steer one stock from the next second of the exchange's clock on; returns its state.

        `price`: trade at this price (won) until steered again, with `side` (`BUY`, `SELL`) as the
        aggressor side; with `shares`, only so many shares trade, all against the accounts' resting
        orders. `free`: move by itself again from the current price. `halt`: suspend trading (False:
        resume). `vi`: a volatility interruption of two minutes. `lock`: `lower` or `upper`, no
        orders on the other side at that price limit (an empty text ends it). Raises UsageError for
        what is impossible in the market.
        """
        request = {"price": price, "side": side, "shares": shares}
        request |= {"free": free, "halt": halt, "vi": vi, "lock": lock}
        given = {name: value for name, value in request.items() if value is not None}
        return self._ask("POST", "/kt/market", {"stock_code": stock_code, **given})

    def steered(self, stock_code: str) -> dict[str, Any]:
        """A stock's state: its price, whether it is halted, locked or interrupted, and the resting
        orders of the accounts."""
        return self._ask("GET", f"/kt/market?stock_code={quote(stock_code)}")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return _ask(self.base_url, method, path, body, self._key)


def of(state_dir: Path) -> Control:
    """The client for the exchange that runs on a state folder. Raises Unreachable if none runs."""
    where = read_place(state_dir / SIM)
    if where is None:
        raise Unreachable("no exchange is running", hint="`kt sim start` starts one.")
    return Control(where.base_url, read_key(state_dir / SIM))


def clock_at(base_url: str) -> ScaledClock:
    """The clock of the exchange at an address, which may be another user's. Raises Unreachable,
    and NotAnExchange if another kind of server answers."""
    return clock(_ask(base_url, "GET", "/kt/clock"))


def clock(said: Mapping[str, Any]) -> ScaledClock:
    """An exchange's clock, from its status. Raises NotAnExchange if the status has none."""
    try:
        anchor = datetime.fromisoformat(said["anchor"])
        return ScaledClock(anchor, float(said["anchor_real"]), float(said["speed"]))
    except (KeyError, TypeError, ValueError):
        raise NotAnExchange("the server there is not kt's exchange") from None


def _ask(
    base_url: str, method: str, path: str, body: object = None, key: str = ""
) -> dict[str, Any]:
    """One request. Raises Unreachable, NotAnExchange, or UsageError with the exchange's message."""
    status, content = _exchange(base_url, method, path, body, key)
    found = _object(content)
    if status == http.client.BAD_REQUEST and "error" in found:
        raise UsageError(str(found["error"]))
    if status == http.client.FORBIDDEN:
        raise NotAnExchange(
            f"the exchange at {base_url} is not this state folder's",
            hint="Use the state folder (KT_STATE_DIR) that it was started with.",
        )
    if status != http.client.OK or not found:
        raise NotAnExchange(
            f"the server at {base_url} is not kt's exchange",
            hint="Name the address of a running `kt sim serve`.",
        )
    return found


def _exchange(base_url: str, method: str, path: str, body: object, key: str) -> tuple[int, bytes]:
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    headers = {HEADER: key, "content-type": "application/json"}
    try:
        connection.connect()
        with _deadline(connection.sock, TIMEOUT):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no exchange answers at {base_url}: {error}",
            hint="Start one with `kt sim start`, or correct the address.",
        ) from error
    finally:
        connection.close()


@contextlib.contextmanager
def _deadline(open_socket: socket.socket, seconds: float) -> Iterator[None]:
    """Shut the socket down after `seconds`, so that a slow sender cannot exceed the time-out."""

    def end() -> None:
        with contextlib.suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _object(content: bytes) -> dict[str, Any]:
    """A response as a JSON object; empty if it is not one."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
