"""A client of the wire that knows nothing of kt but its catalogue: plain HTTP and frames."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import websocket

from kt import api_catalog
from kt.sim.wire.apis import SERVED

STOCK = "005930"
DAY = "20261123"
RANK = {"mrkt_tp": "000", "sort_tp": "1", "stex_tp": "3"}
OF_ONE_STOCK = {
    api_id: {"stk_cd": STOCK}
    for api_id, served in SERVED.items()
    if served.api.required == ("stk_cd",)
}
BODIES: dict[str, dict[str, str]] = OF_ONE_STOCK | {
    "ka00001": {},
    "kt00001": {"qry_tp": "3"},
    "kt00004": {"qry_tp": "0", "dmst_stex_tp": "KRX"},
    "kt00005": {"dmst_stex_tp": "KRX"},
    "kt00010": {"stk_cd": STOCK, "trde_tp": "2", "uv": "200000"},
    "kt00018": {"qry_tp": "1", "dmst_stex_tp": "KRX"},
    "kt00007": {"ord_dt": "", "qry_tp": "1", "stk_bond_tp": "0", "sell_tp": "0", "stk_cd": "",
                "fr_ord_no": "", "dmst_stex_tp": "%"},
    "ka10075": {"all_stk_tp": "0", "trde_tp": "0", "stk_cd": "", "stex_tp": "0"},
    "ka10076": {"stk_cd": "", "qry_tp": "0", "sell_tp": "0", "ord_no": "", "stex_tp": "0"},
    "ka10085": {"stex_tp": "0"},
    "ka10023": {**RANK, "tm_tp": "2", "trde_qty_tp": "5", "tm": "", "stk_cnd": "0",
                "pric_tp": "0"},
    "ka10030": {**RANK, "mang_stk_incls": "0", "crd_tp": "0", "trde_qty_tp": "0", "pric_tp": "0",
                "trde_prica_tp": "0", "mrkt_open_tp": "0"},
    "ka10032": {"mrkt_tp": "000", "mang_stk_incls": "1", "stex_tp": "3"},
    "ka10027": {**RANK, "trde_qty_cnd": "0000", "stk_cnd": "0", "crd_cnd": "0",
                "updown_incls": "1", "pric_cnd": "0", "trde_prica_cnd": "0"},
    "ka10045": {"stk_cd": STOCK, "strt_dt": "20261101", "end_dt": DAY, "orgn_prsm_unp_tp": "1",
                "for_prsm_unp_tp": "1"},
    "ka10059": {"dt": DAY, "stk_cd": STOCK, "amt_qty_tp": "2", "trde_tp": "0", "unit_tp": "1"},
    "ka10095": {"stk_cd": f"{STOCK}|000660"},
    "ka10099": {"mrkt_tp": "0"},
    "ka20001": {"mrkt_tp": "0", "inds_cd": "001"},
    "ka10051": {"mrkt_tp": "0", "amt_qty_tp": "0", "stex_tp": "1"},
    "ka10131": {
        "dt": "5", "mrkt_tp": "001", "netslmt_tp": "2", "stk_inds_tp": "0", "amt_qty_tp": "1",
        "stex_tp": "1",
    },
    "ka10079": {"stk_cd": STOCK, "tic_scope": "1", "upd_stkpc_tp": "1"},
    "ka10080": {"stk_cd": STOCK, "tic_scope": "1", "upd_stkpc_tp": "1"},
    "ka10081": {"stk_cd": STOCK, "base_dt": DAY, "upd_stkpc_tp": "1"},
    "ka10082": {"stk_cd": STOCK, "base_dt": DAY, "upd_stkpc_tp": "1"},
    "ka10083": {"stk_cd": STOCK, "base_dt": DAY, "upd_stkpc_tp": "1"},
}  # fmt: skip
"""A good request for every query the exchange answers."""


class WireClient:
    def __init__(self, base_url: str, app_key: str = "key", secret_key: str = "secret") -> None:
        self.app_key = app_key
        self.secret_key = secret_key
        self.http = httpx.Client(base_url=base_url, timeout=10)
        self.token = ""

    def __enter__(self) -> WireClient:
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def issue(self, **changes: str) -> httpx.Response:
        body = {
            "grant_type": "client_credentials",
            "appkey": self.app_key,
            "secretkey": self.secret_key,
            **changes,
        }
        return self.http.post("/oauth2/token", json=body)

    def login(self) -> WireClient:
        self.token = self.issue().json()["token"]
        return self

    def call(
        self,
        api_id: str,
        body: dict[str, Any] | None = None,
        *,
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"api-id": api_id, "authorization": f"Bearer {self.token}", **(headers or {})}
        where = path or api_catalog.api(api_id).path
        return self.http.post(
            where, json=BODIES.get(api_id, {}) if body is None else body, headers=sent
        )

    def order(self, api_id: str, **fields: str) -> httpx.Response:
        new = {"ord_uv": "", "cond_uv": ""} if api_id in {"kt10000", "kt10001"} else {}
        return self.call(api_id, {"dmst_stex_tp": "KRX", "stk_cd": STOCK, **new, **fields})


class Frames:
    """A WebSocket whose frames are read one by one; PING is answered unless `mute`."""

    def __init__(self, url: str, *, mute: bool = False) -> None:
        self.socket = websocket.create_connection(url, timeout=10)
        self.mute = mute
        self.pings = 0

    def send(self, frame: dict[str, Any]) -> None:
        self.socket.send(json.dumps(frame))

    def next(self) -> dict[str, Any]:
        """The next frame but PING. Raises WebSocketConnectionClosedException at the end."""
        while True:
            frame = self._one()
            if frame is not None:
                return frame

    def _one(self) -> dict[str, Any] | None:
        """The next frame; None for a PING, which is answered."""
        text = self.socket.recv()
        if not text:
            raise websocket.WebSocketConnectionClosedException("closed")
        frame: dict[str, Any] = json.loads(text)
        if frame["trnm"] != "PING":
            return frame
        self.pings += 1
        if not self.mute:
            self.send(frame)
        return None

    def answer(self, name: str) -> dict[str, Any]:
        """The next frame of this name; others in between are skipped."""
        while True:
            frame = self.next()
            if frame["trnm"] == name:
                return frame

    def rows(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The next rows of one type."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            frame = self.answer("REAL")
            found += [row for row in frame["data"] if row["type"] == kind]
        return found

    def quiet(self, seconds: float) -> list[dict[str, Any]]:
        """Everything but PING that arrives within these seconds."""
        found = []
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                frame = self._one()
                if frame is not None:
                    found.append(frame)
        except websocket.WebSocketTimeoutException:
            pass
        finally:
            self.socket.settimeout(10)
        return found

    def login(self, token: str) -> dict[str, Any]:
        self.send({"trnm": "LOGIN", "token": token})
        return self.answer("LOGIN")

    def register(
        self, items: Any, types: Any, *, group: str = "1", refresh: str = "1"
    ) -> dict[str, Any]:
        data = [{"item": items, "type": types}]
        self.send({"trnm": "REG", "grp_no": group, "refresh": refresh, "data": data})
        return self.answer("REG")

    def close(self) -> None:
        self.socket.close()
        # A connection that the server ended is "closed" already, its socket is not.
        self.socket.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def client(base_url: str, app_key: str = "key") -> Iterator[WireClient]:
    with WireClient(base_url, app_key) as found:
        yield found.login()


@contextmanager
def frames(url: str, token: str = "", *, mute: bool = False) -> Iterator[Frames]:
    found = Frames(url, mute=mute)
    try:
        if token:
            assert found.login(token)["return_code"] == 0
        yield found
    finally:
        found.close()
