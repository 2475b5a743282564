"""A client that strangers wrote for the real server works on the exchange unchanged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from kiwoom_client import (
    AsyncKiwoomAPI,
    KiwoomAPI,
    KiwoomAPIError,
    KiwoomAuthError,
    KiwoomWebSocket,
    extract_records,
    normalize,
)
from kiwoom_client.websocket import KiwoomWebSocketError

from kt.records import KST
from kt.rules import calendar
from tests.serving import Served, serve
from tests.sim.wireclient import BODIES

STOCK = "005930"
MARKET_BUY = {"dmst_stex_tp": "KRX", "stk_cd": STOCK, "ord_uv": "", "trde_tp": "3", "cond_uv": ""}


def today() -> str:
    """A trading day that is not over: these clients hold a token's end against the real clock."""
    day = datetime.now(KST).date()
    return (day if calendar.is_trading_day(day) else calendar.next_trading_day(day)).isoformat()


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with serve(speed=10, ping_seconds=0.1, day=today()) as found:
        yield found


@pytest.fixture
def served(running: Served) -> Iterator[Served]:
    yield running
    running.set_faults([])


@pytest.fixture
def api(served: Served, request: pytest.FixtureRequest) -> Iterator[KiwoomAPI]:
    with KiwoomAPI(
        request.node.name, "secret", base_url=served.base_url, rate_limit=None, retry_backoff=0.05
    ) as found:
        yield found


def test_queries(api: KiwoomAPI) -> None:
    stock = normalize(api.stock_info.basic_stock_info(stk_cd=STOCK))
    assert stock["stk_nm"] == "삼성전자"
    assert abs(stock["cur_prc"]) > 1000
    assert normalize(api.market.stock_quote(stk_cd=STOCK))["tot_sel_req"] > 0
    key, rows = extract_records(api.ranking.top_trading_value(**BODIES["ka10032"]))
    assert (key, len(rows)) == ("trde_prica_upper", 100)
    assert api.account.account_number_inquiry()["acctNo"].isdigit()
    assert int(api.account.deposit_detail(qry_tp="3")["ord_alow_amt"]) == 10_000_000
    assert api.stock_info.basic_stock_info(stk_cd="999999")["stk_nm"] == ""


def test_paging(api: KiwoomAPI) -> None:
    rows = api._base_client.request_all(
        "/api/dostk/chart", "ka10080", BODIES["ka10080"], "stk_min_pole_chart_qry"
    )
    times = [row["cntr_tm"] for row in rows]
    assert len(times) > 900
    assert times == sorted(set(times), reverse=True)


def test_an_order_from_number_to_holding(api: KiwoomAPI) -> None:
    # Numbers instead of texts, as its own documentation shows.
    wanted: dict[str, Any] = {**MARKET_BUY, "ord_qty": 3}
    answer = api.order.buy_order(**wanted)
    assert len(answer["ord_no"]) == 7
    end = time.monotonic() + 10
    fills: list[dict[str, Any]] = []
    while not fills and time.monotonic() < end:
        fills = api.account.filled_orders(**BODIES["ka10076"])["cntr"]
    assert sum(int(fill["cntr_qty"]) for fill in fills) == 3
    held = api.account.evaluation_balance_detail(qry_tp="1", dmst_stex_tp="KRX")
    assert held["acnt_evlt_remn_indv_tot"][0]["stk_cd"] == f"A{STOCK}"
    sold = api.order.sell_order(**{**MARKET_BUY, "ord_qty": "3"})
    assert int(sold["ord_no"]) > int(answer["ord_no"])


def test_amend_and_cancel(api: KiwoomAPI) -> None:
    lower = abs(int(api.stock_info.basic_stock_info(stk_cd=STOCK)["lst_pric"]))
    limit = {**MARKET_BUY, "ord_qty": "2", "trde_tp": "0", "ord_uv": str(lower)}
    first = api.order.buy_order(**limit)["ord_no"]
    common = {"dmst_stex_tp": "KRX", "stk_cd": STOCK}
    amended = api.order.modify_order(
        **common, orig_ord_no=first, mdfy_qty="2", mdfy_uv=str(lower + 100), mdfy_cond_uv=""
    )
    gone = api.order.cancel_order(**common, orig_ord_no=amended["ord_no"], cncl_qty="0")
    assert gone["base_orig_ord_no"] == first
    assert int(gone["cncl_qty"]) == 2


def test_a_rejection_is_its_own_error(api: KiwoomAPI) -> None:
    with pytest.raises(KiwoomAPIError) as caught:
        api.order.buy_order(**{**MARKET_BUY, "trde_tp": "0", "ord_uv": "200501", "ord_qty": "1"})
    assert caught.value.code == 20
    assert "RC4003" in caught.value.message
    with pytest.raises(KiwoomAPIError) as caught:
        api.account.deposit_detail()
    assert (caught.value.code, "1511" in caught.value.message) == (2, True)


def test_too_many_requests_are_waited_out(served: Served, api: KiwoomAPI) -> None:
    served.set_faults([{"api": "ka10001", "action": "rate", "count": 2}])
    assert api.stock_info.basic_stock_info(stk_cd=STOCK)["stk_nm"] == "삼성전자"
    served.set_faults([{"api": "ka10001", "action": "rate", "count": 0}])
    with pytest.raises(httpx.HTTPStatusError) as caught:
        api.stock_info.basic_stock_info(stk_cd=STOCK)
    assert caught.value.response.status_code == 429


def test_its_own_pacing_is_never_refused() -> None:
    with (
        serve(rate=5, day=today()) as served,
        KiwoomAPI(
            "k", "s", base_url=served.base_url, rate_limit=5, rate_burst=5, max_retries=0
        ) as api,
    ):
        for _ in range(12):
            assert api.account.deposit_detail(qry_tp="3")["return_code"] == 0


def test_a_dead_token_is_renewed(served: Served, api: KiwoomAPI) -> None:
    api.login()
    old = api._auth.token
    served.context.tokens.expire(api._base_client.app_key)
    assert api.account.deposit_detail(qry_tp="3")["return_code"] == 0
    assert api._auth.token != old


def test_logout_and_wrong_keys(served: Served, api: KiwoomAPI) -> None:
    api.login()
    assert api.logout()["return_code"] == 0
    with (
        serve(app_key="mine", secret_key="hidden", day=today()) as closed,
        KiwoomAPI("other", "hidden", base_url=closed.base_url) as stranger,
        pytest.raises(KiwoomAuthError, match="8001"),
    ):
        stranger.login()


def test_its_asynchronous_twin(served: Served) -> None:
    async def ask() -> list[str]:
        async with AsyncKiwoomAPI("a", "s", base_url=served.base_url, rate_limit=None) as api:
            codes = ("005930", "000660", "035420")
            found = await asyncio.gather(
                *(api.stock_info.basic_stock_info(stk_cd=code) for code in codes)
            )
        return [one["stk_cd"] for one in found]

    assert asyncio.run(ask()) == ["005930", "000660", "035420"]


# --- its stream -------------------------------------------------------------------------------


class Listener:
    """The client's own WebSocket, listening in the background."""

    def __init__(self, url: str, token: str) -> None:
        self.socket = KiwoomWebSocket(token, ws_url=url, reconnect_delay=0.05)
        self.rows: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Listener:
        for kind in ("0B", "0D", "00", "04"):
            self.socket.on(kind, self.rows.put_nowait)
        for name in ("REG", "REMOVE", "SYSTEM", "CNSRLST"):
            self.socket.on_trnm(name, self.frames.put_nowait)
        await self.socket.connect()
        self._task = asyncio.create_task(self.socket.listen())
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.socket.disconnect()
        await self._task

    async def row(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (row := await self.rows.get())["type"] != kind:
                pass
        return row

    async def frame(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return await self.frames.get()


def test_stream_of_prices_and_orders(served: Served, api: KiwoomAPI) -> None:
    api.login()

    async def listen() -> None:
        async with Listener(served.ws_url, str(api._auth.token)) as live:
            await live.socket.subscribe(["0B", "0D"], [STOCK])
            assert (await live.frame())["return_code"] == 0
            await live.socket.subscribe("00", "")
            assert (await live.frame())["return_code"] == 0
            trade = await live.row("0B")
            assert (trade["item"], trade["name"]) == (STOCK, "주식체결")
            assert len((await live.row("0D"))["values"]) > 100
            await asyncio.to_thread(api.order.buy_order, **{**MARKET_BUY, "ord_qty": "1"})
            states = [(await live.row("00"))["values"]["913"] for _ in range(2)]
            assert states == ["접수", "체결"]
            await live.socket.unsubscribe(["0B", "0D"], [STOCK])
            assert (await live.frame())["trnm"] == "REMOVE"
            await live.socket.send(api.condition_search.condition_list())
            assert (await live.frame())["trnm"] == "CNSRLST"
            # Longer than the five PINGs that it must have answered by now.
            await asyncio.sleep(0.8)
            await live.socket.subscribe("0B", STOCK)
            assert (await live.frame())["return_code"] == 0

    asyncio.run(listen())


def test_the_stream_reconnects_after_a_cut(served: Served, api: KiwoomAPI) -> None:
    api.login()

    async def listen() -> None:
        async with Listener(served.ws_url, str(api._auth.token)) as live:
            await live.socket.subscribe("0B", STOCK)
            await live.row("0B")
            served.set_faults([{"stream": "0B", "action": "cut"}])
            await live.frame()
            assert (await live.frame())["trnm"] == "REG"
            assert await live.row("0B")

    asyncio.run(listen())


def test_stream_refuses_a_bad_token(served: Served) -> None:
    async def connect() -> None:
        stream = KiwoomWebSocket("nonsense", ws_url=served.ws_url)
        try:
            await stream.connect()
        finally:
            await stream.disconnect()

    with pytest.raises(KiwoomWebSocketError, match="토큰 인증에 실패했습니다"):
        asyncio.run(connect())


def test_a_second_session_ends_the_first(served: Served, api: KiwoomAPI) -> None:
    api.login()
    token = str(api._auth.token)

    async def both() -> None:
        async with Listener(served.ws_url, token) as first:
            second = KiwoomWebSocket(token, ws_url=served.ws_url)
            await second.connect()
            system = await first.frame()
            assert (system["trnm"], system["code"]) == ("SYSTEM", "R10001")
            first.socket._running = False
            await second.disconnect()

    asyncio.run(both())
