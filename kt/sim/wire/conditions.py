"""Condition searches on the stream (ka10171 to ka10174): the list, one page of matches, the end.

The form is that of the broker's documented answers: numbers are padded to nine characters, a sign
counts in the width, prices have none, and the change in percent is in thousandths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kt.ports import Market
from kt.records import Quote, Ranked
from kt.sim.wire import stream_frames
from kt.sim.wire.values import account_code, direction, padded

NAMES = frozenset({"CNSRLST", "CNSRREQ", "CNSRCLR"})
PAGE = 100
LIVE = "1"
"""The search_type that also follows a condition. The exchange answers with the matches of the
moment and sends no changes."""


class ConditionSearch:
    """The searches of one connection. A condition is run only after its list was asked for."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._listed: tuple[str, ...] = ()

    def answer(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a frame of one of NAMES."""
        name, seq = str(frame.get("trnm")), str(frame.get("seq", "")).strip()
        if name == "CNSRLST":
            self._listed = self._market.conditions()
            pairs = [[str(number), known] for number, known in enumerate(self._listed)]
            return {**stream_frames.done(name), "data": pairs}
        if name == "CNSRCLR":
            return {**stream_frames.done(name), "seq": seq}
        if not seq.isdecimal() or int(seq) >= len(self._listed):
            text = "조건검색식이 존재하지 않습니다"
            return {"trnm": name, "seq": seq, "return_code": 1, "return_msg": text}
        return self._matches(frame, seq)

    def _matches(self, frame: Mapping[str, Any], seq: str) -> dict[str, Any]:
        found = self._market.condition(self._listed[int(seq)])
        if str(frame.get("search_type")) == LIVE:
            rows = [{"jmcode": account_code(item.stock_code)} for item in found[:PAGE]]
            return {"trnm": "CNSRREQ", "seq": seq, "return_code": 0, "data": rows}
        key = str(frame.get("next_key", "")).strip()
        start = int(key) if frame.get("cont_yn") == "Y" and key.isdecimal() else 0
        page = found[start : start + PAGE]
        quotes = {quote.stock_code: quote for quote in self._quotes(page)}
        more = start + PAGE < len(found)
        return {
            "trnm": "CNSRREQ",
            "seq": f"{seq:<2}",
            "cont_yn": "Y" if more else "N",
            "next_key": str(start + PAGE) if more else "",
            "return_code": 0,
            "data": [_row(item, quotes[item.stock_code]) for item in page],
        }

    def _quotes(self, page: tuple[Ranked, ...]) -> tuple[Quote, ...]:
        return self._market.quotes([item.stock_code for item in page])


def _row(item: Ranked, quote: Quote) -> dict[str, str]:
    sign = direction(quote.price, quote.base_price, quote.upper_limit, quote.lower_limit)
    return {
        "9001": account_code(item.stock_code),
        "302": item.stock_name,
        "10": padded(quote.price, 9),
        "25": sign,
        "11": padded(quote.change, 9),
        "12": padded(round(quote.change_pct * 1000), 9),
        "13": padded(quote.volume, 9),
        "16": padded(quote.open, 9),
        "17": padded(quote.high, 9),
        "18": padded(quote.low, 9),
    }
