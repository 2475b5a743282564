"""Whatever is asked is answered in the broker's own form: never with a failure of the server."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from kt.sim.wire.apis import SERVED
from tests.serving import Served
from tests.sim.wireclient import BODIES, WireClient, frames

ORDER = {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "1", "ord_uv": "", "trde_tp": "3",
         "cond_uv": "", "orig_ord_no": "0000001", "mdfy_qty": "1", "mdfy_uv": "1",
         "mdfy_cond_uv": "", "cncl_qty": "0"}  # fmt: skip
NONSENSE: list[Any] = [
    "", " ", "abc", "-1", "1.5", "0|1", "_", "٣", "9" * 30, "20261332", "A005930_AL", "%",
    None, -1, 1.5, True, [], {"a": 1}, 10**40,
]  # fmt: skip
BODIES_OF_NOBODY = [
    b"", b"null", b'"x"', b"[]", b"{", b"[" * 50_000, b'{"a":' * 10_000, b"\xff\xfe",
    b'{"stk_cd":' + b"9" * 6_000 + b"}", b'{"stk_cd":1e999}', b'{"stk_cd":"\\ud800"}',
]  # fmt: skip


@pytest.mark.parametrize("api_id", SERVED)
def test_every_field_of_every_api_may_hold_anything(wire: WireClient, api_id: str) -> None:
    """A third of it for each field, another for each: all of it for every API."""
    body = BODIES.get(api_id, ORDER)
    for number, name in enumerate(body):
        for value in NONSENSE[number % 3 :: 3]:
            answer = wire.call(api_id, {**body, name: value}, path=SERVED[api_id].api.path)
            assert answer.status_code == 200, (name, value)
            assert isinstance(answer.json()["return_code"], int)


@pytest.mark.parametrize("path", ["/api/dostk/acnt", "/oauth2/token", "/oauth2/revoke"])
def test_every_body_may_be_anything(wire: WireClient, path: str) -> None:
    headers = {
        "api-id": "kt00001", "authorization": f"Bearer {wire.token}",
        "content-type": "application/json",
    }  # fmt: skip
    for content in BODIES_OF_NOBODY:
        answer = wire.http.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["return_code"] > 0) == (200, True), content[:40]


@pytest.mark.parametrize("seed", range(3))
def test_a_session_outlives_mutated_frames(served: Served, wire: WireClient, seed: int) -> None:
    chance = random.Random(seed)
    good = json.dumps(
        {"trnm": "REG", "grp_no": "1", "refresh": "1",
         "data": [{"item": ["005930"], "type": ["0B", "00"]}]}
    )  # fmt: skip
    with frames(served.ws_url, wire.token) as stream:
        for _ in range(300):
            text = list(good)
            for _ in range(chance.randint(1, 6)):
                place = chance.randrange(len(text))
                kind = chance.randrange(3)
                if kind == 0:
                    text[place] = chr(chance.choice([*range(32, 127), 0xAC00, 0x1F600]))
                elif kind == 1:
                    del text[place : place + chance.randint(1, 8)]
                else:
                    text[place:place] = chance.choice(["null", "{", "[", "9" * 40, '"', "1e999"])
                text = text or [" "]
            stream.socket.send("".join(text))
        stream.send({"trnm": "REMOVE", "grp_no": "last", "data": []})
        assert stream.answer("REMOVE")["return_code"] == 0
