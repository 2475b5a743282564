"""The stream's control frames (LOGIN, REG, REMOVE, PING and SYSTEM), as recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kt.sim.wire.realtime import ACCOUNT_TYPES, NAMES
from kt.sim.wire.values import bare_code

NOT_REGISTERED = 105111
MOST_ITEMS = 100
MOST_GROUPS = 100
"""The exchange's own limit, more than clients register; the broker's is not known."""
LOGGED_IN = {"trnm": "LOGIN", "return_code": 0, "return_msg": "", "sor_yn": "Y"}
LOGIN_FAILED = {
    "trnm": "LOGIN",
    "return_code": 805004,
    "return_msg": "토큰 인증에 실패했습니다. 접속을 종료합니다"
    " [CODE=8005, MESSAGE=Token이 유효하지 않습니다]",
}
NO_TOKEN = {
    "trnm": "LOGIN",
    "return_code": 805002,
    "return_msg": "인증을 체크하기 위한 Token 값이 없습니다",
}
PING = {"trnm": "PING"}
SILENT = {
    "trnm": "SYSTEM",
    "code": "R10002",
    "message": "사용자 프로그램으로부터 Heartbeat(연결유지) 메시지가 오지않아서 접속을 종료합니다",
}
REPLACED = {
    "trnm": "SYSTEM",
    "code": "R10001",
    "message": "동일한 App key로 접속이 되었습니다. 기존 세션은 종료가 됩니다",
}


def not_logged_in(trnm: str) -> dict[str, Any]:
    """The reply to a request that is sent before LOGIN and ignored."""
    text = "로그인 인증이 들어오기 전에 다른 전문이 들어왔습니다. 해당 전문은 무시됩니다."
    return {"trnm": trnm, "return_code": 100013, "return_msg": f"{text} (TRNM={trnm})"}


def done(trnm: str) -> dict[str, Any]:
    return {"trnm": trnm, "return_code": 0, "return_msg": ""}


def failed(trnm: str) -> dict[str, Any]:
    what = "등록" if trnm == "REG" else "해지"
    message = f"실시간 항목 {what}에 실패했습니다"
    return {"trnm": trnm, "return_code": NOT_REGISTERED, "return_msg": message}


def unknown(trnm: str) -> dict[str, Any]:
    if not trnm:
        text = "필수 파라미터가 누락되어 있습니다"
        return {"trnm": trnm, "return_code": 100002, "return_msg": text}
    return {"trnm": trnm, "return_code": 105108, "return_msg": "정의되어 있지 않는 TRNM입니다"}


@dataclass(frozen=True, slots=True)
class Registration:
    """One REG or REMOVE: (type, item) pairs, with the item as the client wrote it."""

    group: str
    keep: bool
    pairs: frozenset[tuple[str, str]]

    @property
    def whole_group(self) -> bool:
        return not self.pairs


def registration(frame: Mapping[str, Any]) -> Registration | None:
    """The registration in a frame; None when `item` or `type` is not an array of known values."""
    pairs: set[tuple[str, str]] = set()
    data = frame.get("data", [])
    if not isinstance(data, list):
        return None
    for entry in data:
        if not isinstance(entry, dict):
            return None
        items, types = _texts(entry.get("item", [])), _texts(entry.get("type"))
        if items is None or types is None or not set(types) <= NAMES.keys():
            return None
        for kind in types:
            pairs |= {(kind, item) for item in _items(kind, items)}
    group, refresh = str(frame.get("grp_no", "")), str(frame.get("refresh", "1"))
    return Registration(group, refresh != "0", frozenset(pairs))


def _texts(value: object) -> list[str] | None:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return value
    return None


def _items(kind: str, items: Iterable[str]) -> Iterable[str]:
    """Account types need no item: `[]` and `[""]` mean the same."""
    return [""] if kind in ACCOUNT_TYPES else (list(items) or [""])


def item_code(item: str) -> str:
    """The stock code of an item: `A005930`, `005930_AL` and `005930` are the same stock."""
    return bare_code(item)


ENCODER = msgspec.json.Encoder()


def real(rows: Iterable[bytes]) -> str:
    """A REAL frame of rows that are already JSON: each row is encoded once for all clients."""
    return (b'{"data":[' + b",".join(rows) + b'],"trnm":"REAL"}').decode()


def text(frame: Mapping[str, Any]) -> str:
    return ENCODER.encode(frame).decode()
