"""The front door before a server that turns hostile: exit codes, what is kept, and how it ends."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kt.cli.entry import run
from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.errors import ExitCode
from tests.broker.hostile import (
    Deed,
    Hostile,
    answer,
    dripping,
    endless,
    head,
    reset,
    serving,
    silence,
)
from tests.serving import Served, serve

ORDERS = b"POST /api/dostk/ordr "
CODE = "005930"
ODD: dict[str, Deed] = {
    "redirect to nonsense": answer(b"", "302 Found", "Location: javascript:x"),
    "too large": endless(head("200 OK", "Content-Length: 99999999999"), b" " * 99999),
    "nested": answer(b'{"return_code":0,"ord_no":"0000001","x":' + b"[" * 50_000),
    "reset": reset,
}


@contextlib.contextmanager
def exchange_whose_orders(deed: Deed, served: Served) -> Iterator[Hostile]:
    """Everything goes on to the exchange, orders too; but what is answered to these is `deed`."""
    where = urlsplit(served.base_url)

    def between(line: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += line.recv(65536)
        first, _, rest = request.partition(b"\r\n\r\n")
        first = re.sub(rb"(?im)^host:.*$", f"Host: {where.netloc}\r".encode(), first)
        length = next(
            (int(one.split(b":")[1]) for one in first.split(b"\r\n")
             if one.lower().startswith(b"content-length:")), 0
        )  # fmt: skip
        while len(rest) < length:
            rest += line.recv(65536)
        with socket.create_connection((where.hostname or "", where.port or 0)) as exchange:
            exchange.sendall(first + b"\r\nConnection: close\r\n\r\n" + rest)
            told = b""
            while piece := exchange.recv(65536):
                told += piece
        if first.startswith(ORDERS):
            server.requests.append(rest)
            deed(line)
        else:
            line.sendall(told)

    with serving(between, unread=True) as server:
        yield server


def environ(server: str, folder: Path, **more: str) -> dict[str, str]:
    (folder / "config.yaml").touch()
    return {
        "KT_STATE_DIR": str(folder / "state"),
        "KT_CONFIG": str(folder / "config.yaml"),
        "KT_BASE_URL": server,
        "KT_WS_URL": "ws://127.0.0.1:9/api/dostk/websocket",
        "KT_APP_KEY": "odd-key",
        "KT_SECRET_KEY": "odd-secret",
        "NO_COLOR": "1",
        **more,
    }


def rows(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "state" / "sim" / "kt.db")) as database:
        return database.execute(question).fetchall()


@pytest.mark.parametrize("name", ODD)
def test_an_order_answered_oddly_is_unknown_and_its_stock_locked(name: str, tmp_path: Path) -> None:
    with serve(speed=20) as served, exchange_whose_orders(ODD[name], served) as server:
        known, err = environ(server.address, tmp_path), io.StringIO()
        console = Console(io.StringIO(), io.StringIO(), err, environ=known)
        code = run(
            ("order", "buy", CODE, "1", "--market", "--yes"),
            CliContext(console=console, environ=known),
        )
    assert (code, "unexpected" in err.getvalue()) == (ExitCode.UNKNOWN, False), err.getvalue()
    assert rows(tmp_path, "select state from orders") == [("UNKNOWN",)]
    assert rows(tmp_path, "select stock_code from locks") == [(CODE,)]
    assert len(server.requests) == 1


@pytest.mark.parametrize("deed", [silence, dripping(b"HTTP/1.1 200 OK\r\n" + b"x" * 999)])
def test_a_command_waiting_for_a_server_ends_at_once_on_a_signal(
    deed: Deed, tmp_path: Path
) -> None:
    with serving(deed) as server:
        known = environ(server.address, tmp_path, KT_PROFILE="mock")
        kt = subprocess.Popen(
            [sys.executable, "-m", "kt", "balance"],
            env={**os.environ, **known},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while not server.requests:
            assert kt.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        kt.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert kt.wait(20) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("KT_BASE_URL", "http://api.kiwoom.com"),
        ("KT_WS_URL", "ws://api.kiwoom.com"),
        ("KT_BASE_URL", "https://me:hunter2@api.kiwoom.com"),
        ("KT_BASE_URL", "https://api.kiwoom.com:port"),
    ],
)
def test_an_address_in_clear_is_refused_before_anything(
    name: str, address: str, tmp_path: Path
) -> None:
    err = io.StringIO()
    known = environ("https://127.0.0.1:9", tmp_path, KT_PROFILE="real", **{name: address})
    console = Console(io.StringIO(), io.StringIO(), err, environ=known)
    assert run(("balance",), CliContext(console=console, environ=known)) == ExitCode.USAGE
    assert err.getvalue().startswith(f"kt: {name}: ")
    assert "hunter2" not in err.getvalue()
