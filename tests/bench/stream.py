"""Frames per second from the socket to a parsed tick, beside doing less with the same bytes.

By hand: `python -m tests.bench.stream [FRAMES]`. A process of its own sends trades (0B, one row a
frame, all documented fields) over a loopback WebSocket as fast as they are taken. Figures are the
best of five rounds, all of one run; `CPU` is this process's own time, which other programs on
the machine disturb least. Only the ratios mean something elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import websocket

from kt.broker.stream.frames import FrameReader
from kt.broker.stream.stream_session import StreamSession
from kt.broker.stream.timeouts import Timeouts
from kt.clock import SystemClock
from kt.records import StreamEvent

ROOT = Path(__file__).parents[2]
ROUNDS = 5
OURS = "kt: socket to tick"
LOGIN_OK = b'{"trnm":"LOGIN","return_code":0,"return_msg":"","sor_yn":"Y"}'
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frames() -> list[bytes]:
    """The three recorded rows, a frame each."""
    recorded = json.loads((ROOT / "tests/data/broker/ws-0B.json").read_text())
    return [
        json.dumps({"data": [row], "trnm": "REAL"}, ensure_ascii=False).encode()
        for row in recorded["data"]
    ]


# --- the sender: a process of its own -----------------------------------------------------------


def packed(payload: bytes) -> bytes:
    """A server's text frame."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x81, len(payload)) + payload
    return struct.pack("!BBH", 0x81, 126, len(payload)) + payload


def serve(count: int) -> None:
    """Every client that logs in gets `count` frames and the end of the connection."""
    door = socket.create_server(("127.0.0.1", 0))
    print(door.getsockname()[1], flush=True)
    block = b"".join(packed(frame) for frame in frames()) * 100
    while True:
        plug, _ = door.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += plug.recv(4096)
        lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        plug.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        plug.recv(4096)
        plug.sendall(packed(LOGIN_OK))
        try:
            for _ in range(count // 300):
                plug.sendall(block)
        except OSError:
            pass
        plug.close()


# --- what is measured ---------------------------------------------------------------------------


class Watch:
    """Wall seconds and this process's CPU seconds of a `with` block."""

    wall = cpu = 0.0

    def __enter__(self) -> Watch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu


def connected(url: str) -> Any:
    client = websocket.create_connection(url, skip_utf8_validation=True, timeout=20)
    client.send('{"trnm":"LOGIN","token":"x"}')
    client.recv()
    return client


def bare(url: str, count: int, use: Callable[[Any], object]) -> Watch:
    client = connected(url)
    with Watch() as watch:
        for _ in range(count):
            use(client)
    client.shutdown()
    return watch


def kt_stream(url: str, count: int) -> Watch:
    """Our session on a reader thread of its own, every event handed to a sink."""
    got: list[StreamEvent] = []
    reader = FrameReader(SystemClock(), print)
    session = StreamSession(url, reader, got.append, Timeouts())
    session.connect("x")
    thread = threading.Thread(target=session.run)
    with Watch() as watch:
        thread.start()
        thread.join()
    assert len(got) == count
    return watch


def in_memory(count: int, decode: Callable[[bytes], object]) -> Watch:
    some = frames()
    with Watch() as watch:
        for _ in range(count // len(some)):
            for frame in some:
                decode(frame)
    return watch


def main(count: int) -> None:
    count -= count % 300
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stream", "serve", str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert sender.stdout is not None
    url = f"ws://127.0.0.1:{int(sender.stdout.readline())}/"
    reader = FrameReader(SystemClock(), print)
    runs: dict[str, Callable[[], Watch]] = {
        OURS: lambda: kt_stream(url, count),
        "websocket-client recv_data alone": lambda: bare(url, count, lambda ws: ws.recv_data()),
        "websocket-client recv alone": lambda: bare(url, count, lambda ws: ws.recv()),
        "websocket-client recv + json.loads": lambda: bare(
            url, count, lambda ws: json.loads(ws.recv())
        ),
        "kt: bytes to tick, no socket": lambda: in_memory(count, reader.read),
        "msgspec decode alone, no socket": lambda: in_memory(count, msgspec.json.decode),
        "json.loads alone, no socket": lambda: in_memory(count, json.loads),
    }
    try:
        # Round by round, so that a busy moment of the machine meets all of them alike.
        rounds = [{name: run() for name, run in runs.items()} for _ in range(ROUNDS)]
    finally:
        sender.kill()
        sender.wait()
        sender.stdout.close()
    print(f"{count} frames of {len(frames()[0])} bytes, best of {ROUNDS} rounds")
    print(f"{'':36} {'frames/s':>9} {'of kt':>6} {'CPU µs':>7} {'of kt':>6}")
    for name in runs:
        wall, cpu = (min(getattr(one[name], what) for one in rounds) for what in ("wall", "cpu"))
        if name == OURS:
            our_wall, our_cpu = wall, cpu
        print(
            f"{name:36} {count / wall:9,.0f} {our_wall / wall:6.2f}"
            f" {cpu / count * 1e6:7.2f} {cpu / our_cpu:6.2f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
