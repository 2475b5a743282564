"""The less frequent rows of the stream: the account's (00 orders, 04 balance), the market phase
(0s) and volatility interruptions (1h)."""

from __future__ import annotations

from datetime import datetime

from kt.broker.wire import Row, scalars, shown
from kt.errors import WireError
from kt.records import BalanceNotice, OrderNotice, SessionNotice, Side, ViNotice

NO_REASON = frozenset({"", "0"})
"""FID 919 says `0` when nothing was refused."""


def order_notice(row: Row, now: datetime) -> OrderNotice:
    """One row of 00. A fill must have the ordered (900) and the open quantity (902).

    A fill's own price is FID 914, otherwise 910; a row with neither is taken at its order's
    price (901), which is 0 for a market order: then the fill's price must be queried.
    """
    status = scalars.status(row.text("913"))
    if status not in scalars.STATUSES.values():
        raise WireError(f"{row.where}.913", shown(row.fields.get("913")))
    filled = status == "FILL"
    quantity = row.price("900", None if filled else 0)
    price = row.price("901", 0)
    reason = row.text("919", "0")
    return OrderNotice(
        ord_no=row.order_number("9203"),
        original_ord_no=row.order_number("904", ""),
        stock_code=row.code("9001"),
        stock_name=row.text("302", ""),
        status=status,
        side=_side(row),
        quantity=quantity,
        price=price,
        open_quantity=row.price("902", None if filled else _open(status, quantity)),
        at=row.moment("908", now.date(), now),
        exec_no=row.text("909", "") if filled else "",
        fill_quantity=(row.price("915", 0) or row.price("911")) if filled else 0,
        fill_price=(row.price("914", 0) or row.price("910", 0) or price) if filled else 0,
        fee=row.price("938", 0),
        tax=row.price("939", 0),
        reject_reason="" if reason in NO_REASON else reason,
        intent=scalars.order_kind(row.text("905", "")),
    )


def _open(status: str, quantity: int) -> int:
    """An order that was just received is open in full."""
    return quantity if status == "RECEIVED" else 0


def _side(row: Row) -> Side:
    """FID 905 says it in words (`+매수`, `매도정정`), 907 by code (1 sell, 2 buy)."""
    return row.side("905") if row.has("905") else row.side("907")


def balance_notice(row: Row, now: datetime) -> BalanceNotice:
    """One row of 04; it carries no time of its own. Profit realised today: 990, otherwise 950."""
    return BalanceNotice(
        stock_code=row.code("9001"),
        stock_name=row.text("302", ""),
        quantity=row.price("930"),
        sellable=row.price("933", 0),
        average_price=row.rounded("931", 0),
        price=row.price("10", 0),
        realised_today=row.integer("990", 0) or row.integer("950", 0),
        at=now,
    )


def session_notice(row: Row, now: datetime) -> SessionNotice:
    """One row of 0s. The code is what counts: invalid times (`888888`) are ignored."""
    return SessionNotice(
        code=row.text("215"),
        at=_moment(row, "20", now),
        left_seconds=_seconds(row, "214"),
    )


VI_ACTIVE = {"1": True, "2": False}
"""FID 9068: an interruption was triggered, or released. The document lists no codes; clients of
the broker have seen these."""


def vi_notice(row: Row, now: datetime) -> ViNotice:
    """One row of 1h. The row that triggers one also has the expected time of its release (1224)."""
    active = VI_ACTIVE.get(row.text("9068"))
    if active is None:
        raise WireError(f"{row.where}.9068", shown(row.fields["9068"]))
    return ViNotice(
        stock_code=row.code("9001"),
        active=active,
        price=row.price("1221", 0),
        at=_moment(row, "1223" if active else "1224", now),
    )


def _moment(row: Row, name: str, now: datetime) -> datetime:
    """Zeros and invalid times mean that the row has none."""
    if not row.text(name, "0").strip("0"):
        return now
    try:
        return row.moment(name, now.date(), now)
    except WireError:
        return now


def _seconds(row: Row, name: str) -> int:
    """HHMMSS as a length of time; 0 when it is not one."""
    digits = row.text(name, "0")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return 0
    return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
