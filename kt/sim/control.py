"""The client of a running exchange's control routes: the clock for everyone, the rest for the user
of its state folder."""

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
"""Carries the key of the exchange's state folder."""
TIMEOUT = 5.0
"""Real seconds for the whole of an answer of a server on this machine."""
MOST_BYTES = 4_000_000
"""More than any of its answers has."""


class NotAnExchange(Unreachable):
    """The server that answers is not an exchange of kt (or not this user's)."""


class Control:
    """Steers the exchange at an address. `key` is what its state folder holds."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self._key = key

    def status(self, *, use: bool = False) -> dict[str, Any]:
        """What it says of itself; with `use` this counts as using it."""
        return self._ask("GET", "/kt/status" + ("?use=1" if use else ""))

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with how often each has matched and acted."""
        return list(self._ask("GET", "/kt/faults")["rules"])

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """These faults from now on, in place of those before. Raises UsageError."""
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
        """Make one stock do something from the next second of its clock on; what then holds.

        `price`: trade there until it is steered again, with `side` (`BUY`, `SELL`) as who crosses
        the spread, and with `shares` no more than so many, all with the accounts' waiting orders;
        `free`: move on its own again from where it stands; `halt`: suspend trading (False: go
        on); `vi`: a volatility interruption of two minutes; `lock`: `lower` or `upper`, nobody on
        the other side at the limit (an empty text: they come back). Raises UsageError for what
        the market could not do.
        """
        wish = {"price": price, "side": side, "shares": shares}
        wish |= {"free": free, "halt": halt, "vi": vi, "lock": lock}
        given = {name: value for name, value in wish.items() if value is not None}
        return self._ask("POST", "/kt/market", {"stock_code": stock_code, **given})

    def steered(self, stock_code: str) -> dict[str, Any]:
        """What holds for a stock: where it stands, whether it is halted, locked, interrupted, and
        which orders wait."""
        return self._ask("GET", f"/kt/market?stock_code={quote(stock_code)}")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return _ask(self.base_url, method, path, body, self._key)


def of(state_dir: Path) -> Control:
    """The control of the exchange that runs on a state folder. Raises Unreachable."""
    where = read_place(state_dir / SIM)
    if where is None:
        raise Unreachable("no exchange is running", hint="`kt sim start` starts one.")
    return Control(where.base_url, read_key(state_dir / SIM))


def clock_at(base_url: str) -> ScaledClock:
    """The clock of the exchange at an address, whoever runs it. Raises Unreachable, and Stranger
    where something else answers."""
    return clock(_ask(base_url, "GET", "/kt/clock"))


def clock(said: Mapping[str, Any]) -> ScaledClock:
    """An exchange's clock, made from what it says of it. Raises Stranger when it says nothing."""
    try:
        anchor = datetime.fromisoformat(said["anchor"])
        return ScaledClock(anchor, float(said["anchor_real"]), float(said["speed"]))
    except (KeyError, TypeError, ValueError):
        raise NotAnExchange("what answers there is not kt's exchange") from None


def _ask(
    base_url: str, method: str, path: str, body: object = None, key: str = ""
) -> dict[str, Any]:
    """One request. Raises Unreachable, Stranger, or UsageError with the exchange's own words."""
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
            f"what answers at {base_url} is not kt's exchange",
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
        with _ended(connection.sock, TIMEOUT):
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
def _ended(open_socket: socket.socket, seconds: float) -> Iterator[None]:
    """However slowly the other side sends, nothing is waited for after so many seconds."""

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
    """An answer as a JSON object; empty when it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
