"""Small builders for briefs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from kt.analyst import genai
from kt.analyst.asking import ModelAnalyst
from kt.analyst.gemini import Gemini
from kt.analyst.openai import OpenAICompatible
from kt.analyst.prompt import Language
from kt.analyst.provider import Provider
from kt.clock import ManualClock
from kt.records import (
    AnalystRequest,
    Bar,
    Book,
    BrokerActivity,
    BrokerShare,
    Candidate,
    Deposit,
    Flow,
    Level,
    Position,
    Quote,
    StockContext,
    Strength,
)
from tests.rules import make as plain
from tests.rules.make import T0

CLOCK = ManualClock(T0)


KEY = "AIzaSyTESTTESTTESTTESTTESTTESTTESTTEST"
MODEL = "gemini-test"


def _successor(key: str, model: str, base_url: str) -> Provider:
    if not genai.installed():
        pytest.skip("the extra kt[genai] is not installed")
    return genai.GeminiGenAI(key, model, base_url)


def _below(url: str) -> str:
    """OpenAI's path, with the slash at its end that the address had."""
    return f"{url.rstrip('/')}/v1{'/' * url.endswith('/')}"


ADAPTERS: dict[str, Callable[[str, str, str], Provider]] = {
    "google-generativeai": Gemini,
    "google-genai": _successor,
    "openai": lambda key, model, url: OpenAICompatible(key, model, url and _below(url)),
}


def model(
    adapter: str,
    base_url: str = "",
    *,
    key: str = KEY,
    model: str = MODEL,
    temperature: float = 0.0,
    timeout: float = 7.0,
    wait: Callable[[float], Any] = lambda seconds: None,
    language: Language = "en",
) -> ModelAnalyst:
    """Through one of ADAPTERS; pauses between attempts are only counted by `wait`."""
    return ModelAnalyst(
        ADAPTERS[adapter](key, model, base_url),
        CLOCK,
        temperature=temperature,
        timeout=timeout,
        price=lambda model: (0.30, 2.50),
        wait=wait,
        language=language,
    )


gemini = partial(model, "google-generativeai")


def bars(closes: list[int], volumes: list[int] | None = None) -> tuple[Bar, ...]:
    """Minute bars up to now, oldest first."""
    amounts = volumes or [1_000] * len(closes)
    first = T0 - timedelta(minutes=len(closes))
    return tuple(
        Bar(
            at=first + timedelta(minutes=index),
            open=close,
            high=close,
            low=close,
            close=close,
            volume=volume,
        )
        for index, (close, volume) in enumerate(zip(closes, amounts, strict=True))
    )


def quote(code: str = "005930", name: str = "삼성전자", **changes: Any) -> Quote:
    values: dict[str, Any] = {
        "stock_code": code,
        "stock_name": name,
        "price": 71_000,
        "base_price": 69_000,
        "change": 2_000,
        "change_pct": 2.9,
        "volume": 1_000_000,
        "open": 69_500,
        "high": 71_200,
        "low": 69_300,
        "upper_limit": 89_700,
        "lower_limit": 48_300,
        "bid": 70_900,
        "ask": 71_000,
        "at": T0,
    }
    return Quote(**(values | changes))


def book(bid: int = 70_900, total_bid: int = 30_000, total_ask: int = 12_000) -> Book:
    return Book(
        stock_code="005930",
        asks=tuple(Level(bid + 100 * step, 1_000) for step in range(1, 11)),
        bids=tuple(Level(bid - 100 * step, 3_000) for step in range(10)),
        total_ask=total_ask,
        total_bid=total_bid,
        at=T0,
    )


def strength(value: float) -> tuple[Strength, ...]:
    return (
        Strength(
            at=T0,
            price=71_000,
            volume=1,
            strength=value,
            strength_5m=value,
            strength_20m=value,
            strength_60m=value,
        ),
    )


def flow(foreign: int, institution: int = 0, volume: int = 1_000_000) -> tuple[Flow, ...]:
    return (
        Flow(
            day=date(2026, 11, 23),
            price=71_000,
            volume=volume,
            individual=-foreign - institution,
            foreign=foreign,
            institution=institution,
        ),
    )


def rising(code: str = "005930", name: str = "삼성전자", **changes: Any) -> StockContext:
    """A stock with all signals positive."""
    closes = [69_500 + 20 * index for index in range(60)] + [70_800, 70_900, 71_000]
    values: dict[str, Any] = {
        "stock_code": code,
        "stock_name": name,
        "quote": quote(code, name),
        "minutes": bars(closes, [1_000] * 50 + [4_000] * 13),
        "strength": strength(140),
        "book": book(),
        "flow": flow(60_000, 50_000),
        "brokers": BrokerActivity(
            stock_code=code,
            sellers=(BrokerShare(name="키움증권", code="050", quantity=10),),
            buyers=(BrokerShare(name="모건스탠리", code="036", quantity=20),),
        ),
    }
    return StockContext(**(values | changes))


def falling(code: str = "000660", name: str = "SK하이닉스", **changes: Any) -> StockContext:
    """A stock with all signals negative."""
    closes = [72_800 - 30 * index for index in range(63)]
    values: dict[str, Any] = {
        "minutes": bars(closes, [1_000] * 50 + [4_000] * 13),
        "strength": strength(60),
        "book": book(total_bid=10_000, total_ask=30_000),
        "flow": flow(-60_000, -50_000),
    }
    return rising(code, name, **(values | changes))


def held(**changes: Any) -> Position:
    return plain.position(**changes)


def brief(*stocks: StockContext, **changes: Any) -> AnalystRequest:
    values: dict[str, Any] = {
        "asof": T0,
        "stocks": stocks,
        "deposit": Deposit(cash=10_000_000, orderable=10_000_000, withdrawable=10_000_000),
        "positions": tuple(stock.position for stock in stocks if stock.position),
        "realised_today": 0,
        "per_stock_limit": 1_000_000,
    }
    return AnalystRequest(**(values | changes))


def candidate(code: str = "005930", name: str = "삼성전자", **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "stock_code": code,
        "stock_name": name,
        "price": 71_000,
        "change_pct": 2.9,
        "volume": 1_000_000,
        "value": 71_000_000_000,
        "score": 70.0,
        "stage": "deep",
        "reasons": ("strength 140.0: 20.0 of 20",),
    }
    return Candidate(**(values | changes))
