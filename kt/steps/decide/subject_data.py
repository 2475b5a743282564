"""The market data of one stock that a question is about, fetched side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt.ports.patience import AskingTime
from kt.records import Book, Interval, Position, StockContext
from kt.steps.context import Context
from kt.steps.decide.collect import fetch

MINUTES = 30
DAYS = 20


def stock_context(
    ctx: Context,
    stock_code: str,
    time: AskingTime,
    *,
    position: Position | None = None,
    book: Book | None = None,
) -> StockContext | None:
    """Quote, book (unless it is given), trade strength, flow and bars; None without a quote, which
    is journaled. The time it takes counts against the question's deadline."""
    market = ctx.market
    questions: dict[str, Callable[[], Any]] = {
        "quote": lambda: market.quote(stock_code),
        "minutes": lambda: market.bars(stock_code, Interval.MINUTE, MINUTES),
        "days": lambda: market.bars(stock_code, Interval.DAY, DAYS),
        "strength": lambda: market.strength(stock_code),
        "flow": lambda: market.flow(stock_code),
    }
    if book is None:
        questions["book"] = lambda: market.book(stock_code)
    with time.spent():
        fetched = fetch(ctx, f"question.{stock_code}", questions)
    found = fetched.answers
    if "quote" not in found:
        return None
    return StockContext(
        stock_code=stock_code,
        stock_name=found["quote"].stock_name,
        quote=found["quote"],
        position=position,
        book=found.get("book", book),
        minutes=found.get("minutes", ()),
        days=found.get("days", ()),
        strength=found.get("strength", ()),
        flow=found.get("flow", ()),
        missing=tuple(f"{part}: {failure}" for part, failure in fetched.failures.items()),
    )
