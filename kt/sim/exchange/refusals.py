"""The exchange's refusals of orders: the mock server's codes and texts, if it has any."""

from __future__ import annotations

from kt.records import Concern, Outcome, OutcomeStatus

OFF_TICK = "RC4003"
UNTRADABLE = "RC4007"
NOT_A_BUSINESS_DAY = "RC4010"
SHORT_OF_CASH = "RC4025"
OUTSIDE_LIMITS = "RC4027"
NOTHING_LEFT = "RC4033"
BEFORE_OPEN = "RC4057"
AFTER_CLOSE = "RC4058"
BAD_NUMBER = "RC4061"
SHORT_OF_SHARES = "800033"
NO_QUANTITY = "308002"
HALTED = "571476"
"""The real server's code: the mock server has none for it."""

TEXTS = {
    OFF_TICK: "모의투자 호가단위 오류입니다.",
    UNTRADABLE: "모의투자 매매제한 종목입니다.",
    NOT_A_BUSINESS_DAY: "모의투자 영업일이 아닙니다.",
    SHORT_OF_CASH: "모의투자 매수증거금이 부족합니다.",
    OUTSIDE_LIMITS: "모의투자 상/하한가 오류입니다.",
    NOTHING_LEFT: "모의투자 정정/취소할 수량이 없습니다.",
    BEFORE_OPEN: "모의투자 장시작전",
    AFTER_CLOSE: "모의투자 장종료",
    BAD_NUMBER: "모의투자 주문번호 오류입니다.",
    SHORT_OF_SHARES: "모의투자 매도가능수량이 부족합니다.",
    NO_QUANTITY: "주문수량을 입력하십시요",
    HALTED: "거래정지 종목입니다.",
}
CONCERNS = {
    OFF_TICK: Concern.ORDER,
    UNTRADABLE: Concern.STOCK,
    NOT_A_BUSINESS_DAY: Concern.MARKET,
    SHORT_OF_CASH: Concern.ACCOUNT,
    OUTSIDE_LIMITS: Concern.ORDER,
    NOTHING_LEFT: Concern.ORDER,
    BEFORE_OPEN: Concern.MARKET,
    AFTER_CLOSE: Concern.MARKET,
    BAD_NUMBER: Concern.ORDER,
    SHORT_OF_SHARES: Concern.ORDER,
    NO_QUANTITY: Concern.ORDER,
    HALTED: Concern.STOCK,
}
"""The category of each code; a test compares them with `broker/rest/error_codes.py`."""


class Refused(Exception):
    """Raised by the checks with the code; converted into an Outcome by the exchange."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def outcome(self) -> Outcome:
        message = TEXTS[self.code]
        return Outcome(
            status=OutcomeStatus.REJECTED,
            evidence=f"return_code 20 {self.code}",
            code=self.code,
            message=message,
            http_status=200,
            concerns=CONCERNS[self.code],
            not_enough=self.code == SHORT_OF_SHARES,
        )
