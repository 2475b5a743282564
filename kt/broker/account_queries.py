"""The account over the wire: the queries of the Broker port, complete to the last page."""

from __future__ import annotations

from itertools import chain

from kt.broker.query_base import Queries, parsed
from kt.broker.rest.error_codes import BY_CODE
from kt.broker.wire import account, orders
from kt.errors import BrokerRefused
from kt.records import (
    AccountReturn,
    BrokerOrder,
    Deposit,
    Execution,
    Holdings,
    Orderable,
    Realised,
)

ALL_VENUES = "0"
"""stex_tp of ka10075, ka10076 and ka10085: orders placed elsewhere count too."""


class KiwoomAccount(Queries):
    """The queries of ports.Broker."""

    def account(self) -> str:
        return account.account(self.rest.call("ka00001").body)

    def skew(self) -> float:
        if self.rest.skew is None:
            self.rest.call("ka00001")
        return self.rest.skew or 0.0

    def deposit(self) -> Deposit:
        """Estimated (qry_tp 3), as the recordings ask."""
        return parsed(self.rest.call("kt00001", {"qry_tp": "3"}), account.deposit)

    def orderable(self, stock_code: str, price: int) -> Orderable | None:
        """None if the server does not offer it, as the mock server (8104, RC7006, RC9000)."""
        asked = {
            "io_amt": "",
            "stk_cd": stock_code,
            "trde_tp": "2",
            "trde_qty": "",
            "uv": str(price),
            "exp_buy_unp": "",
        }
        try:
            return parsed(self.rest.call("kt00010", asked), account.orderable)
        except BrokerRefused as refusal:
            rule = BY_CODE.get(refusal.code or "")
            if rule is not None and rule.unsupported:
                return None
            raise

    def holdings(self) -> Holdings:
        """Summed over credit kinds (qry_tp 1). Raises WireError if rows and totals disagree,
        for instance an answer without rows but with a total: the holdings are then unknown."""
        asked = {"qry_tp": "1", "dmst_stex_tp": "KRX"}
        replies = self.rest.pages("kt00018", asked)
        first = next(replies)
        rest = (reply.body for reply in replies if not reply.nothing)
        return account.check_totals(
            parsed(
                first,
                lambda body: account.holdings(rest if first.nothing else chain([body], rest)),
            )
        )

    def open_orders(self, stock_code: str | None = None) -> tuple[BrokerOrder, ...]:
        asked = {
            "all_stk_tp": "1" if stock_code else "0",
            "trde_tp": "0",
            "stk_cd": stock_code or "",
            "stex_tp": ALL_VENUES,
        }
        today = self._today()
        return _by_number(
            self._listed("ka10075", asked, lambda body: orders.open_orders(body, today))
        )

    def executions(self, stock_code: str | None = None) -> tuple[Execution, ...]:
        """Oldest first; the broker lists the newest first, with the time of the order.

        Identical rows are kept: two fills of one order can have the same size and price.
        """
        asked = {
            "stk_cd": stock_code or "",
            "qry_tp": "1" if stock_code else "0",
            "sell_tp": "0",
            "ord_no": "",
            "stex_tp": ALL_VENUES,
        }
        today = self._today()
        found = self._listed("ka10076", asked, lambda body: orders.executions(body, today))
        return tuple(reversed(found))

    def day_orders(self, from_ord_no: str = "") -> tuple[BrokerOrder, ...]:
        today = self._today()
        asked = {
            "ord_dt": f"{today:%Y%m%d}",
            "qry_tp": "1",  # in the order they were placed
            "stk_bond_tp": "1",  # stocks
            "sell_tp": "0",
            "stk_cd": "",
            "fr_ord_no": from_ord_no,
            "dmst_stex_tp": "%",
        }
        return _by_number(
            self._listed("kt00007", asked, lambda body: orders.day_orders(body, today))
        )

    def realised(self, stock_code: str) -> tuple[Realised, ...]:
        return tuple(self._listed("ka10077", {"stk_cd": stock_code}, account.realised))

    def returns(self) -> tuple[AccountReturn, ...]:
        found = self._listed("ka10085", {"stex_tp": ALL_VENUES}, account.returns)
        return tuple(dict.fromkeys(found))


def _by_number(found: list[BrokerOrder]) -> tuple[BrokerOrder, ...]:
    """In the order of their numbers; a row that comes twice (a repeated page) counts once."""
    return tuple(sorted(dict.fromkeys(found), key=lambda order: int(order.ord_no)))
