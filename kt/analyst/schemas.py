"""The JSON schemas of the replies, sent with the requests; the decision object is described in
docs/architecture.md#decision-object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kt.records import ANSWERS, AdviceRequest, RiskLevel

_TEXT = {"type": "STRING"}
_WHOLE = {"type": "INTEGER"}
_NUMBER = {"type": "NUMBER"}


def _list_of(properties: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "OBJECT", "properties": properties, "required": list(properties)}
    return {"type": "ARRAY", "items": item}


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "STRING", "format": "enum", "enum": list(values)}


SCHEMAS: dict[str, dict[str, Any]] = {
    "decide": _list_of(
        {
            "action": _one_of([action.value for action in ANSWERS]),
            "stock_code": _TEXT,
            "stock_name": _TEXT,
            "quantity": _WHOLE,
            "price": _WHOLE,
            "reason": _TEXT,
            "confidence": _NUMBER,
            "risk_level": _one_of([level.value for level in RiskLevel]),
        }
    ),
    "shortlist": _list_of(
        {"stock_code": _TEXT, "score": _NUMBER, "reason": _TEXT, "main_risk": _TEXT}
    ),
    "probe": {"type": "ARRAY", "items": _TEXT},
}
"""Schema by purpose, as JSON Schema in the OpenAPI dialect."""


def advice_schema(request: AdviceRequest) -> dict[str, Any]:
    """The schema of the answers to a question, with the choices that its subjects have."""
    choices = {choice.value: None for one in request.subjects for choice in one.choices}
    return _list_of(
        {"ref": _TEXT, "choice": _one_of(list(choices)), "price": _WHOLE, "reason": _TEXT}
    )
