"""A fake provider server on loopback: a test scripts its response to each request."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.broker.hostile import Deed, answer, serving

DECISION: dict[str, Any] = {
    "action": "BUY",
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "quantity": 10,
    "price": 71_000,
    "reason": "Strength 140.",
    "confidence": 0.85,
    "risk_level": "MEDIUM",
}
OTHER = DECISION | {"stock_code": "000660", "stock_name": "SK하이닉스", "action": "HOLD"}


@dataclass(frozen=True)
class Asked:
    """One request as received."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeProvider:
    """`deeds` are applied to the requests in order, the last one to all later requests."""

    deeds: list[Deed]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def serve(self, line: socket.socket) -> None:
        self.asked.append(_request(line))
        deed = self.deeds[min(len(self.asked), len(self.deeds)) - 1]
        if isinstance(deed, Said) and self.asked[-1].path.endswith("/chat/completions"):
            deed = Said(openai_body(deed.body), deed.packed)
        deed(line)


@contextlib.contextmanager
def providing(*deeds: Deed) -> Iterator[FakeProvider]:
    fake = FakeProvider(list(deeds))
    with serving(fake.serve, unread=True) as server:
        fake.url = server.address
        yield fake


def _request(line: socket.socket) -> Asked:
    came = b""
    while b"\r\n\r\n" not in came:
        came += _more(line)
    head, _, body = came.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (h.partition(":") for h in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(line)
    return Asked(first.split(" ")[1], headers, json.loads(body) if body else {})


def _more(line: socket.socket) -> bytes:
    piece = line.recv(65536)
    if not piece:
        raise ConnectionResetError("the other side hung up")
    return piece


def gemini_body(*texts: Any, **changes: Any) -> dict[str, Any]:
    """Google's format. A text is a part; a mapping is used as a part unchanged."""
    parts = [text if isinstance(text, dict) else {"text": text} for text in texts]
    return {
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 1_000,
            "candidatesTokenCount": 100,
            "thoughtsTokenCount": 60,
            "totalTokenCount": 1_160,
        },
        "modelVersion": "gemini-test-001",
    } | changes


@dataclass(frozen=True)
class Said:
    """A successful response in Google's format, converted to OpenAI's for that adapter."""

    body: Any
    packed: bool = False

    def __call__(self, line: socket.socket) -> None:
        body = json.dumps(self.body).encode()
        if self.packed:
            answer(gzip.compress(body), "200 OK", "Content-Encoding: gzip")(line)
        else:
            answer(body)(line)


def says(*texts: Any, **changes: Any) -> Deed:
    """A successful response with these texts as parts."""
    return Said(gemini_body(*texts, **changes))


def openai_body(google: dict[str, Any]) -> dict[str, Any]:
    """The same in OpenAI's format."""
    blocked = google.get("promptFeedback", {}).get("blockReason")
    choices = [_choice(one) for one in google["candidates"]]
    if blocked:
        refusal = {"content": None, "refusal": blocked}
        choices = [{"index": 0, "finish_reason": "stop", "message": refusal}]
    usage = google["usageMetadata"]
    if isinstance(usage, dict):
        usage = {
            "prompt_tokens": usage.get("promptTokenCount"),
            "completion_tokens": usage.get("candidatesTokenCount", 0)
            + usage.get("thoughtsTokenCount", 0),
            "total_tokens": usage.get("totalTokenCount"),
        }
    return {"model": google["modelVersion"], "choices": choices, "usage": usage}


def _choice(candidate: dict[str, Any]) -> dict[str, Any]:
    parts = candidate.get("content", {}).get("parts", [])
    said = [part["text"] for part in parts if "text" in part and not part.get("thought")]
    thought = [part["text"] for part in parts if part.get("thought")]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(said)}
    if thought:
        message["reasoning_content"] = "".join(thought)
    finish = candidate.get("finishReason")
    told = {"STOP": "stop", "MAX_TOKENS": "length"}.get(finish, finish)
    return {"index": 0, "message": message, "finish_reason": told}


def fails(status: int, message: str = "no", *headers: str, **more: Any) -> Deed:
    """Google's error body under this status."""
    error = {"code": status, "message": message} | more
    return answer(json.dumps({"error": error}).encode(), f"{status} x", *headers)


def objects(*found: Any) -> str:
    return json.dumps(list(found), ensure_ascii=False)
