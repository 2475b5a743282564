"""Repairs the format of a decision object where only one meaning is possible, and reports each
repair.

A number in quotes, a Korean word for an action, a stock code with the broker's prefix: the meaning
is unambiguous. Anything ambiguous (a price between two ticks, a confidence of 85) is left
unchanged, and `rules/decision_validation.py` rejects it.
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
"""Spellings of the field names, ignoring case, spaces, underscores and hyphens."""
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
    """The repaired objects, and the repairs by stock code. `asked` are the requested stock codes.
    Of identical objects only the first is returned."""
    good: list[Any] = []
    repairs_by_code: dict[str, list[str]] = {}
    for found in objects:
        made, repairs = _object(found, asked) if isinstance(found, dict) else (found, [])
        if isinstance(made, dict) and made in good:
            repairs = [*repairs, "answered twice, word for word"]
        else:
            good.append(made)
        if repairs:
            repairs_by_code.setdefault(str(made.get("stock_code")), []).extend(repairs)
    return good, repairs_by_code


def _object(found: Found, asked: Collection[str]) -> tuple[Found, list[str]]:
    named = _fields(found)
    made = {field: _repaired_value(field, value, named, asked) for field, value in named.items()}
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
    """The object with the requested field names; unchanged if two fields would become one."""
    known = {name: _FIELDS.get(re.sub(r"[\s_-]", "", str(name)).casefold(), name) for name in found}
    if len(set(known.values())) < len(found):
        return found
    return {known[name]: value for name, value in found.items()}


def _repaired_value(
    field: str, value: Any, whole: Mapping[str, Any], asked: Collection[str]
) -> Any:
    match field:
        case "action" | "risk_level":
            return _word(value, _ACTIONS if field == "action" else _RISKS)
        case "quantity" | "price":
            no_order = _word(whole.get("action"), _ACTIONS) == "HOLD" and value in (None, "", "-")
            return 0 if no_order else _whole(value)
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
    if isinstance(value, str) and (matched := _AMOUNT.fullmatch(value.strip())):
        return int(matched[1].replace(",", ""))
    return value


def _number(value: Any, *, percent: bool) -> Any:
    """`0.85`, and `85%` for a confidence; a plain 85 stays 85, as it may be a mistake."""
    if not isinstance(value, str) or not (matched := _SHARE.fullmatch(value.strip())):
        return value
    if matched[2]:
        return float(matched[1]) / 100 if percent else float(matched[1])
    return float(matched[1])


def _code(value: Any, asked: Collection[str]) -> Any:
    """A stock code without the prefix or suffix of brokers and data vendors, or from a JSON number,
    which has lost its leading zeros."""
    if isinstance(value, bool) or (isinstance(value, str) and value in asked):
        return value
    text = f"{value:06d}" if isinstance(value, int) and 0 <= value < 10**6 else value
    matched = _CODE.fullmatch(text.strip().upper()) if isinstance(text, str) else None
    return matched[1] if matched and matched[1] in asked else value


def _same(left: Any, right: Any) -> bool:
    return left is right or (type(left) is type(right) and left == right)
