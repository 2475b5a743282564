"""The server's answers over HTTP: shapes, refusals, paging, tokens, rates, its own time."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kt import api_catalog
from kt.records import KST
from kt.sim.wire.apis import SERVED
from tests.serving import Served, serve
from tests.sim.wireclient import BODIES, DAY, STOCK, WireClient, client


def test_every_query_the_exchange_serves_has_a_request_here() -> None:
    queries = {api_id for api_id, served in SERVED.items() if not served.api.places_orders}
    assert BODIES.keys() == queries


@pytest.mark.parametrize("api_id", sorted(BODIES))
def test_every_documented_field_is_there_and_a_string(wire: WireClient, api_id: str) -> None:
    api = api_catalog.api(api_id)
    wire.order("kt10000", ord_qty="1", trde_tp="3")
    answer = wire.call(api_id)
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert answer.headers["api-id"] == api_id
    assert body.pop("return_code") == 0
    assert isinstance(body.pop("return_msg"), str)
    rows = body.pop(api.row_list, [])
    assert set(body) == set(api.fields)
    assert all(isinstance(value, str) for value in body.values())
    for row in rows:
        assert set(row) == set(api.row_fields)
        assert all(isinstance(value, str) for value in row.values())


@pytest.mark.parametrize("api_id", ["ka10008", "ka10046", "ka10023", "ka10080"])
def test_lists_are_not_empty(wire: WireClient, api_id: str) -> None:
    body = wire.call(api_id).json()
    rows = next(value for value in body.values() if isinstance(value, list))
    assert len(rows) > 10


# --- refusals --------------------------------------------------------------------------------


def refused(wire: WireClient, api_id: str = "kt00001", **how: Any) -> tuple[int, int, str]:
    answer = wire.call(api_id, **how)
    body = answer.json()
    assert set(body) == {"return_code", "return_msg"}
    return answer.status_code, body["return_code"], body["return_msg"]


def test_missing_field_is_1511_with_its_name(wire: WireClient) -> None:
    text = (
        "입력 값 오류입니다[1511:필수 입력 값에 값이 존재하지 않습니다. 필수입력 파라미터=qry_tp]"
    )
    assert refused(wire, body={}) == (200, 2, text)
    assert refused(wire, body={"qry_tp": " "}) == (200, 2, text)
    assert refused(wire, body={"qry_tp": None}) == (200, 2, text)


def test_wrong_path_is_1504(wire: WireClient) -> None:
    path = "/api/dostk/stkinfo"
    text = (
        "잘못된 요청입니다[1504:해당 URI에서는 지원하는 API ID가 아닙니다."
        f" API ID=kt00001, URI={path}]"
    )
    assert refused(wire, path=path) == (200, 1, text)


@pytest.mark.parametrize("api_id", ["ka99999", "ka10009", "KA10001"])
def test_unknown_and_retired_ids_are_1505(wire: WireClient, api_id: str) -> None:
    text = f"잘못된 요청입니다[1505:해당 API ID는 존재하지 않습니다. API ID={api_id}]"
    assert refused(wire, api_id, path="/api/dostk/frgnistt") == (200, 1, text)


def test_no_api_id_is_1501(wire: WireClient) -> None:
    text = "잘못된 요청입니다[1501:API ID가 Null이거나 값이 없습니다]"
    assert refused(wire, path="/api/dostk/acnt", headers={"api-id": ""}) == (200, 1, text)


def test_documented_but_not_served_is_8104(wire: WireClient) -> None:
    text = "입력 값 오류입니다[8104:모의투자에서 지원하지 않는 API 입니다.]"
    assert refused(wire, "ka01690", path="/api/dostk/acnt") == (200, 2, text)


DEAD = "인증에 실패했습니다[8005:Token이 유효하지 않습니다]"


@pytest.mark.parametrize(
    ("header", "code"),
    [("Bearer wrong", 8005), ("", 1513), ("whatever", 1514), ("Basic abc", 1515), ("Bearer", 1516)],
)
def test_authorization_faults_are_http_200(wire: WireClient, header: str, code: int) -> None:
    status, return_code, text = refused(wire, headers={"authorization": header})
    assert (status, return_code) == (200, 3)
    assert f"[{code}:" in text


def test_no_and_bad_token_are_8005(wire: WireClient, served: Served) -> None:
    assert refused(wire, headers={"authorization": "Bearer x"}) == (200, 3, DEAD)
    answer = wire.http.post("/api/dostk/acnt", json={}, headers={"api-id": "kt00001"})
    assert (answer.status_code, answer.json()["return_msg"]) == (200, DEAD)


def test_a_body_that_is_not_json_is_1517(wire: WireClient) -> None:
    headers = {"api-id": "kt00001", "authorization": f"Bearer {wire.token}"}
    for content in (b"{", b"[1]", b"\xff", b"[" * 60_000):
        body = wire.http.post("/api/dostk/acnt", content=content, headers=headers).json()
        assert body["return_code"] == 2
        assert "[1517:" in body["return_msg"]
    headers["content-type"] = "text/plain"
    body = wire.http.post("/api/dostk/acnt", content=b"{}", headers=headers).json()
    assert "[1512:" in body["return_msg"]


def test_more_than_100_codes_is_1634_and_permanent(wire: WireClient) -> None:
    status, code, text = refused(wire, "ka10095", body={"stk_cd": "|".join([STOCK] * 101)})
    assert (status, code) == (200, 5)
    assert "[1634:" in text
    assert len(wire.call("ka10095", {"stk_cd": "|".join([STOCK] * 100)}).json()) == 3


def test_unknown_stock_is_a_success_with_empty_fields(wire: WireClient) -> None:
    body = wire.call("ka10001", {"stk_cd": "999999"}).json()
    assert body.pop("return_code") == 0
    body.pop("return_msg")
    assert set(body.values()) == {""}
    assert wire.call("ka10095", {"stk_cd": "999999"}).json()["atn_stk_infr"] == []
    asked = [api_id for api_id, body in BODIES.items() if body.get("stk_cd") == STOCK]
    for api_id in set(asked) - {"kt00010"}:
        assert wire.call(api_id, {**BODIES[api_id], "stk_cd": "999999"}).json()["return_code"] == 0
    money = wire.call("kt00010", {**BODIES["kt00010"], "stk_cd": "999999"}).json()
    assert money == {"return_code": 20, "return_msg": "[2000](RC7006:모의투자 조회실패)"}


@pytest.mark.parametrize("code", ["A005930", "005930_NX", "005930_AL"])
def test_suffixes_and_the_letter_name_the_same_stock(wire: WireClient, code: str) -> None:
    assert wire.call("ka10001", {"stk_cd": code}).json()["stk_nm"] == "삼성전자"
    assert wire.call("ka10081", {**BODIES["ka10081"], "stk_cd": code}).json()["stk_cd"] == code


def test_nothing_but_post_and_nothing_else_is_served(wire: WireClient) -> None:
    assert wire.http.get("/api/dostk/acnt").status_code == 405


# --- paging ----------------------------------------------------------------------------------


def pages(wire: WireClient, api_id: str, body: dict[str, str]) -> list[list[dict[str, str]]]:
    found = []
    headers: dict[str, str] = {}
    while True:
        answer = wire.call(api_id, body, headers=headers)
        found.append(next(value for value in answer.json().values() if isinstance(value, list)))
        if answer.headers["cont-yn"] != "Y":
            assert answer.headers["next-key"] == ""
            return found
        headers = {"cont-yn": "Y", "next-key": answer.headers["next-key"]}


def test_minute_bars_come_in_pages_of_900_newest_first(wire: WireClient) -> None:
    found = pages(wire, "ka10080", BODIES["ka10080"])
    assert len(found) > 1
    assert [len(page) for page in found[:-1]] == [900] * (len(found) - 1)
    times = [row["cntr_tm"] for page in found for row in page]
    assert times == sorted(set(times), reverse=True)


def test_daily_bars_end_at_the_base_day_and_chain(wire: WireClient) -> None:
    body = {**BODIES["ka10081"], "base_dt": "20261030"}
    rows = [row for page in pages(wire, "ka10081", body) for row in page]
    assert rows[0]["dt"] == "20261030"
    for later, earlier in pairwise(rows):
        assert int(later["pred_pre"]) == int(later["cur_prc"]) - int(earlier["cur_prc"])


def test_rankings_come_in_pages_and_together_make_the_market(wire: WireClient) -> None:
    found = pages(wire, "ka10030", BODIES["ka10030"])
    assert len(found[0]) == 100
    codes = [row["stk_cd"] for page in found for row in page]
    assert len(codes) == len(set(codes)) > 150


def test_new_rows_between_two_pages_shift_nothing() -> None:
    with serve(speed=10, cash=1_000_000_000) as served, client(served.base_url) as wire:
        lower = abs(int(wire.call("ka10001").json()["lst_pric"]))
        numbers = [
            wire.order("kt10000", ord_qty="1", trde_tp="0", ord_uv=str(lower)).json()["ord_no"]
            for _ in range(103)
        ]
        while not (key := (first := wire.call("ka10075")).headers["next-key"]):
            pass
        wire.order("kt10003", orig_ord_no=numbers[-1], cncl_qty="0")
        headers = {"cont-yn": "Y", "next-key": key}
        again = [wire.call("ka10075", headers=headers).json()["oso"] for _ in range(2)]
        assert again[0] == again[1]
        seen = [row["ord_no"] for row in [*first.json()["oso"], *again[0]]]
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen)) >= 101
        with client(served.base_url, "stranger") as stranger:
            assert "[1517:" in stranger.call("ka10075", headers=headers).json()["return_msg"]


def test_a_foreign_next_key_is_refused(wire: WireClient) -> None:
    key = wire.call("ka10080").headers["next-key"]
    for wrong in (key, "nonsense", "****"):
        headers = {"cont-yn": "Y", "next-key": wrong}
        assert "[1517:" in refused(wire, "ka10030", headers=headers)[2]


def test_markets_and_sorts_of_rankings(wire: WireClient) -> None:
    kospi = wire.call("ka10030", {**BODIES["ka10030"], "mrkt_tp": "001"}).json()
    kosdaq = wire.call("ka10030", {**BODIES["ka10030"], "mrkt_tp": "101"}).json()
    one, other = ({row["stk_cd"] for row in body["tdy_trde_qty_upper"]} for body in (kospi, kosdaq))
    assert one and other and not one & other
    falling = wire.call("ka10027", {**BODIES["ka10027"], "sort_tp": "3"}).json()
    rates = [float(row["flu_rt"]) for row in falling["pred_pre_flu_rt_upper"]]
    assert rates == sorted(rates) and rates[0] < 0
    big = wire.call("ka10030", {**BODIES["ka10030"], "trde_qty_tp": "1000"}).json()
    assert all(int(row["trde_qty"]) >= 1_000_000 for row in big["tdy_trde_qty_upper"])


# --- tokens, time, rates -----------------------------------------------------------------------


def test_token_lives_a_day_in_korean_time_and_is_issued_again(served: Served) -> None:
    with WireClient(served.base_url, "token-key") as wire:
        first, second = wire.issue().json(), wire.issue().json()
    assert first["token"] == second["token"]
    assert len(first["token"]) == 86
    assert (first["token_type"], first["return_code"]) == ("Bearer", 0)
    expires = datetime.strptime(first["expires_dt"], "%Y%m%d%H%M%S").replace(tzinfo=KST)
    left = expires - served.clock.now()
    assert timedelta(hours=23, minutes=59) < left < timedelta(hours=24)


def test_revoked_token_is_dead_and_the_next_one_is_new(served: Served) -> None:
    with client(served.base_url, "revoking") as wire:
        body = {"appkey": "revoking", "secretkey": "secret", "token": wire.token}
        answer = wire.http.post("/oauth2/revoke", json=body).json()
        assert answer == {"return_code": 0, "return_msg": "정상적으로 처리되었습니다"}
        assert wire.call("kt00001").json()["return_msg"] == DEAD
        assert wire.http.post("/oauth2/revoke", json=body).json()["return_code"] == 3
        old = wire.token
        assert wire.login().token != old
        assert wire.call("kt00001").json()["return_code"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [({"grant_type": ""}, 8011), ({"grant_type": "password"}, 8012), ({"appkey": ""}, 8020)],
)
def test_bad_token_requests(served: Served, change: dict[str, str], code: int) -> None:
    with WireClient(served.base_url) as wire:
        body = wire.issue(**change).json()
    assert body["return_code"] == 3
    assert body["return_msg"].startswith(f"인증에 실패했습니다[{code}:")


def test_given_keys_are_the_only_ones() -> None:
    with serve(app_key="mine", secret_key="secret") as served:
        with WireClient(served.base_url, "other") as other:
            wrong = other.issue()
        assert (wrong.status_code, wrong.json()["return_code"]) == (200, 3)
        assert "[8001:App Key와 Secret Key 검증에 실패했습니다]" in wrong.json()["return_msg"]
        with WireClient(served.base_url, "mine") as mine:
            assert mine.issue().json()["return_code"] == 0


def test_each_app_key_is_an_account_with_its_own_cash(served: Served) -> None:
    with client(served.base_url, "one") as one, client(served.base_url, "two") as two:
        numbers = {each.call("ka00001").json()["acctNo"] for each in (one, two)}
        assert len(numbers) == 2
        one.order("kt10000", ord_qty="10", trde_tp="3")
        cash = [each.call("kt00001").json()["ord_alow_amt"] for each in (one, two)]
        assert int(cash[0]) < int(cash[1]) == 10_000_000


def test_expired_token_is_8005() -> None:
    # 86,399 s of the exchange's clock pass in under half a second.
    with serve(speed=400_000) as served, client(served.base_url) as wire:
        while wire.call("kt00001").json()["return_code"] == 0:
            pass
        assert wire.call("kt00001").json()["return_msg"] == DEAD


def test_date_header_is_the_exchanges_own_time(served: Served, wire: WireClient) -> None:
    date = wire.call("kt00001").headers["date"]
    assert date.endswith("GMT")
    assert abs(parsedate_to_datetime(date) - served.clock.now()) < timedelta(seconds=5)


def test_recorded_bars_are_replayed(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"005930,2026-11-23T09:{m:02d}:00,70000,70100,69900,70000,100" for m in range(60)]
    path.write_text("\n".join(["code,at,open,high,low,close,volume", *rows]), encoding="utf-8")
    with serve(replay=path) as served, client(served.base_url) as wire:
        assert wire.call("ka10001").json()["cur_prc"].lstrip("+-") == "70000"
        bars = wire.call("ka10080").json()["stk_min_pole_chart_qry"]
        assert {bar["high_pric"].lstrip("+-") for bar in bars if bar["cntr_tm"] < f"{DAY}100000"
                and bar["cntr_tm"] > f"{DAY}090000"} == {"70100"}  # fmt: skip


def test_status_carries_the_clock(served: Served) -> None:
    with WireClient(served.base_url) as wire:
        clock = wire.http.get("/kt/clock").json()
    status = served.control.status()
    assert set(clock) == {"now", "anchor", "anchor_real", "speed"}
    assert {"now", "anchor", "anchor_real", "speed", "seed", "pid", "version"} <= set(status)
    assert status["anchor"] == "2026-11-23T10:00:00+09:00"
    assert (status["speed"], status["seed"]) == (1.0, 1)


def test_a_burst_is_answered_429_on_its_own_api_alone() -> None:
    with serve(rate=5) as served, client(served.base_url) as wire:
        answers = [wire.call("kt00001") for _ in range(20)]
        late = [answer for answer in answers if answer.status_code == 429]
        assert 10 <= len(late) <= 15
        assert late[0].json() == {
            "return_code": 5,
            "return_msg": "허용된 요청 개수를 초과하였습니다"
            "[1700:허용된 API 요청 개수를 초과하였습니다. 유량=5, API ID=kt00001]",
        }
        assert wire.call("kt00018").status_code == 200
        assert wire.order("kt10000", ord_qty="1", trde_tp="3").status_code == 200
        heavy = [wire.call("ka10099").status_code for _ in range(3)]
        assert heavy == [200, 429, 429]
        assert "유량=0.5" in wire.call("ka10099").json()["return_msg"]


def test_the_token_endpoint_is_stricter() -> None:
    with serve(rate=5) as served:
        with WireClient(served.base_url) as wire:
            statuses = [wire.issue().status_code for _ in range(6)]
        assert statuses[:3] == [200] * 3
        assert statuses[-1] == 429
        with WireClient(served.base_url, "another") as other:
            assert other.issue().status_code == 200
