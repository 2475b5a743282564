"""Malformed answers: endless, dripping, deeply nested, and compression bombs."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Any

import msgspec

from kt.sim.faults import ORDERS, FaultRule

HTML = b"<html><head><title>503</title></head><body>Service Unavailable</body></html>"
JSON = "application/json;charset=UTF-8"
_DRIP_SECONDS = 5.0
_BLOCK = b" " * (1 << 20)
_BOMB_BEGIN, _BOMB_END = b'{"return_code":0,"return_msg":"', b'"}'

Body = dict[str, Any]


class RawAnswer:
    """A malformed response: its status, its bytes (or their generator), and bytes that are sent
    before it."""

    def __init__(
        self,
        status: int,
        content: bytes | AsyncIterator[bytes],
        kind: str = "text/html",
        headers: dict[str, str] | None = None,
        early: bytes = b"",
    ) -> None:
        self.status = status
        self.content = content
        self.kind = kind
        self.headers = headers or {}
        self.early = early


# --- in place of the answer ----------------------------------------------------------------------


async def instead(rule: FaultRule, content: bytes) -> RawAnswer | None:
    """The response to send instead; None if the rule has another action. `content` is the real
    response, empty if the exchange has not executed the call."""
    if rule.action == "bomb":
        packed = await asyncio.to_thread(bomb, rule.megabytes)
        return RawAnswer(200, packed, JSON, {"content-encoding": "gzip"})
    if rule.action == "endless":
        return RawAnswer(200, _endless(content), JSON)
    if rule.action == "drip":
        text = content or _BOMB_BEGIN + _BOMB_END
        told = {"content-length": str(len(text))}
        return RawAnswer(200, _dripping(text, rule.seconds or _DRIP_SECONDS), JSON, told)
    return _plain(rule)


def _plain(rule: FaultRule) -> RawAnswer | None:
    if rule.action == "status":
        return RawAnswer(rule.status or 503, HTML)
    if rule.action == "redirect":
        return RawAnswer(rule.status or 302, b"", headers={"location": rule.location})
    if rule.action == "empty":
        return RawAnswer(200, b"", JSON)
    return RawAnswer(200, HTML) if rule.action == "not_json" else None


async def _dripping(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    for place in range(len(content)):
        yield content[place : place + 1]
        await asyncio.sleep(seconds)


async def _endless(content: bytes) -> AsyncIterator[bytes]:
    """Begins like the real response, followed by an endless string."""
    yield content[:-1] + b',"more":"' if content else _BOMB_BEGIN
    while True:
        yield _BLOCK
        await asyncio.sleep(0)  # the others are served meanwhile


@lru_cache(maxsize=2)
def bomb(megabytes: int) -> bytes:
    """JSON of many megabytes, compressed: all blocks are equal, so only one is compressed."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = squeeze.compress(_BOMB_BEGIN) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(_BLOCK) + squeeze.flush(zlib.Z_FULL_FLUSH)
    tail = squeeze.compress(_BOMB_END) + squeeze.flush(zlib.Z_FINISH)
    check = zlib.crc32(_BOMB_BEGIN)
    for _ in range(megabytes):
        check = zlib.crc32(_BLOCK, check)
    check = zlib.crc32(_BOMB_END, check)
    size = len(_BOMB_BEGIN) + megabytes * len(_BLOCK) + len(_BOMB_END)
    ends = check.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + head + block * megabytes + tail + ends


# --- the answer, changed -------------------------------------------------------------------------


def changed(rule: FaultRule, api_id: str, body: Body) -> bool:
    """Change the response if the rule requires it; returns whether it did."""
    if rule.action == "no_order_number":
        if api_id in ORDERS:
            body.pop("ord_no", None)
    elif rule.action == "no_return_code":
        body.pop("return_code", None)
        body.pop("return_msg", None)
    elif rule.action in _LISTS:
        for name, rows in list(body.items()):
            if isinstance(rows, list):
                body[name] = _LISTS[rule.action](rows)
    else:
        return False
    return True


_LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "nothing": lambda rows: [],
    "null": lambda rows: None,
    "blank": lambda rows: "",
    "doubled": lambda rows: [row for row in rows for _ in range(2)],
}


def around(rule: FaultRule, content: bytes) -> RawAnswer | None:
    """The real response's bytes, sent in another way; None if the rule has another action."""
    if rule.action == "oddtype":
        return RawAnswer(200, content, "text/html;charset=UTF-8")
    if rule.action == "informational":
        early = b"HTTP/1.1 103 Early Hints\r\nlink: </>; rel=preload\r\n\r\n"
        return RawAnswer(200, content, JSON, early=early)
    if rule.action == "deep":
        return RawAnswer(200, deepened(content, rule.depth), JSON)
    return None


def deepened(content: bytes, depth: int) -> bytes:
    """A JSON object with one more field of deeply nested brackets."""
    return content[:-1] + b',"nested":' + b"[" * depth + b"]" * depth + b"}"


def encoded(body: Body) -> bytes:
    return msgspec.json.encode(body)
