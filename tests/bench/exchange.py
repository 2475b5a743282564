"""How fast the embedded exchange is: up from nothing, calls a second, frames a second.

By hand: `python -m tests.bench.exchange`. The exchange is a process of its own, as kt starts it;
client and exchange share this machine. Start-up is the best of five, from the call to a usable
address; the rates are of one run each.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import websocket

from kt.sim import launch
from kt.sim.server.settings import Settings

CALLS = 3_000
STREAM_SECONDS = 5.0
STOCKS = 100


def started() -> float:
    """Seconds until a detached exchange can be used."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        launch.start(Settings(state_dir=Path(folder)), lambda text: None)
        taken = time.perf_counter() - began
        launch.stop(Path(folder))
    return taken


class Caller:
    """One kept-alive connection and as little else as possible."""

    def __init__(self, base_url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
        self.headers = {"content-type": "application/json;charset=UTF-8"}
        keys = {"grant_type": "client_credentials", "appkey": "bench", "secretkey": "bench"}
        self.token = self.call("au10001", "/oauth2/token", keys)["token"]
        self.headers["authorization"] = f"Bearer {self.token}"

    def call(self, api_id: str, path: str, body: dict[str, str]) -> dict[str, str]:
        headers = {**self.headers, "api-id": api_id}
        self.connection.request("POST", path, json.dumps(body), headers)
        return dict(json.loads(self.connection.getresponse().read()))

    def rate(self, api_id: str, path: str, body: dict[str, str], calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            self.call(api_id, path, body)
        return calls / (time.perf_counter() - began)


def streamed(ws_url: str, token: str, codes: list[str]) -> tuple[float, float, float]:
    """Frames, rows and megabytes a second that a busy market sends."""
    socket = websocket.create_connection(ws_url, timeout=10, skip_utf8_validation=True)
    socket.send(json.dumps({"trnm": "LOGIN", "token": token}))
    data = [{"item": codes, "type": ["0B", "0D"]}]
    socket.send(json.dumps({"trnm": "REG", "grp_no": "1", "refresh": "1", "data": data}))
    socket.recv(), socket.recv()
    frames = rows = size = 0
    began = time.perf_counter()
    while time.perf_counter() - began < STREAM_SECONDS:
        text = socket.recv()
        frames += 1
        rows += str(text).count('"values"')
        size += len(text)
    socket.shutdown()  # type: ignore[no-untyped-call]
    return tuple(count / STREAM_SECONDS for count in (frames, rows, size / 1e6))  # type: ignore[return-value]


def main() -> None:
    print(f"ready from nothing   {min(started() for _ in range(5)) * 1000:8.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder), rate=0, speed=60)
        running = launch.start(settings, lambda text: None)
        caller = Caller(running.base_url)
        stock = {"stk_cd": "005930"}
        print("calls a second over one connection")
        for api_id, path, body, calls in (
            ("kt00001", "/api/dostk/acnt", {"qry_tp": "3"}, CALLS),
            ("ka10001", "/api/dostk/stkinfo", stock, CALLS),
            ("ka10080", "/api/dostk/chart", {**stock, "tic_scope": "1", "upd_stkpc_tp": "1"}, 200),
        ):
            print(f"  {api_id}            {caller.rate(api_id, path, body, calls):8.0f}")
        listed = caller.call("ka10099", "/api/dostk/stkinfo", {"mrkt_tp": "0"})
        codes = [row["code"] for row in listed["list"]][:STOCKS]  # type: ignore[index]
        frames, rows, size = streamed(running.ws_url, caller.token, codes)
        print(f"0B and 0D of {STOCKS} stocks at 60 times the speed, a second")
        print(f"  frames, rows, MB   {frames:8.0f} {rows:8.0f} {size:8.1f}")
        launch.stop(Path(folder))


if __name__ == "__main__":
    main()
