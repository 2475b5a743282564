"""Puts the form of a decision object right where only one meaning is possible, and says so.

A number in quotes, a Korean word for an action, a code with the broker's letter before it: what
was meant is certain. What is not certain (a price between two ticks, a confidence of 85) stays
as it is, and `rules/decision_validation.py` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kt.rules.decision_validation import MOST_REASON, shown

Found = dict[str, Any]

_FIELDS = {
    "action": "action", "decision": "action", "stockcode": "stock_code", "code": "stock_code",
    "stockname": "stock_name", "name": "stock_name", "quantity": "quantity", "price": "price",
    "reason": "reason", "confidence": "confidence", "risklevel": "risk_level",
    "risk": "risk_level", "score": "score",
    "종목코드": "stock_code", "종목명": "stock_name", "수량": "quantity", "가격": "price",
    "이유": "reason", "신뢰도": "confidence",
}  # fmt: skip
"""Spellings of the fields, without case, blanks and joints."""
_ACTIONS = {
    "buy": "BUY", "매수": "BUY", "사기": "BUY",
    "sell": "SELL", "매도": "SELL", "팔기": "SELL",
    "hold": "HOLD", "보유": "HOLD", "관망": "HOLD", "유지": "HOLD", "대기": "HOLD",
}  # fmt: skip
_RISKS = {
    "low": "LOW", "낮음": "LOW", "저위험": "LOW",
    "medium": "MEDIUM", "mid": "MEDIUM", "moderate": "MEDIUM", "보통": "MEDIUM", "중간": "MEDIUM",
    "high": "HIGH", "높음": "HIGH", "고위험": "HIGH",
}  # fmt: skip
_AMOUNT = re.compile(r"\+?(\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.0+)?\s*(?:원|주|KRW|won|shares)?", re.I)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*(%?)")
_CODE = re.compile(r"A?(\d{6}|\d{5}[0-9A-Z])(?:\.K[SQ])?")


def repaired(
    objects: Sequence[Any], asked: Collection[str]
) -> tuple[list[Any], dict[str, list[str]]]:
    """The same objects in good form, and by stock code what was put right. `asked` are the codes
    in question. An object that came twice, word for word, stands once."""
    good: list[Any] = []
    said: dict[str, list[str]] = {}
    for found in objects:
        made, repairs = _object(found, asked) if isinstance(found, dict) else (found, [])
        if isinstance(made, dict) and made in good:
            repairs = [*repairs, "answered twice, word for word"]
        else:
            good.append(made)
        if repairs:
            said.setdefault(str(made.get("stock_code")), []).extend(repairs)
    return good, said


def _object(found: Found, asked: Collection[str]) -> tuple[Found, list[str]]:
    named = _fields(found)
    made = {field: _mended(field, value, named, asked) for field, value in named.items()}
    if made.get("action") == "HOLD":
        made = {"quantity": 0, "price": 0} | made
    repairs = [f"{a}: read as {b}" for a, b in zip(found, named, strict=False) if a != b]
    repairs += [
        f"{field}: {shown(named.get(field))} read as {shown(value)}"
        for field, value in made.items()
        if not _same(value, named.get(field))
    ]
    return made, repairs


def _fields(found: Found) -> Found:
    """Under the names that were asked for, unless two fields would become one."""
    known = {name: _FIELDS.get(re.sub(r"[\s_-]", "", str(name)).casefold(), name) for name in found}
    if len(set(known.values())) < len(found):
        return found
    return {known[name]: value for name, value in found.items()}


def _mended(field: str, value: Any, whole: Mapping[str, Any], asked: Collection[str]) -> Any:
    match field:
        case "action" | "risk_level":
            return _word(value, _ACTIONS if field == "action" else _RISKS)
        case "quantity" | "price":
            idle = _word(whole.get("action"), _ACTIONS) == "HOLD" and value in (None, "", "-")
            return 0 if idle else _whole(value)
        case "confidence" | "score":
            return _number(value, percent=field == "confidence")
        case "stock_code":
            return _code(value, asked)
        case "reason" if isinstance(value, str) and len(value) > MOST_REASON:
            return f"{value[: MOST_REASON - 1]}…"
    return value


def _word(value: Any, meanings: Mapping[str, str]) -> Any:
    return meanings.get(value.strip(" .\"'").casefold(), value) if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, str) and (told := _AMOUNT.fullmatch(value.strip())):
        return int(told[1].replace(",", ""))
    return value


def _number(value: Any, *, percent: bool) -> Any:
    """`0.85` and, of a confidence, `85%`; a bare 85 may be a slip."""
    if not isinstance(value, str) or not (told := _SHARE.fullmatch(value.strip())):
        return value
    if told[2]:
        return float(told[1]) / 100 if percent else float(told[1])
    return float(told[1])


def _code(value: Any, asked: Collection[str]) -> Any:
    """A code without what brokers and data vendors write around it; one that JSON made a number
    of, which has lost its zeros."""
    if isinstance(value, bool) or (isinstance(value, str) and value in asked):
        return value
    text = f"{value:06d}" if isinstance(value, int) and 0 <= value < 10**6 else value
    told = _CODE.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    return told[1] if told and told[1] in asked else value


def _same(left: Any, right: Any) -> bool:
    return left is right or (type(left) is type(right) and left == right)
