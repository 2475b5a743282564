"""Place, amend and cancel: one send each, with its result as an Outcome."""

from __future__ import annotations

from msgspec.structs import replace

from kt.broker.rest.client import Rest
from kt.broker.rest.error_capture import capture
from kt.broker.rest.error_codes import TREATMENTS, Category
from kt.broker.rest.http_response import HttpResponse, describe_error
from kt.broker.rest.response_class import Classified, return_code, return_message
from kt.broker.wire import scalars
from kt.records import (
    AmendTicket,
    CancelTicket,
    OrderTicket,
    OrderType,
    Outcome,
    OutcomeStatus,
    Side,
)

VENUE = "KRX"
ORDER_TYPES = {OrderType.LIMIT: "0", OrderType.MARKET: "3"}


class KiwoomOrders:
    """Implements ports.OrderGateway: no method raises, whatever goes wrong on the wire or in kt."""

    rest: Rest

    def place(self, ticket: OrderTicket) -> Outcome:
        body = {
            "dmst_stex_tp": VENUE,
            "stk_cd": ticket.stock_code,
            "ord_qty": str(ticket.quantity),
            "ord_uv": str(ticket.price) if ticket.order_type is OrderType.LIMIT else "",
            "trde_tp": ORDER_TYPES[ticket.order_type],
            "cond_uv": "",
        }
        api_id = "kt10000" if ticket.side is Side.BUY else "kt10001"
        return self._sent(api_id, body)

    def amend(self, ticket: AmendTicket) -> Outcome:
        body = {
            "dmst_stex_tp": VENUE,
            "orig_ord_no": ticket.ord_no,
            "stk_cd": ticket.stock_code,
            "mdfy_qty": str(ticket.quantity),
            "mdfy_uv": str(ticket.price),
            "mdfy_cond_uv": "",
        }
        return self._sent("kt10002", body, "mdfy_qty")

    def cancel(self, ticket: CancelTicket) -> Outcome:
        body = {
            "dmst_stex_tp": VENUE,
            "orig_ord_no": ticket.ord_no,
            "stk_cd": ticket.stock_code,
            "cncl_qty": str(ticket.quantity),
        }
        return self._sent("kt10003", body, "cncl_qty")

    def _sent(self, api_id: str, body: dict[str, str], quantity_name: str = "") -> Outcome:
        """The outcome, also when parsing the answer fails."""
        answer = self.rest.send_order(api_id, body)

        def unread(fault: Exception) -> Outcome:
            status = OutcomeStatus.UNKNOWN if answer.left else OutcomeStatus.NOT_PLACED
            said = f"{answer.evidence}, which could not be read: {describe_error(fault)}"
            return Outcome(status=status, evidence=said, http_status=answer.http_status)

        made = capture(lambda: outcome(answer, quantity_name), unread)
        return replace(made, sent_at=answer.sent_at)


def outcome(answer: HttpResponse, quantity_name: str = "") -> Outcome:
    """The outcome that the evidence proves, and no more than that (docs/orders.md#outcomes).

    Only a request that never left, or the broker's own words, make an order NOT_PLACED or
    REJECTED; everything else without an order number is UNKNOWN.
    """
    if not answer.answered:
        code = (answer.error.code or "") if answer.error is not None else ""
        status = OutcomeStatus.UNKNOWN if answer.left else OutcomeStatus.NOT_PLACED
        return Outcome(status=status, evidence=answer.evidence, code=code, message=_said(answer))
    verdict = answer.verdict()
    if answer.detour:
        return Outcome(
            status=OutcomeStatus.UNKNOWN, evidence=answer.evidence, http_status=answer.http_status
        )
    if verdict is None:
        return _accepted(answer, quantity_name)
    status = _refusal(answer, verdict)
    return Outcome(
        status=status,
        evidence=f"{answer.evidence}, {_code(verdict.return_code)}",
        code=verdict.code,
        message=verdict.message,
        http_status=answer.http_status,
        retryable=verdict.not_taken_for_rate,
        concerns=None if status is OutcomeStatus.UNKNOWN else verdict.concerns,
        not_enough=status is OutcomeStatus.REJECTED and verdict.not_enough,
    )


def _said(answer: HttpResponse) -> str:
    return answer.error.message if answer.error is not None else ""


def _accepted(answer: HttpResponse, quantity_name: str) -> Outcome:
    """A success needs both: an explicit return_code 0 and an order number."""
    body = answer.body or {}
    number, code = _number(body.get("ord_no")), return_code(body)
    if code is None or not number:
        missing = _code(code) if code is None else "no ord_no"
        return Outcome(
            status=OutcomeStatus.UNKNOWN,
            evidence=f"{answer.evidence}, {missing}",
            http_status=answer.http_status,
        )
    return Outcome(
        status=OutcomeStatus.ACKED,
        evidence=f"{answer.evidence}, return_code 0, ord_no {number}",
        ord_no=number,
        original_ord_no=_number(body.get("base_orig_ord_no")),
        quantity=_quantity(body.get(quantity_name)),
        message=return_message(body),
        http_status=answer.http_status,
    )


def _code(code: int | None) -> str:
    return "no return_code" if code is None else f"return_code {code}"


def _refusal(answer: HttpResponse, verdict: Classified) -> OutcomeStatus:
    """A known code means what the table says; an unknown one is a refusal only in the
    form of the order system (`[2000](X:…)`, return_code 20), or when the token was refused."""
    if answer.http_status >= 500 or answer.body is None or _number(answer.body.get("ord_no")):
        return OutcomeStatus.UNKNOWN
    if verdict.rule is not None or verdict.not_taken_for_rate:
        return TREATMENTS[verdict.category].order
    if verdict.order_shaped:
        return OutcomeStatus.REJECTED
    if verdict.category is Category.AUTHENTICATION:
        return OutcomeStatus.NOT_PLACED
    return OutcomeStatus.UNKNOWN


def _number(raw: object) -> str:
    """The order number in seven digits; empty if there is no valid one."""
    try:
        return "" if raw is None else scalars.order_number(raw)
    except ValueError:
        return ""


def _quantity(raw: object) -> int:
    """The quantity really amended or cancelled; 0 if the answer does not say."""
    try:
        return 0 if raw is None else scalars.integer(raw) or 0
    except ValueError:
        return 0
