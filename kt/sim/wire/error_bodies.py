"""The broker's error responses: bodies with its return codes and its Korean texts."""

from __future__ import annotations

from typing import Any

from kt.records import Outcome, OutcomeStatus


class Refusal(Exception):
    """An error response: its body and its HTTP status (200 for all but 429)."""

    def __init__(self, return_code: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.return_code = return_code
        self.message = message
        self.status = status

    def body(self) -> dict[str, Any]:
        return {"return_code": self.return_code, "return_msg": self.message}


def missing_api_id() -> Refusal:
    return Refusal(1, "잘못된 요청입니다[1501:API ID가 Null이거나 값이 없습니다]")


def wrong_path(api_id: str, path: str) -> Refusal:
    text = f"해당 URI에서는 지원하는 API ID가 아닙니다. API ID={api_id}, URI={path}"
    return Refusal(1, f"잘못된 요청입니다[1504:{text}]")


def unknown_api(api_id: str) -> Refusal:
    return Refusal(1, f"잘못된 요청입니다[1505:해당 API ID는 존재하지 않습니다. API ID={api_id}]")


def not_offered() -> Refusal:
    """A documented API that this exchange does not serve; the text is the mock server's."""
    return Refusal(2, "입력 값 오류입니다[8104:모의투자에서 지원하지 않는 API 입니다.]")


def not_recorded(api_id: str) -> Refusal:
    """A request that a played recording has no answer to."""
    return Refusal(2, f"입력 값 오류입니다[8104:기록에 없는 요청입니다. API ID={api_id}]")


def missing_field(name: str) -> Refusal:
    text = f"필수 입력 값에 값이 존재하지 않습니다. 필수입력 파라미터={name}"
    return Refusal(2, f"입력 값 오류입니다[1511:{text}]")


def bad_field(name: str, reason: str) -> Refusal:
    text = f"입력 값 형식이 올바르지 않습니다. 파라미터={name} 실패사유= {reason}"
    return Refusal(2, f"입력 값 오류입니다[1517:{text}]")


def no_such_stock() -> Refusal:
    """An unknown stock, in a query that needs its price."""
    return order_refused("RC7006")


def too_many_codes() -> Refusal:
    """Not retryable, although it has the return code of a rate limit."""
    return Refusal(
        5, "허용된 요청 개수를 초과하였습니다[1634:종목코드는 최대 100개까지 입력 가능합니다]"
    )


def bad_header() -> Refusal:
    text = "Http header에 값이 설정되지 않았거나 읽을 수 없습니다"
    return Refusal(2, f"입력 값 오류입니다[1512:{text}]")


AUTHORIZATION_FAULTS = {
    1513: "Http Header에 authorization 필드가 설정되어 있어야 합니다",
    1514: "입력으로 들어온 Http Header의 authorization 필드 형식이 맞지 않습니다",
    1515: "Http Header의 authorization 필드 내 Grant Type이 미리 정의된 형식이 아닙니다",
    1516: "Http Header의 authorization 필드 내 Token이 정의되어 있지 않습니다",
}
TOKEN_FAULTS = {
    8001: "App Key와 Secret Key 검증에 실패했습니다",
    8005: "Token이 유효하지 않습니다",
    8011: "Access Token을 발급하는데 실패했습니다. 입력값에 grant_type이 들어오지 않았습니다",
    8012: "Access Token을 발급하는데 실패했습니다. grant_type의 값이 맞지 않습니다",
    8016: "Access Token을 폐기하는데 실패했습니다. 입력값에 Token이 들어오지 않았습니다",
    8020: "입력파라미터로 appkey 또는 secretkey가 들어오지 않았습니다.",
}


def not_authenticated(code: int) -> Refusal:
    """HTTP 200 and return code 3: the broker never sends 401."""
    text = AUTHORIZATION_FAULTS.get(code) or TOKEN_FAULTS[code]
    return Refusal(3, f"인증에 실패했습니다[{code}:{text}]")


def too_fast(api_id: str, per_second: float) -> Refusal:
    """HTTP 429 (recorded on ka10080)."""
    text = f"허용된 API 요청 개수를 초과하였습니다. 유량={per_second:g}, API ID={api_id}"
    return Refusal(5, f"허용된 요청 개수를 초과하였습니다[1700:{text}]", 429)


ORDER_TEXTS = {
    "RC7006": "모의투자 조회실패",
    "RC9000": "모의투자에서는 해당업무가 제공되지 않습니다.",
    "308003": "주문단가를 입력하십시요",
    "407022": "매매구분코드를 확인하십시오.",
}
"""Texts of refusals raised in this package; refusals by the exchange come with their own."""


def order_refused(code: str, message: str = "") -> Refusal:
    """`[2000](RC4003:…)`, return code 20, without an order number."""
    return Refusal(20, f"[2000]({code}:{message or ORDER_TEXTS[code]})")


def from_outcome(outcome: Outcome) -> Refusal | None:
    """The refusal of an order, from its outcome; None when it was accepted."""
    if outcome.status is OutcomeStatus.ACKED:
        return None
    return order_refused(outcome.code, outcome.message)
