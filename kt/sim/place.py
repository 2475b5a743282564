"""Where a running exchange is: the small file it writes, and the status it answers with."""

from __future__ import annotations

import http.client
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kt.clock import ScaledClock
from kt.errors import Unreachable

STREAM_PATH = "/api/dostk/websocket"
TIMEOUT = 5.0
"""Real seconds to wait for the status of a server on this machine."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`<state>/sim/exchange.json`."""

    port: int
    pid: int
    started: float
    version: str
    seed: int
    speed: float
    anchor: str = ""
    """With `anchor_real` and `speed` its clock (`kt.clock.ScaledClock`)."""
    anchor_real: float = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def running_file(folder: Path) -> Path:
    return folder / "exchange.json"


def read_place(folder: Path) -> Place | None:
    """What the file says; None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode(running_file(folder).read_bytes(), type=Place)
    except (OSError, msgspec.DecodeError):
        return None


class _Loop(msgspec.Struct, frozen=True):
    pid: int


def loop_lives(folder: Path | None) -> bool:
    """Whether the profile's `kt run` is at work, by the note beside its lock."""
    if folder is None:
        return False
    try:
        note = msgspec.json.decode((folder / "locks" / "run.json").read_bytes(), type=_Loop)
        if os.name == "posix":  # elsewhere this would end the process
            os.kill(note.pid, 0)
    except (OSError, msgspec.DecodeError):
        return False
    return True


def ws_url(base_url: str) -> str:
    """The stream's address on the server of a base address."""
    scheme = "wss" if base_url.startswith("https") else "ws"
    return f"{scheme}://{urlsplit(base_url).netloc}{STREAM_PATH}"


class Stranger(Unreachable):
    """A server answers, and it is not kt's exchange."""


def ask(base_url: str, *, use: bool = False) -> dict[str, Any]:
    """`GET /kt/status`; with `use` it counts as using the exchange. Raises Unreachable, and
    Stranger where something else answers."""
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/kt/status" + ("?use=1" if use else ""))
        answer = connection.getresponse()
        body = answer.read() if answer.status == http.client.OK else b""
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no exchange answers at {base_url}: {error}",
            hint="Start one with `kt sim start`, or correct the address.",
        ) from error
    finally:
        connection.close()
    found = _object(body)
    if not {"anchor", "anchor_real", "speed"} <= found.keys():
        raise Stranger(
            f"what answers at {base_url} is not kt's exchange",
            hint="Name the address of a running `kt sim serve`.",
        )
    return found


def _object(body: bytes) -> dict[str, Any]:
    """A body as a JSON object; empty when it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def clock(status: dict[str, Any]) -> ScaledClock:
    """The exchange's clock, made from its status."""
    anchor = datetime.fromisoformat(status["anchor"])
    return ScaledClock(anchor, float(status["anchor_real"]), float(status["speed"]))
