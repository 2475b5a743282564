"""Parses single field values: numbers, codes, order numbers, times and Korean words.

Every function takes a decoded JSON value, returns None for a blank and raises ValueError for
an invalid value, which `kt.broker.wire.row` turns into a WireError that names the field.
Rules: the broker sends strings; numbers are padded with zeros or blanks; `-` and `--` both mean
minus; a price's sign is its direction against yesterday's close, not part of the value. Only
ASCII digits are accepted; Python's int() would accept those of other scripts too.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from kt.records import KST, OrderType, Side

SATURATED = frozenset({2**32 - 1, 2**31 - 1})
"""Values of saturated counters: they mean "at least"."""

MOST_TEXT = 4_096
"""The most characters of one field. The document's longest has 111; a token has a few hundred."""

_INTEGER = re.compile(r"([+-]{0,2})0{0,64}([0-9]{1,18})(?:\.0{0,8})?")
_RATE = re.compile(r"([+-]{0,2})0{0,64}([0-9]{1,15}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
_CODE = re.compile(r"[0-9A-Z]{6}")
_ORDER_NUMBER = re.compile(r"[0-9]{1,10}")
_DIGITS = re.compile(r"[0-9]+")
_BLANK_DAY = "00000000"

STATUSES = {
    "접수": "RECEIVED",
    "확인": "CONFIRMED",
    "체결": "FILL",
    "취소": "CANCELLED",
    "거부": "REJECTED",
}
"""The broker's words for an order's status -> the status in OrderNotice and BrokerOrder."""


def text(raw: object) -> str:
    """A stripped string; numbers become their digits."""
    if isinstance(raw, str):
        if len(raw) > MOST_TEXT:
            raise ValueError("too long")
        return raw.strip()
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 2**53:
        return str(int(raw))
    raise ValueError("not a text")


def integer(raw: object) -> int | None:
    """A signed integer: `000000010000000`, `-00000000004900`, `+30024`, `--12`, `-0`."""
    found = text(raw)
    if not found:
        return None
    match = _INTEGER.fullmatch(found)
    if match is None:
        raise ValueError("not a whole number")
    value = int(match[2])
    return -value if "-" in match[1] else value


def price(raw: object) -> int | None:
    """Won without the direction sign: `-20800` is 20,800."""
    value = integer(raw)
    return None if value is None else abs(value)


def rate(raw: object) -> float | None:
    """A signed decimal in percent or won: `000000002.98`, `-00000052.71`, `+0.08`."""
    found = str(raw) if isinstance(raw, float) else text(raw)
    if not found:
        return None
    match = _RATE.fullmatch(found)
    if match is None:
        raise ValueError("not a decimal number")
    value = float(match[2])
    return -value if "-" in match[1] and value else value


def rounded(raw: object) -> int | None:
    """Won, rounded from an amount that may have decimals (`59813.0426541`)."""
    value = rate(raw)
    return None if value is None else round(value)


def code(raw: object) -> str:
    """A stock code of six characters, without a leading market letter, `_NX` or `_AL`.

    Account APIs put a letter for the kind before it: A stock, J warrant (ELW), Q note (ETN).
    """
    found = text(raw).removesuffix("_NX").removesuffix("_AL")
    if len(found) == 7 and found[0] in "AJQ":
        found = found[1:]
    if _CODE.fullmatch(found) is None:
        raise ValueError("not a stock code")
    return found


def order_number(raw: object) -> str:
    """At least seven digits; empty for a blank or for zeros (`0000000` = no order)."""
    found = text(raw)
    if not found:
        return ""
    if _ORDER_NUMBER.fullmatch(found) is None:
        raise ValueError("not an order number")
    return f"{int(found):07d}" if int(found) else ""


def day(raw: object) -> date | None:
    """YYYYMMDD; None for a blank or for zeros."""
    found = text(raw)
    if not found or found == _BLANK_DAY:
        return None
    if len(found) != 8 or _DIGITS.fullmatch(found) is None:
        raise ValueError("not a day")
    return date(int(found[:4]), int(found[4:6]), int(found[6:]))


def moment(raw: object, today: date) -> datetime | None:
    """HHMMSS, HH:MM:SS or YYYYMMDDHHMMSS in Korean time; `today` is the date for a bare time.

    There may be a blank between the parts or in place of the hour's leading zero. None if blank.
    """
    found = text(raw).replace(":", "").replace(" ", "")
    if not found:
        return None
    found = found.zfill(6) if len(found) == 5 else found
    if _DIGITS.fullmatch(found) is None or len(found) not in {6, 14}:
        raise ValueError("not a time")
    on = day(found[:8]) if len(found) == 14 else today
    if on is None:
        raise ValueError("not a time")
    hour, minute, second = int(found[-6:-4]), int(found[-4:-2]), int(found[-2:])
    return datetime(on.year, on.month, on.day, hour, minute, second, tzinfo=KST)


def side(raw: object) -> Side:
    """`+매수`, `-매도`, `현금매수`, `매도정정` … or the codes 2 (buy) and 1 (sell)."""
    found = text(raw)
    buy = "매수" in found or found == "2"
    if buy == ("매도" in found or found == "1"):
        raise ValueError("neither buy nor sell")
    return Side.BUY if buy else Side.SELL


def order_kind(*raw: object) -> str:
    """NEW, AMEND (정정) or CANCEL (취소) from the words of one row."""
    words = " ".join(text(one) for one in raw)
    if "취소" in words:
        return "CANCEL"
    return "AMEND" if "정정" in words else "NEW"


def order_type(raw: object) -> OrderType:
    """MARKET for every form of 시장가 and the codes 3, 13 and 23; every priced type is LIMIT."""
    found = text(raw)
    if "시장가" in found or found in {"3", "03", "13", "23"}:
        return OrderType.MARKET
    return OrderType.LIMIT


def status(raw: object) -> str:
    """RECEIVED, CONFIRMED, FILL, CANCELLED or REJECTED; an unknown word is returned unchanged."""
    found = text(raw)
    for word, name in STATUSES.items():
        if word in found:
            return name
    return found
