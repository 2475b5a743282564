"""One event of the log as a line: time, kind, and the main columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kt.cli.show.cells import DIM, GREEN, RED, YELLOW, paint
from kt.cli.show.width import shorten
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

SHOWN: dict[str, tuple[str, ...]] = {
    "run": ("command",),
    "step": ("name", "outcome", "detail"),
    "api_call": ("api_id", "return_code", "message"),
    "scan": ("stage", "found"),
    "answer": ("purpose", "analyst", "model", "error"),
    "advice": (
        "topic",
        "choice",
        "ref",
        "stock_name",
        "price",
        "analyst",
        "provenance",
        "reason",
    ),
    "decision": ("action", "stock_code", "stock_name", "confidence", "reason"),
    "check": ("action", "stock_code", "stock_name", "passed", "quantity", "denied_by"),
    "order": (
        "what",
        "side",
        "stock_code",
        "stock_name",
        "ord_no",
        "quantity",
        "price",
        "code",
        "message",
        "evidence",
    ),
    "fill": ("side", "stock_code", "stock_name", "quantity", "price"),
    "exit": ("stock_code", "stop_price", "target_price", "reason"),
    "trade": ("stock_code", "stock_name", "quantity", "profit", "origin"),
    "stop": ("mode", "reason", "by"),
    "error": ("what", "place", "message"),
    "notice": ("level", "title", "text"),
    "delivery": ("outcome", "channel", "title", "detail"),
}
"""The columns that are shown of each kind, in order."""
COLORS = {"error": RED, "notice": YELLOW, "stop": YELLOW, "fill": GREEN, "trade": GREEN}


def line(row: Mapping[str, Any], console: Console) -> str:
    """`10:31:02  fill      BUY 005930 삼성전자 10 70,000`."""
    kind = str(row.get("kind", ""))
    names = SHOWN.get(kind) or tuple(name for name in row if name not in {"seq", "kind", "at"})
    detail = visible(" ".join(text for name in names if (text := _text(name, row.get(name)))))
    head = f"{_time(row)}  {visible(kind).ljust(8)}  "
    if console.width:
        detail = shorten(detail, max(20, console.width - len(head)))
    time, rest = head[:8], head[8:]
    return (
        f"{paint(time, DIM, console.color)}{paint(rest + detail, COLORS.get(kind), console.color)}"
    )


def _time(row: Mapping[str, Any]) -> str:
    return visible(str(row.get("at", "")))[11:19].ljust(8)


def _text(name: str, value: Any) -> str:
    if name == "passed":
        return tr("passed") if value else tr("denied")
    if value is None or value in ("", 0):
        return ""
    return f"{value:,}" if isinstance(value, int) else tr(str(value))
