"""What kt auth, kt balance and kt api print, and what every command has: headings, --verbose."""

from __future__ import annotations

import json

import pytest

from kt.errors import ExitCode
from tests.cli.front import Front
from tests.fakes import SAMSUNG


def test_auth_walks_from_login_to_logout(front: Front) -> None:
    before = front("auth", "status")
    assert before.code == ExitCode.AUTH
    assert before.err == "kt: no valid token. Run `kt auth login`.\n"
    assert before.items == [
        {
            "kind": "auth",
            "profile": "sim",
            "keys": "environment",
            "valid": False,
            "token": "",
            "issued_at": None,
            "expires_at": None,
            "seconds_left": 0,
        }
    ]
    login = front("auth", "login", terminal=True)
    assert (login.code, login.err) == (0, "kt: logged in on the profile sim\n")
    assert login.out == (
        "profile       sim\n"
        "keys          environment\n"
        "valid         yes\n"
        "token         TOKE…\n"
        "issued at     2026-11-23T10:00:00+09:00\n"
        "expires at    2026-11-24T10:00:00+09:00\n"
        "seconds left  86,400\n"
    )
    assert front("auth", "status").code == 0
    assert front("auth", "logout").err == "kt: the token was revoked\n"
    assert front("auth", "logout").err == "kt: there was no token\n"


def test_balance_prints_deposit_holdings_and_open_orders(front: Front) -> None:
    front.world.broker.hold(SAMSUNG, 10, 70_000)
    assert front("balance", terminal=True).out == (
        "account         ******7890\n"
        "cash            10,000,000\n"
        "orderable       10,000,000\n"
        "withdrawable    10,000,000\n"
        "holdings        700,000\n"
        "profit          0  0.00%\n"
        "realised today  0\n"
        "assets          10,000,000\n"
        "\nHoldings\n"
        "code    name      quantity  average   price    value  profit  return  stop\n"
        "005930  삼성전자        10   70,000  70,000  700,000       0   0.00%  none\n"
        "\nOpen orders\n"
        "(none)\n"
    )
    (item,) = front("balance").items
    assert [*item] == [
        "account",
        "deposit",
        "positions",
        "open_orders",
        "total_cost",
        "total_value",
        "total_profit",
        "total_profit_pct",
        "estimated_assets",
        "realised_today",
        "at",
        "doubts",
    ]
    assert item["account"] == "******7890"
    assert item["at"] == "2026-11-23T10:00:00+09:00"


def test_api_prints_the_raw_response(front: Front) -> None:
    front.rest.answers["ka10099"] = [
        {"list": [{"code": "1"}], "return_code": 0},
        {"list": [{"code": "2"}], "return_code": 0},
    ]
    one = front("api", "ka10099", '{"mrkt_tp": 0}')
    assert one.out == '{"list":[{"code":"1"}],"return_code":0}\n'
    assert one.err == "kt: there are more pages: --all-pages requests them all\n"
    assert front.rest.asked == [("ka10099", {"mrkt_tp": "0"})]
    every = front("api", "ka10099", "-", "--all-pages", stdin='{"mrkt_tp":"0"}')
    assert json.loads(every.out)["list"] == [{"code": "1"}, {"code": "2"}]
    assert "(none)" not in front("api", terminal=True).out
    assert len(front("api").items) == 207
    assert front("api", "realtime_0B").code == ExitCode.USAGE


def test_api_help_shows_the_fields(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert front("api", "ka10001", "--help").code == 0
    text = capsys.readouterr().out
    assert "ka10001  주식기본정보요청\n" in text
    assert "  stk_cd  * 종목코드\n" in text
    assert "  cur_prc                현재가\n" in text


def test_tables_have_korean_headings_when_configured(front: Front) -> None:
    front.configure("language: ko\n")
    ran = front("status", terminal=True)
    assert ran.out.startswith("프로필         sim\n시각           2026-11-23T10:00:00+09:00\n")
    assert "정지 상태      실행 중\n" in ran.out
    assert [*front("status").items[0]][:3] == ["kind", "profile", "time"]


def test_verbose_prints_every_api_call(front: Front) -> None:
    front.rest.answers["ka10001"] = [{"return_code": 0}]
    heard: list[str] = []
    front.rest.on_call = lambda api_id, *rest: heard.append(api_id)
    call = ("api", "ka10001", "{}")
    assert front(*call, "-v").err == "kt: 10:00:00 ka10001 HTTP 200 code 0 12 ms\n"
    assert heard == ["ka10001"]
    front.rest.on_call = None
    assert front(*call, "-vv").err == "kt: 10:00:00 ka10001 HTTP 200 code 0 12 ms 정상\n"
