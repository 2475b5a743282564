"""Gemini over a real socket: a response that is slow, endless, huge or a redirect."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.analyst.gemini import imported
from kt.records import AnalystReply
from tests.analyst.make import brief, gemini, rising
from tests.broker.certificate import contexts
from tests.broker.hostile import (
    Deed,
    answer,
    dripping,
    endless,
    head,
    raw,
    serving,
    silence,
)

SERVER = "generativelanguage.googleapis.com"
TIMEOUT = 0.5


def ask() -> tuple[AnalystReply, float]:
    analyst = gemini(key="key-that-nobody-may-see", timeout=TIMEOUT)
    imported()
    began = time.monotonic()
    found = analyst.decide(brief(rising()))
    return found, time.monotonic() - began


def left_behind() -> bool:
    return any(thread.name == "kt-gemini" for thread in threading.enumerate())


@contextlib.contextmanager
def model(deed: Deed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """The model's server, reached through a proxy on loopback; the requests that it received."""
    context, certificate = contexts(folder, SERVER)
    requests: list[bytes] = []

    def tunnel(line: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(line, server_side=True) as tls:
            request = b""
            while b'"generationConfig"' not in request:
                request += tls.recv(65536)
            requests.append(request)
            deed(tls)

    with serving(tunnel, unread=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        monkeypatch.setenv("https_proxy", proxy.address)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield requests


def reply(text: str) -> bytes:
    parts = {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}
    return json.dumps({"candidates": [parts]}).encode()


GOOD = '[{"action": "HOLD"}]'
BOMB = gzip.compress(b" " * (32 << 20), 9)
CASES: dict[str, tuple[Deed, str]] = {
    "silence": (silence, "timeout: no answer within 0.5 s"),
    "dripping head": (dripping(head("200 OK", "X: " + "x" * 99)), "timeout: no answer within"),
    "dripping body": (lambda line: (line.sendall(head("200 OK", "Content-Length: 500")),
                                    dripping(b" " * 500)(line))[1], "timeout: no answer within"),
    "redirect": (answer(b"", "302 x", "Location: https://evil.test/"), "request: Exceeded"),
    "redirect to nonsense": (answer(b"", "302 x", "Location: http://[::bad"), "request: Exceeded"),
    "too long": (endless(head("200 OK", "Content-Length: 9999999999"), b" " * 99999),
                 "request: the reply is longer than 4 MiB"),
    "bomb": (answer(BOMB, "200 OK", "Content-Encoding: gzip"),
             "request: the reply is longer than 4 MiB"),
    "deep envelope": (answer(b'{"candidates":' * 99_999), "reply: "),
    "deep reply": (answer(reply("[" * 100_000)), "reply: nested deeper"),
    "rather deep reply": (answer(reply('{"a":' * 40 + "1" + "}" * 40)),
                          "reply: nested deeper than 32 levels"),
    "not UTF-8": (answer(b"\xff\xfe{}"), "reply: "),
    "not HTTP": (raw(b"220 smtp\r\n\r\n"), "un"),
}  # fmt: skip


def test_a_valid_response_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with model(answer(reply(GOOD)), tmp_path, monkeypatch):
        found, _ = ask()
    assert (found.error, found.objects) == ("", ({"action": "HOLD"},))


@pytest.mark.parametrize("name", CASES)
def test_a_bad_response_is_an_error_within_the_deadline(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed, error = CASES[name]
    with model(deed, tmp_path, monkeypatch) as requests:
        found, took = ask()
        end = time.monotonic() + 2
        while left_behind() and time.monotonic() < end:
            time.sleep(0.005)
        assert not left_behind(), "the thread did not end with its connection"
    assert found.error.startswith(error), found.error
    assert found.objects == ()
    assert took < TIMEOUT + 1
    assert len(requests) == 1
    assert "nobody-may-see" not in repr(found)
