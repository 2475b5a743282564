"""The prompts sent to a model: fixed instructions (files of `prompts/`, in two languages) and the
market data inside a `<data>` fence.

Stock names, reasons and lessons are untrusted input (prompt injection). Each is cut to one short
line and encoded as a JSON string inside the fence, and `<`, `>` and `&` are escaped in the JSON:
no name can close the fence or pass for an instruction.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

from kt.records import (
    KST,
    AnalystRequest,
    Bar,
    Book,
    BrokerActivity,
    Candidate,
    Flow,
    Position,
    StockContext,
    Strength,
)

MINUTES = 60
DAYS = 20
NAME_LENGTH = 40
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}

Language = Literal["en", "ko"]
_RETRY_TEXT: dict[Language, str] = {
    "en": "Your last answer had the faults listed in the data. Avoid them.",
    "ko": "지난번 답에는 데이터에 적힌 오류가 있었습니다. 되풀이하지 마십시오.",
}


@dataclass(frozen=True, slots=True)
class Instructions:
    """One file of `prompts/`: its text and its version (`decide.en.2`). Every change of the text
    increments the version, so that records of different prompts are never mixed."""

    text: str
    version: str


@cache
def instructions(purpose: str, language: Language) -> Instructions:
    """The instructions for `decide` or `shortlist`."""
    name = f"{purpose}.{language}"
    file = resources.files("kt.analyst").joinpath(f"prompts/{name}.txt")
    first, _, text = file.read_text(encoding="utf-8").partition("\n")
    return Instructions(text.strip(), f"{name}.{first.removeprefix('version: ')}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: the instructions and the user's text, which is the fenced data."""

    system: str
    text: str
    version: str = ""

    @property
    def whole(self) -> str:
        """Both as one text, as the journal stores it."""
        return f"{self.system}\n\n{self.text}"


PROBE = Prompt("Answer with an empty JSON list.", "[]")
"""The smallest possible request: it only checks that the model answers."""


def decide_prompt(
    brief: AnalystRequest, faults: Sequence[str] = (), language: Language = "en"
) -> Prompt:
    """The prompt for decisions on every stock of a brief. On a retry, `faults` are those of the
    last answer."""
    data = {
        "asof": _time(brief.asof),
        "cash": brief.deposit.orderable,
        "per_stock_limit": brief.per_stock_limit,
        "horizon_minutes": brief.horizon_minutes,
        "realised_today": brief.realised_today,
        "portfolio": [_position(position) for position in brief.positions],
        "lessons": neutral(brief.lessons, 1_500),
        "stocks": [_stock(stock) for stock in brief.stocks],
    }
    if faults:
        data["faults_of_your_last_answer"] = [neutral(fault, 200) for fault in faults]
    retry = f"{_RETRY_TEXT[language]}\n" if faults else ""
    found = instructions("decide", language)
    return Prompt(found.text, retry + fenced(data), found.version)


def shortlist_prompt(
    candidates: Sequence[Candidate], count: int, asof: datetime, language: Language = "en"
) -> Prompt:
    """The prompt for the best `count` of the candidates."""
    data = {
        "asof": _time(asof),
        "count": count,
        "candidates": [_candidate(candidate) for candidate in candidates],
    }
    found = instructions("shortlist", language)
    return Prompt(found.text, fenced(data), found.version)


def fenced(data: dict[str, Any]) -> str:
    """Data as JSON inside the fence, with `<`, `>` and `&` as JSON escapes."""
    text = msgspec.json.encode(data).decode()
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return f"<data>\n{text}\n</data>"


def neutral(text: str, length: int = NAME_LENGTH) -> str:
    """One line of at most `length` visible characters: no line breaks, no control characters,
    nothing that hides text or reverses its direction."""
    visible = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs") else sign
        for sign in unicodedata.normalize("NFC", text)
    )
    line = " ".join(visible.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _stock(stock: StockContext) -> dict[str, Any]:
    quote = stock.quote
    data: dict[str, Any] = {
        "stock_code": stock.stock_code,
        "stock_name": neutral(stock.stock_name),
        "price": quote.price,
        "previous_close": quote.base_price,
        "change_pct": quote.change_pct,
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "upper_limit": quote.upper_limit,
        "lower_limit": quote.lower_limit,
        "volume": quote.volume,
        "value": quote.value,
        "minutes": [_bar(bar, "%H:%M") for bar in stock.minutes[-MINUTES:]],
        "days": [_bar(bar, "%m-%d") for bar in stock.days[-DAYS:]],
        "strength": [_strength(entry) for entry in stock.strength[:5]],
        "net_bought": [_flow(flow) for flow in stock.flow[:5]],
    }
    if stock.book is not None:
        data["book"] = _book(stock.book)
    if stock.brokers is not None:
        data["brokers"] = _brokers(stock.brokers)
    if stock.position is not None:
        data["position"] = _position(stock.position)
    if stock.candidate is not None:
        data["scan"] = _candidate(stock.candidate)
    if stock.missing:
        data["missing"] = [neutral(part, 80) for part in stock.missing]
    return data


def _candidate(candidate: Candidate) -> dict[str, Any]:
    data = msgspec.to_builtins(candidate)
    data["stock_name"] = neutral(candidate.stock_name)
    data["reasons"] = [neutral(reason, 120) for reason in candidate.reasons]
    return {name: value for name, value in data.items() if value is not None}


def _position(position: Position) -> dict[str, Any]:
    return {
        "stock_code": position.stock_code,
        "stock_name": neutral(position.stock_name),
        "quantity": position.quantity,
        "sellable": position.sellable,
        "average_price": position.average_price,
        "stop_price": position.stop_price,
        "target_price": position.target_price,
        "profit": position.profit,
        "profit_pct": position.profit_pct,
    }


def _bar(bar: Bar, form: str) -> list[Any]:
    when = bar.at.astimezone(KST).strftime(form)
    return [when, bar.open, bar.high, bar.low, bar.close, bar.volume]


def _book(book: Book) -> dict[str, Any]:
    return {
        "asks": [[level.price, level.quantity] for level in book.asks[:5]],
        "bids": [[level.price, level.quantity] for level in book.bids[:5]],
        "total_ask": book.total_ask,
        "total_bid": book.total_bid,
    }


def _brokers(brokers: BrokerActivity) -> dict[str, Any]:
    return {
        "buyers": [[neutral(share.name, 20), share.quantity] for share in brokers.buyers],
        "sellers": [[neutral(share.name, 20), share.quantity] for share in brokers.sellers],
    }


def _strength(entry: Strength) -> list[Any]:
    return [_time(entry.at), entry.strength, entry.strength_5m, entry.strength_20m]


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        "day": flow.day.isoformat(),
        "volume": flow.volume,
        "foreign": flow.foreign,
        "institution": flow.institution,
        "individual": flow.individual,
    }


def _time(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
