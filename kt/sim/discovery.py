"""Finds a running exchange through the two files that it writes: its address and its key."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from kt.files import process_lives
from kt.paths import ExchangePaths, ProfilePaths

STREAM_PATH = "/api/dostk/websocket"


class ExchangePlace(msgspec.Struct, frozen=True, kw_only=True):
    """`<state>/sim/exchange.json`."""

    port: int
    pid: int
    started: float
    version: str
    seed: int
    speed: float
    anchor: str = ""
    """Together with `anchor_real` and `speed`: its clock (`kt.clock.ScaledClock`)."""
    anchor_real: float = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def read_place(folder: Path) -> ExchangePlace | None:
    """The content of the file; None if it is missing or cannot be read."""
    try:
        return msgspec.json.decode(ExchangePaths(folder).place.read_bytes(), type=ExchangePlace)
    except (OSError, msgspec.DecodeError):
        return None


def read_key(folder: Path) -> str:
    """The control key; empty if there is none."""
    try:
        return ExchangePaths(folder).control_key.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


class _Loop(msgspec.Struct, frozen=True):
    pid: int


def loop_lives(folder: Path | None) -> bool:
    """Whether the profile's `kt run` is running, from the file next to its lock."""
    if folder is None:
        return False
    try:
        note = msgspec.json.decode(ProfilePaths(folder).run_note.read_bytes(), type=_Loop)
    except (OSError, msgspec.DecodeError):
        return False
    return process_lives(note.pid)


def ws_url(base_url: str) -> str:
    """The WebSocket address for a server's base URL."""
    scheme = "wss" if base_url.startswith("https") else "ws"
    return f"{scheme}://{urlsplit(base_url).netloc}{STREAM_PATH}"
