"""Every failed answer has a place in the table, and kt does what stands there."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kt.broker.order_gateway import outcome
from kt.broker.rest.error_codes import (
    BY_CODE,
    HTTP_STATUSES,
    RETURN_CODES,
    RULES,
    TREATMENTS,
    Category,
)
from kt.broker.rest.http_response import HttpResponse
from kt.broker.rest.response_class import bracket_code, classify, return_code
from kt.errors import (
    AuthError,
    BrokerRefused,
    ExitCode,
    RateLimited,
    UnknownStock,
    Unreachable,
)
from kt.records import Concern, OutcomeStatus
from tests.broker.wiring import REFERENCE


def test_codes_are_unique_and_categories_complete() -> None:
    assert len(BY_CODE) == len(RULES)
    assert set(TREATMENTS) == set(Category)
    assert all(rule.meaning and rule.does for rule in RULES)


def test_every_documented_code_is_in_the_table() -> None:
    listed = REFERENCE.parent / "error_codes.json"
    if not listed.is_file():
        pytest.skip("the broker's reference is not beside the project")
    codes = {str(row["code"]) for row in json.loads(listed.read_text(encoding="utf-8"))}
    assert codes <= set(BY_CODE)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("인증에 실패했습니다[8005:Token이 유효하지 않습니다]", "8005"),
        ("[2000](RC4058:모의투자 장종료)", "RC4058"),
        ("[2000](571557:주문단가를 잘못입력하셨습니다)", "571557"),
        ("토큰 인증에 실패했습니다 [CODE=8005, MESSAGE=Token이 유효하지 않습니다]", "8005"),
        ("[2000]모의투자", "2000"),
        ("정상적으로 처리되었습니다", ""),
        ("", ""),
    ],
)
def test_the_code_in_a_message(message: str, code: str) -> None:
    assert bracket_code(message) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [(0, 0), ("0", 0), (" 0", 0), ("20", 20), (3, 3), (None, None), ("", None), ([], None)],
)
def test_return_codes_are_numbers_or_texts(raw: object, code: int | None) -> None:
    assert return_code({"return_code": raw}) == code
    assert return_code({"returnCode": raw}) == code


def body(code: object, message: str) -> dict[str, Any]:
    return {"return_code": code, "return_msg": message}


@pytest.mark.parametrize(
    ("status", "answer", "category", "error", "exit_code"),
    [
        (200, body(3, "x[8005:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body("3", "x[8001:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body(3, "x[8010:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body(3, "x[8030:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body(3, "x[8031:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body(3, "x[8050:y]"), Category.AUTHENTICATION, AuthError, 4),
        (200, body(3, "something new"), Category.AUTHENTICATION, AuthError, 4),
        (429, body(5, "x[1700:y]"), Category.LIMITS, RateLimited, 9),
        (200, body(5, "x[1701:y]"), Category.LIMITS, RateLimited, 9),
        (200, body(5, "x[1702:y]"), Category.LIMITS, RateLimited, 9),
        (429, None, Category.LIMITS, RateLimited, 9),
        (200, body(5, "x[1634:y]"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(1, "x[1504:y]"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(1, "x[1505:y]"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(2, "x[1511:y]"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(2, "something new"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(1, "x[1902:y]"), Category.PERMANENT, UnknownStock, 8),
        (200, body(20, "[2000](RC9000:y)"), Category.PERMANENT, BrokerRefused, 8),
        (200, body(20, "[2000](RC4025:y)"), Category.REFUSAL, BrokerRefused, 8),
        (200, body(20, "[2000](999999:y)"), Category.REFUSAL, BrokerRefused, 8),
        (200, body(20, "조회할 내역이 없습니다"), Category.NO_DATA, BrokerRefused, 8),
        (200, body(1, "x[1999:y]"), Category.SERVER, Unreachable, 9),
        (503, None, Category.SERVER, Unreachable, 9),
        (500, body(20, "[2000](RC4025:y)"), Category.SERVER, Unreachable, 9),
        (200, None, Category.SERVER, Unreachable, 9),
        (400, None, Category.PERMANENT, BrokerRefused, 8),
        (200, body(77, "something new"), Category.UNKNOWN, BrokerRefused, 8),
    ],
)
def test_classification(
    status: int,
    answer: dict[str, Any] | None,
    category: Category,
    error: type[Exception],
    exit_code: int,
) -> None:
    verdict = classify(status, answer)
    assert verdict is not None
    assert verdict.category is category
    raised = verdict.error("ka10001")
    assert type(raised) is error
    assert raised.exit_code == ExitCode(exit_code)
    assert raised.message.startswith("ka10001: ")


@pytest.mark.parametrize(
    "answer",
    [
        body(0, "정상적으로 처리되었습니다"),
        body("0", " 조회가 완료되었습니다."),
        {"returnCode": 0},
        {},
    ],
)
def test_success_is_the_number_zero_whatever_the_text(answer: dict[str, Any]) -> None:
    assert classify(200, answer) is None


def test_only_a_dead_token_is_worth_a_new_one() -> None:
    renewed = {rule.code for rule in RULES if rule.renew}
    assert renewed == {"8003", "8005", "8103"}
    assert not renewed & {"8001", "8010", "8030", "8031", "8050"}


def test_permanent_authentication_errors_say_the_one_thing_to_do() -> None:
    for code in ("8001", "8010", "8030", "8031", "8050"):
        verdict = classify(200, body(3, f"x[{code}:y]"))
        assert verdict is not None
        assert verdict.error("ka10001").hint
        assert not verdict.retry


def test_unknown_words_of_an_order_never_count_as_a_refusal() -> None:
    assert TREATMENTS[Category.UNKNOWN].order is OutcomeStatus.UNKNOWN
    assert TREATMENTS[Category.SERVER].order is OutcomeStatus.UNKNOWN


def test_the_tables_for_the_help_page_name_a_category_each() -> None:
    for category, meaning in [*RETURN_CODES.values(), *HTTP_STATUSES.values()]:
        assert category in TREATMENTS
        assert meaning


@pytest.mark.parametrize(
    ("codes", "concern"),
    [
        ("RC4003 RC4027 RC4032 RC4033 RC4061 800033 571557 407022 521790 1511", Concern.ORDER),
        ("RC4007 571476 1901 1902 1903", Concern.STOCK),
        ("RC4010 RC4057 RC4058 571489 505217", Concern.MARKET),
        ("RC4025 RC4091 RC5006 8200", Concern.ACCOUNT),
        ("8001 8005 8010 8030 8031 8050 1512 1516", Concern.KEY),
        ("1700 1701 1702 1999 1634", None),
    ],
)
def test_whose_trouble_a_code_is(codes: str, concern: Concern | None) -> None:
    assert {BY_CODE[code].concerns for code in codes.split()} == {concern}


def test_every_refusal_and_every_authentication_error_is_somebodys_trouble() -> None:
    for rule in RULES:
        if rule.category in {Category.REFUSAL, Category.AUTHENTICATION}:
            assert rule.concerns is not None, rule.code
        if rule.category in {Category.LIMITS, Category.SERVER}:
            assert rule.concerns is None, rule.code


def test_the_words_of_an_unknown_code_may_say_that_there_are_too_few_shares() -> None:
    verdict = classify(200, body(20, "[2000](999999:매도가능수량이 부족합니다. 2주 매도가능)"))
    assert verdict is not None
    assert (verdict.not_enough, verdict.concerns) == (True, Concern.ORDER)
    verdict = classify(200, body(20, "매도가능수량이 부족합니다"))
    assert verdict is not None
    assert not verdict.not_enough, "that is not how the order desk says no"


def test_full_width_digits_are_no_code() -> None:
    assert bracket_code("인증에 실패했습니다[８００５:Token이 유효하지 않습니다]") == ""


def test_a_message_without_an_end_is_cut_and_soon_read() -> None:
    """Searched in full, this one took minutes: the patterns look ahead at every blank."""
    started = time.perf_counter()
    verdict = classify(200, body(2, "입력 값 오류입니다[1517:파라미터=x" + " " * 200_000 + "."))
    assert verdict is not None
    assert len(verdict.error("ka10001").message) < 1_200
    assert len(verdict.message) <= 1_000
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("status", "answer", "concern", "not_enough"),
    [
        (200, body(20, "[2000](571476:거래정지 종목입니다)"), Concern.STOCK, False),
        (200, body(20, "[2000](RC4003:x)"), Concern.ORDER, False),
        (200, body(20, "[2000](RC4025:x)"), Concern.ACCOUNT, False),
        (200, body(20, "[2000](RC4058:x)"), Concern.MARKET, False),
        (200, body(20, "[2000](800033:모의투자 매도가능수량이 부족합니다.)"), Concern.ORDER, True),
        (200, body(20, "[2000](123456:매도가능수량이 부족합니다)"), Concern.ORDER, True),
        (200, body(20, "[2000](123456:a code nobody has seen)"), None, False),
        (200, body(3, "x[8010:y]"), Concern.KEY, False),
        (200, body(3, "something new"), Concern.KEY, False),
        (429, body(5, "x[1700:y]"), None, False),
        (503, body(20, "[2000](571476:x)"), None, False),
        (503, body(20, "[2000](800033:x)"), None, False),
        (200, body(0, "") | {"ord_no": "0000001"}, None, False),
    ],
)
def test_an_orders_outcome_says_whose_trouble_it_is(
    status: int, answer: dict[str, Any], concern: Concern | None, not_enough: bool
) -> None:
    found = outcome(HttpResponse("HTTP", http_status=status, body=answer))
    assert (found.concerns, found.not_enough) == (concern, not_enough)
