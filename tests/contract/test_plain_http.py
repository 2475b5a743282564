"""A client written with nothing but the standard library, the way short scripts are, works too."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.serving import Served, serve

STOCK = "005930"
Headers = dict[str, str]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(speed=20, cash=100_000_000) as found:
        yield found


@pytest.fixture(autouse=True)
def without_faults(served: Served) -> Iterator[None]:
    yield
    served.set_faults([])


class Script:
    """One function per request; every request on a connection of its own, as urllib does it."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self.key = key
        self.token = ""

    def send(
        self, path: str, body: Any, headers: Headers | None = None
    ) -> tuple[int, Headers, Any]:
        """JSON with spaces; the answer's header names as they came."""
        sent = {"Content-Type": "application/json;charset=UTF-8", "User-Agent": "my-script/1.0"}
        request = urllib.request.Request(
            self.base_url + path, json.dumps(body).encode(), {**sent, **(headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, dict(response.headers), json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def issue(self) -> str:
        keys = {"grant_type": "client_credentials", "appkey": self.key, "secretkey": "secret"}
        status, _, body = self.send("/oauth2/token", {**keys, "note": "unknown field"})
        assert (status, body["return_code"]) == (200, 0)
        self.token = str(body["token"])
        return self.token

    def call(self, api_id: str, path: str, body: Any, **headers: str) -> tuple[int, Headers, Any]:
        """The first page is asked for with `cont-yn: N`, as the broker's samples do."""
        common = {
            "Authorization": f"Bearer {self.token}", "cont-yn": "N", "next-key": "",
            "api-id": api_id,
        }  # fmt: skip
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(f"/api/dostk/{path}", body, common | named)


@pytest.fixture
def script(served: Served, request: pytest.FixtureRequest) -> Script:
    found = Script(served.base_url, request.node.name)
    found.issue()
    return found


def test_urllibs_own_name_is_stopped_and_any_other_is_not(served: Served, script: Script) -> None:
    keys = {"grant_type": "client_credentials", "appkey": "x", "secretkey": "y"}
    request = urllib.request.Request(
        f"{served.base_url}/oauth2/token",
        json.dumps(keys).encode(),
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        assert error.code == 400
        assert error.headers["content-type"].startswith("text/html")
        assert b"<html>" in error.read()
    for name in ("python-requests/2.32.3", "curl/8.5.0", "Mozilla/5.0", ""):
        assert script.send("/oauth2/token", keys, {"User-Agent": name})[0] == 200


def test_header_names_in_any_case(served: Served, script: Script) -> None:
    """http.client writes them as they are given; the token's scheme may be in small letters."""
    body = json.dumps({"stk_cd": STOCK, "extra": None, "more": [1]}, indent=2).encode()
    address = urlsplit(served.base_url).netloc
    line = http.client.HTTPConnection(address, timeout=10)
    try:
        for names in (
            {"AUTHORIZATION": f"Bearer {script.token}", "API-ID": "ka10001"},
            {"authorization": f"bearer {script.token}", "api-id": "ka10001"},
            {"Authorization": f"Bearer  {script.token} ", "Api-Id": "ka10001"},
        ):
            line.request(
                "POST", "/api/dostk/stkinfo", body, {**names, "Content-Type": "application/json"}
            )
            answer = line.getresponse()
            assert json.loads(answer.read())["stk_nm"] == "삼성전자"
            assert answer.getheader("api-id") == "ka10001"
            assert answer.getheader("Cont-Yn") == "N"
    finally:
        line.close()


def test_a_body_sent_in_chunks(served: Served, script: Script) -> None:
    line = http.client.HTTPConnection(urlsplit(served.base_url).netloc, timeout=10)
    headers = {"authorization": f"Bearer {script.token}", "api-id": "ka10001",
               "content-type": "application/json"}  # fmt: skip
    try:
        parts = iter([b'{"stk_', b'cd": "0059', b'30"}'])
        line.request("POST", "/api/dostk/stkinfo", parts, headers, encode_chunked=True)
        assert json.loads(line.getresponse().read())["stk_cd"] == STOCK
    finally:
        line.close()


def test_a_loop_over_pages_ends_with_all_of_them(script: Script) -> None:
    body = {"mrkt_tp": "000", "sort_tp": "1", "mang_stk_incls": "0", "crd_tp": "0",
            "trde_qty_tp": "0", "pric_tp": "0", "trde_prica_tp": "0", "mrkt_open_tp": "0",
            "stex_tp": "3"}  # fmt: skip
    rows: list[dict[str, str]] = []
    cont, key, pages = "N", "", 0
    while True:
        _, headers, answer = script.call("ka10030", "rkinfo", body, cont_yn=cont, next_key=key)
        rows += answer["tdy_trde_qty_upper"]
        pages += 1
        cont, key = headers["cont-yn"], headers["next-key"]
        if cont != "Y":
            break
    assert (cont, key) == ("N", "")
    assert pages == 2 and len({row["stk_cd"] for row in rows}) == len(rows) == 200
    volumes = [int(row["trde_qty"]) for row in rows]
    # Volumes of the second page are those of the moment of the first.
    assert volumes == sorted(volumes, reverse=True)


def test_numbers_instead_of_texts_and_what_may_be_left_out(script: Script) -> None:
    order = {"dmst_stex_tp": "KRX", "stk_cd": STOCK, "ord_qty": 3, "trde_tp": 3}
    assert script.call("kt10000", "ordr", order)[2]["return_code"] == 0
    assert script.call("kt10000", "ordr", {**order, "ord_uv": None})[2]["return_code"] == 0
    assert script.call("kt10000", "ordr", {**order, "ord_uv": "0"})[2]["return_code"] == 0
    _, _, stock = script.call("ka10001", "stkinfo", {"stk_cd": f"A{STOCK}"})
    lower = abs(int(stock["lst_pric"]))
    limit = {**order, "trde_tp": "0", "ord_uv": lower, "cond_uv": ""}
    number = script.call("kt10000", "ordr", limit)[2]["ord_no"]
    # Order numbers compare as integers: without their zeros they are the same.
    gone = {"dmst_stex_tp": "KRX", "orig_ord_no": int(number), "stk_cd": f"A{STOCK}", "cncl_qty": 0}
    cancelled = script.call("kt10003", "ordr", gone)[2]
    assert (cancelled["return_code"], int(cancelled["cncl_qty"])) == (0, 3)
    again = script.call("kt10003", "ordr", gone)[2]
    assert (again["return_code"], "RC4033" in again["return_msg"]) == (20, True)


def test_a_429_is_waited_out(served: Served, script: Script) -> None:
    served.set_faults([{"api": "kt00001", "action": "rate", "count": 3}])
    waited = 0.05
    for _ in range(6):
        status, _, body = script.call("kt00001", "acnt", {"qry_tp": "2"})
        if status != 429:
            break
        assert json.loads(body)["return_code"] == 5
        time.sleep(waited)
        waited *= 2
    assert (status, body["return_code"]) == (200, 0)


def test_a_token_that_has_died_is_asked_for_again(served: Served, script: Script) -> None:
    """Two scripts of one key: issuing again gives the same token while it is valid."""
    other = Script(served.base_url, script.key)
    assert other.issue() == script.token
    served.context.tokens.expire(script.key)
    _, _, body = script.call("ka00001", "acnt", {})
    assert (body["return_code"], "8005" in body["return_msg"]) == (3, True)
    dead = script.token
    assert script.issue() != dead
    assert script.call("ka00001", "acnt", {})[2]["return_code"] == 0
    assert other.call("ka00001", "acnt", {})[2]["return_code"] == 3


def test_the_account_as_scripts_ask_for_it(script: Script) -> None:
    order = {"dmst_stex_tp": "KRX", "stk_cd": STOCK, "ord_qty": "2", "ord_uv": "", "trde_tp": "3"}
    number = script.call("kt10000", "ordr", order)[2]["ord_no"]
    asked = {"qry_tp": "0", "stex_tp": "0", "sell_tp": "0", "stk_cd": "", "ord_no": ""}
    while not (filled := script.call("ka10076", "acnt", asked)[2]["cntr"]):
        pass
    assert {row["ord_no"] for row in filled} == {number}
    # "Before this order number": the broker's way of going on from a fill.
    before = script.call("ka10076", "acnt", {**asked, "ord_no": number})[2]["cntr"]
    assert before == []
    opened = {"all_stk_tp": "0", "trde_tp": "0", "stk_cd": "", "stex_tp": "0"}
    assert script.call("ka10075", "acnt", opened)[2]["oso"] == []
    for query in ("1", "2"):
        held = script.call("kt00018", "acnt", {"qry_tp": query, "dmst_stex_tp": "KRX"})[2]
        assert held["acnt_evlt_remn_indv_tot"][0]["rmnd_qty"] == "000000000000002"
    for query in ("2", "3"):
        cash = script.call("kt00001", "acnt", {"qry_tp": query})[2]
        assert int(cash["ord_alow_amt"]) == int(cash["entr"]) - int(cash["profa_ch"])
