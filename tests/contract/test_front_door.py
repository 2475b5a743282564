"""What a person sees of every code of the broker, of tokens, of rates and of unknown stocks: the
front door of kt, over real HTTP, before a server that says what the test wants."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt import api_catalog
from kt.broker.rest.error_codes import RULES, Category
from kt.broker.rest.token import StoredToken, key_hash
from kt.errors import ExitCode
from tests.contract.scripted_broker import APP_KEY, SECRET, TOKENS, Body, Door, ScriptedBroker, said

STOCK = '{"stk_cd":"005930"}'
DEAD = said(3, "인증에 실패했습니다[8005:Token이 유효하지 않습니다]")


@pytest.fixture
def broker() -> Iterator[ScriptedBroker]:
    with ScriptedBroker() as running:
        yield running


@pytest.fixture
def kt(broker: ScriptedBroker, tmp_path: Path) -> Door:
    """Logged in: the token is in its file."""
    door = Door(broker, tmp_path)
    assert door("auth", "login").code == 0
    broker.calls.clear()
    return door


def token_file(kt: Door) -> Path:
    return next(kt.state.glob("token-*.json"))


def items(text: str) -> list[Body]:
    found: list[Body] = json.loads(text)["items"]
    return found


# --- every code ---------------------------------------------------------------------------------

RETURN_CODES = {"15": 2, "16": 5, "17": 5, "19": 1, "80": 3, "81": 3, "82": 1}
EXITS = {
    Category.AUTHENTICATION: ExitCode.AUTH,
    Category.PERMANENT: ExitCode.REFUSED,
    Category.LIMITS: ExitCode.UNREACHABLE,
    Category.SERVER: ExitCode.UNREACHABLE,
    Category.REFUSAL: ExitCode.REFUSED,
}
RENEWED = {"8003", "8005", "8103"}


def message(code: str) -> tuple[int, str, int]:
    """Return code, message and HTTP status with which the broker tells a code."""
    if not code.isdecimal() or len(code) > 4:
        return 20, f"[2000]({code}:모의투자 거절)", 200
    status = 429 if code in {"1700", "1701", "1702"} else 200
    return RETURN_CODES[code[:2]], f"머리말[{code}:무엇인가]", status


def test_every_code_ends_a_query_as_the_table_says(broker: ScriptedBroker, kt: Door) -> None:
    for rule in RULES:
        broker.calls.clear()
        told = said(*message(rule.code)[:2], message(rule.code)[2])
        broker.answer = lambda api_id, body, told=told: told  # type: ignore[misc]
        ran = kt("api", "ka10001", STOCK)
        assert (rule.code, ran.code, ran.out) == (rule.code, EXITS[rule.category], "")
        assert ran.err.startswith(f"kt: ka10001: {rule.meaning}")
        assert f"[{rule.code}]" in ran.err
        sends = 4 if rule.category in {Category.LIMITS, Category.SERVER} else 1
        assert len(broker.asked()) == (2 if rule.code in RENEWED else sends), rule.code
        issues = [name for name, _, _ in broker.calls if name == "au10001"]
        assert len(issues) == (rule.code in RENEWED), rule.code
        if rule.category is Category.AUTHENTICATION:
            hint = ran.err.split("]. ", 1)[1]
            assert "kt auth" in hint or "KT_APP_KEY" in hint or "keys" in hint or "IP" in hint
    assert kt("log", "-n", "1").code == 0


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("입력 값 오류입니다[1511:필수 입력 값이 없습니다. 필수입력 파라미터=cycle_tp]",
         "a required field is missing: cycle_tp [1511]"),
        ("입력 값 오류입니다[1517:형식이 올바르지 않습니다. 파라미터=qty 실패사유= 숫자 아님]",
         "a field has the wrong form: qty, 숫자 아님 [1517]"),
        ("x[1902:종목 정보가 없습니다. 입력한 종목코드 값을 확인바랍니다. 종목코드=999999]",
         "no such stock code: 999999 [1902]"),
        ("x[1903:종목 정보가 없습니다. 거래소구분=NXT, 종목코드=999999]",
         "no such stock code on this exchange: NXT, 999999 [1903]"),
    ],
)  # fmt: skip
def test_what_the_broker_names_is_told(
    broker: ScriptedBroker, kt: Door, told: str, says: str
) -> None:
    broker.answer = lambda api_id, body: said("2", told)
    ran = kt("api", "ka10001", STOCK)
    assert (ran.code, ran.err) == (ExitCode.REFUSED, f"kt: ka10001: {says}.\n")


@pytest.mark.parametrize(
    ("told", "code", "says", "sends"),
    [
        ((400, b"<html>Request Blocked</html>"), 9, "ka10001: HTTP 400", 1),
        ((503, b"<html>"), 9, "ka10001: HTTP 503", 4),
        ((200, b""), 1, "ka10001 body: 'HTTP 200'", 4),
        ((200, b"<html>"), 1, "ka10001 body: 'HTTP 200'", 4),
        ({"return_code": "ERR", "return_msg": "무엇인가"}, 8, "무엇인가", 1),
        ({"returnCode": "20", "returnMsg": "[2000](999999:새 거절)"}, 8, "새 거절", 1),
        ({"return_code": 77, "return_msg": ""}, 8, "return_code 77", 1),
        (said("5", "x[1634:종목코드는 최대 100개]"), 8, "more than 100 stock codes", 1),
        (said(20, "조회할 자료가 없습니다"), 0, "", 1),
    ],
)
def test_answers_of_no_code(
    broker: ScriptedBroker, kt: Door, told: Any, code: int, says: str, sends: int
) -> None:
    broker.answer = lambda api_id, body: told if isinstance(told, tuple) else dict(told)
    ran = kt("api", "ka10001", STOCK)
    assert (ran.code, len(broker.asked())) == (code, sends)
    assert says in ran.err


@pytest.mark.parametrize("status", [200, 429])
def test_too_many_requests_are_waited_out(broker: ScriptedBroker, kt: Door, status: int) -> None:
    left = [1, 1]

    def answer(api_id: str, body: Body) -> Any:
        if left:
            left.pop()
            return said("5", "x[1700:허용된 API 요청 개수를 초과하였습니다]", status)
        return {"return_code": "0", "acctNo": "1234567890"}

    broker.answer = answer
    ran = kt("api", "ka00001")
    assert (ran.code, ran.err, len(broker.asked())) == (0, "", 3)
    assert json.loads(ran.out)["acctNo"] == "1234567890"


# --- tokens -------------------------------------------------------------------------------------


def only(token: str) -> Any:
    """A server that takes this token alone."""

    def answer(broker: ScriptedBroker) -> Any:
        used = broker.calls[-1][2]
        return {"return_code": 0, "acctNo": "1"} if used == f"Bearer {token}" else DEAD

    return answer


def test_a_dead_token_is_replaced_once_and_on(broker: ScriptedBroker, kt: Door) -> None:
    broker.answer = lambda api_id, body: only(TOKENS[2])(broker)
    assert kt("api", "ka00001").code == 0
    assert [name for name, _, _ in broker.calls] == ["ka00001", "au10001", "ka00001"]
    assert msgspec.json.decode(token_file(kt).read_bytes(), type=StoredToken).token == TOKENS[2]
    # And the next command has it.
    broker.calls.clear()
    assert kt("api", "ka00001").code == 0
    assert [name for name, _, _ in broker.calls] == ["ka00001"]


def test_a_token_that_another_process_has_renewed_is_taken(
    broker: ScriptedBroker, kt: Door
) -> None:
    def answer(api_id: str, body: Body) -> Any:
        kept = msgspec.json.decode(token_file(kt).read_bytes(), type=StoredToken)
        other = msgspec.structs.replace(kept, token=TOKENS[7])
        token_file(kt).write_bytes(msgspec.json.encode(other))
        return only(TOKENS[7])(broker)

    broker.answer = answer
    assert kt("api", "ka00001").code == 0
    assert [name for name, _, _ in broker.calls] == ["ka00001", "ka00001"]


@pytest.mark.parametrize(
    ("code", "thing"),
    [
        ("8001", "Compare the keys with the broker's key page"),
        ("8010", "Run `kt auth logout`, then `kt auth login`"),
        ("8030", "Use the keys of this profile's server"),
        ("8031", "Use the keys of this profile's server"),
        ("8050", "Register this computer's public IP address"),
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        ("balance",),
        ("scan", "fast"),
        ("analyze", "005930"),
        ("watch", "005930"),
        ("order", "buy", "005930", "1", "--market", "--yes"),
    ],
)
def test_an_error_for_the_user_stops_with_a_hint(
    broker: ScriptedBroker, kt: Door, code: str, thing: str, line: tuple[str, ...]
) -> None:
    broker.answer = lambda api_id, body: said(3, f"인증에 실패했습니다[{code}:…]")
    ran = kt(*line)
    assert (ran.code, ran.out) == (ExitCode.AUTH, "")
    assert thing in ran.err
    assert "au10001" not in {name for name, _, _ in broker.calls}
    assert all(not name.startswith("kt1000") for name, _, _ in broker.calls)
    names = [name for name, _, _ in broker.calls]
    assert len(names) == len(set(names)), "nothing is asked twice"


def test_login_status_logout(broker: ScriptedBroker, tmp_path: Path) -> None:
    kt = Door(broker, tmp_path)
    before = kt("auth", "status")
    assert (before.code, before.err) == (4, "kt: no valid token. Run `kt auth login`.\n")
    assert items(before.out)[0]["valid"] is False
    login = kt("auth", "login")
    row = items(login.out)[0]
    assert (login.code, login.err) == (0, "kt: logged in on the profile sim\n")
    assert (row["token"], row["valid"], row["keys"]) == ("Tkn1…", True, "environment")
    assert row["expires_at"] == "2026-11-24T10:00:00+09:00"
    assert 86_000 < row["seconds_left"] <= 86_400
    assert kt("auth", "login").code == 0
    assert broker.issued == 1, "a good token is kept"
    status = kt("auth", "status", terminal=True)
    assert [line.split()[0] for line in status.out.splitlines()][:4] == [
        "profile", "keys", "valid", "token"
    ]  # fmt: skip
    assert stat.S_IMODE(token_file(kt).stat().st_mode) == 0o600
    path = token_file(kt)
    logout = kt("auth", "logout")
    assert (logout.code, logout.err) == (0, "kt: the token was revoked\n")
    assert broker.calls[-1][:2] == (
        "au10002", {"appkey": APP_KEY, "secretkey": SECRET, "token": TOKENS[1]}
    )  # fmt: skip
    assert not path.exists()
    assert kt("auth", "logout").err == "kt: there was no token\n"
    assert kt("auth", "status").code == 4


def test_a_login_that_fails_keeps_nothing(broker: ScriptedBroker, tmp_path: Path) -> None:
    kt = Door(broker, tmp_path)
    for told, code in (
        (said(3, "인증에 실패했습니다[8001:App Key와 Secret Key 검증에 실패했습니다]"), 4),
        (said(5, "x[1700:y]", 429), 9),
        ((500, b"oops"), 9),
        ((200, b""), 1),
        ({"return_code": 0, "token": "two words", "expires_dt": "20261124100000"}, 1),
        ({"return_code": 0, "token": TOKENS[0], "expires_dt": "tomorrow"}, 1),
    ):
        broker.calls.clear()
        broker.token_answer = told  # type: ignore[assignment]
        assert kt("auth", "login").code == code
        assert len(broker.calls) == 1, "the token endpoint is asked once"
        assert list(kt.state.glob("token-*.json")) == []


def test_each_key_has_a_file_of_its_own(broker: ScriptedBroker, kt: Door) -> None:
    assert token_file(kt).name == f"token-{key_hash(broker.base_url, APP_KEY)}.json"


def test_no_secret_is_ever_shown_or_written(broker: ScriptedBroker, kt: Door) -> None:
    """Whatever the broker says, even when it says the token back."""
    kept: list[str] = []

    def answer(api_id: str, body: Body) -> Any:
        kept.append(broker.calls[-1][2].removeprefix("Bearer "))
        told = f"인증에 실패했습니다[8005:{kept[-1]} {APP_KEY} {SECRET}]"
        return {**said(3, told)[1], "echo": {"token": kept[-1], "secretkey": SECRET}}

    broker.answer = answer
    for line in (
        ("api", "ka00001"), ("balance",), ("auth", "status"), ("auth", "login"), ("log",),
        ("log", "-o", "table"), ("status",), ("doctor",), ("auth", "logout"),
    ):  # fmt: skip
        kt(*line)
    whole = "".join(kt.shown)
    files = {
        path: path.read_bytes()
        for path in (kt.folder / "state").rglob("*")
        if path.is_file() and not path.name.startswith("token-")
    }
    assert {path.suffix for path in files} >= {".db", ".json", ".lock"}
    for secret in {APP_KEY, SECRET, *kept}:
        assert secret not in whole
        assert [path for path, content in files.items() if secret.encode() in content] == []
    assert kt.rows("select count(*) from api_calls where http_status = 200")[0][0] > 5


# --- unknown stocks -----------------------------------------------------------------------------


def blank(api_id: str, body: Body) -> Body:
    """A success with nothing in it; the account has money and holds nothing."""
    nothing = "0" if api_id.startswith("kt0") else ""
    fields: Body = {
        field.name: [] if field.is_list else nothing
        for field in api_catalog.api(api_id).response
        if not field.depth
    }
    return {**fields, "return_code": 0, "return_msg": "정상적으로 처리되었습니다"}


@pytest.mark.parametrize("line", [("analyze", "999999"), ("watch", "999999")])
def test_a_blank_success_is_an_unknown_stock(
    broker: ScriptedBroker, kt: Door, line: tuple[str, ...]
) -> None:
    broker.answer = blank
    ran = kt(*line)
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert ran.err.startswith("kt: unknown stock 999999")


def test_a_raw_answer_of_blanks_is_shown_and_named(broker: ScriptedBroker, kt: Door) -> None:
    broker.answer = blank
    ran = kt("api", "ka10001", '{"stk_cd":"999999"}')
    assert ran.code == ExitCode.REFUSED
    assert json.loads(ran.out)["stk_nm"] == ""
    assert ran.err.startswith("kt: unknown stock 999999")
    assert kt("api", "ka10080", '{"stk_cd":"999999"}').code == 0, "an empty list may be just that"


def test_an_order_for_an_unknown_stock_is_denied_and_never_sent(
    broker: ScriptedBroker, kt: Door
) -> None:
    broker.answer = blank
    ran = kt("order", "buy", "999999", "1", "--market", "--yes")
    assert ran.code == ExitCode.DENIED
    assert "UNKNOWN_STOCK" in ran.err
    assert broker.asked("kt10000") == []


# --- kt api -------------------------------------------------------------------------------------


def test_the_help_of_every_api_names_its_fields(
    kt: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(api_catalog.ids()) == 207
    for api_id in api_catalog.ids():
        described = api_catalog.api(api_id)
        assert kt("api", api_id, "--help").code == 0
        shown = capsys.readouterr().out
        assert f"{api_id}  {described.name}" in shown
        request, answer = shown.split("Request\n")[1].split("Response\n")
        for fields, lines in ((described.request, request), (described.response, answer)):
            for field in fields:
                name = f"{field.name}{'[]' if field.is_list else ''}"
                told = [one.split() for one in lines.splitlines() if one.split()[:1] == [name]]
                # A WebSocket API may use a name twice: in its answer and in its data.
                assert field.required in {"*" in line[1:2] for line in told}, (api_id, told)


def test_all_pages_become_one_answer(broker: ScriptedBroker, kt: Door) -> None:
    pages = [
        {"stk_cd": "005930", "rows": [{"n": "1"}, {"n": "2"}], "next-key": "A 00/5930=="},
        {"stk_cd": "005930", "rows": [], "next-key": "second"},
        {"stk_cd": "005930", "rows": [{"n": "3"}]},
    ]
    left = [{**page, "return_code": 0, "return_msg": ""} for page in pages]
    broker.answer = lambda api_id, body: left.pop(0)
    broker.keys.clear()
    ran = kt("api", "ka10081", STOCK, "--all-pages")
    assert ran.code == 0
    assert json.loads(ran.out)["rows"] == [{"n": "1"}, {"n": "2"}, {"n": "3"}]
    assert broker.keys == ["", "A 00/5930==", "second"]
    assert broker.asked() == [{"stk_cd": "005930"}] * 3


def test_one_page_says_that_there_are_more(broker: ScriptedBroker, kt: Door) -> None:
    broker.answer = lambda api_id, body: {"return_code": 0, "rows": [], "next-key": "k"}
    ran = kt("api", "ka10081", "-")
    assert ran.code == 2
    ran = kt("api", "ka10081", "-", stdin=STOCK)
    assert (ran.code, ran.err) == (0, "kt: there are more pages: --all-pages requests them all\n")


def test_pages_without_an_end_are_given_up(broker: ScriptedBroker, kt: Door) -> None:
    broker.answer = lambda api_id, body: {"return_code": 0, "rows": [], "next-key": "same"}
    ran = kt("api", "ka10081", STOCK, "--all-pages")
    assert (ran.code, len(broker.asked())) == (1, 2)
    assert "do not come to an end" in ran.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("ka99999",), "there is no API 'ka99999'"),
        (("ka1000", "{}"), "Did you mean ka"),
        (("ka10001", "{bad"), "the request is not JSON"),
        (("ka10001", "[1]"), "must be one JSON object"),
        (("ka10001", '{"stk_cd":["005930"]}'), "must be one JSON object"),
        (("0B", "{}", "--all-pages"), "frames have no pages"),
        (("kt10000", STOCK), "is not a query"),
        (("kt10006", STOCK), "is not a query"),
        (("au10001",), "is not a query"),
        (("ka10001", STOCK, "more"), "unexpected extra argument"),
    ],
)
def test_wrong_usage_sends_nothing(
    broker: ScriptedBroker, kt: Door, line: tuple[str, ...], says: str
) -> None:
    ran = kt("api", *line)
    assert (ran.code, ran.out, broker.calls) == (ExitCode.USAGE, "", [])
    assert says in ran.err
