"""The prompts of the trading day's questions: short instructions for each topic (files of
`prompts/`, in two languages) and the subjects inside the `<data>` fence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from kt.analyst.compact import neutral
from kt.analyst.prompt import RETRY_TEXT, Language, Prompt, fenced, instructions
from kt.records import (
    KST,
    AdviceRequest,
    DayResult,
    OpenOrder,
    Position,
    RoundTrip,
    SoldToday,
    StockContext,
    Subject,
)

MINUTES = 15
DAYS = 10
BOOK_LEVELS = 5


def advice_prompt(
    request: AdviceRequest, faults: Sequence[str] = (), language: Language = "en"
) -> Prompt:
    """The prompt for a question. On a retry, `faults` are those of the last answer."""
    found = instructions(request.topic.value, language)
    retry = f"{RETRY_TEXT[language]}\n" if faults else ""
    return Prompt(found.text, retry + fenced(advice_data(request, faults)), found.version)


def advice_data(request: AdviceRequest, faults: Sequence[str] = ()) -> dict[str, Any]:
    """What the model is told, before the fence; names and texts are cut to one short line."""
    data: dict[str, Any] = {
        "asof": _time(request.asof),
        "plan": neutral(request.plan, 1_500),
        "open_orders": [_order(order) for order in request.under_way.open_orders],
        "sold_today": [_sold(sale) for sale in request.under_way.sold],
        "subjects": [_subject(subject) for subject in request.subjects],
    }
    if request.result is not None:
        data["result"] = _result(request.result)
        data["trades"] = [_trade(trade) for trade in request.trades]
    if faults:
        data["faults_of_your_last_answer"] = [neutral(fault, 200) for fault in faults]
    return data


def _subject(subject: Subject) -> dict[str, Any]:
    data: dict[str, Any] = {"ref": subject.ref, "choices": list(subject.choices)}
    if subject.stock_code:
        data |= {
            "stock_code": subject.stock_code,
            "stock_name": neutral(subject.stock_name),
            "price": subject.price,
        }
    if subject.base_price:
        data["previous_close"] = subject.base_price
    if subject.position is not None:
        data["position"] = _position(subject.position)
    if subject.order is not None:
        data["order"] = _order(subject.order)
    if subject.stock is not None:
        data |= _market(subject.stock)
    if subject.note:
        data["why"] = neutral(subject.note, 200)
    return data


def _market(stock: StockContext) -> dict[str, Any]:
    quote = stock.quote
    data: dict[str, Any] = {
        "change_pct": quote.change_pct,
        "day_range": [quote.low, quote.high],
        "upper_limit": quote.upper_limit,
        "volume": quote.volume,
        "minutes": [
            [bar.at.astimezone(KST).strftime("%m-%d %H:%M"), bar.close, bar.volume]
            for bar in stock.minutes[-MINUTES:]
        ],
        "days": [[bar.at.astimezone(KST).strftime("%m-%d"), bar.close, bar.volume]
                 for bar in stock.days[-DAYS:]],
    }  # fmt: skip
    if stock.book is not None:
        data["asks"] = [[level.price, level.quantity] for level in stock.book.asks[:BOOK_LEVELS]]
        data["bids"] = [[level.price, level.quantity] for level in stock.book.bids[:BOOK_LEVELS]]
    if stock.strength:
        data["strength"] = stock.strength[0].strength
    if stock.flow:
        flow = stock.flow[0]
        data["net_bought"] = {
            "day": flow.day.isoformat(),
            "foreign": flow.foreign,
            "institution": flow.institution,
        }
    if stock.missing:
        data["missing"] = [neutral(part, 80) for part in stock.missing]
    return data


def _position(position: Position) -> dict[str, Any]:
    return {
        "quantity": position.quantity,
        "average_price": position.average_price,
        "stop_price": position.stop_price,
        "target_price": position.target_price,
        "profit": position.profit,
        "profit_pct": position.profit_pct,
        "since": _time(position.opened_at),
    }


def _order(order: OpenOrder) -> dict[str, Any]:
    return {
        "side": order.side.value,
        "stock_code": order.stock_code,
        "stock_name": neutral(order.stock_name),
        "quantity": order.quantity,
        "open": order.open_quantity,
        "price": order.price,
        "type": order.order_type.value,
        "origin": order.origin.value,
        "since": _time(order.since),
    }


def _sold(sale: SoldToday) -> dict[str, Any]:
    return {
        "stock_code": sale.stock_code,
        "stock_name": neutral(sale.stock_name),
        "quantity": sale.quantity,
        "price": sale.price,
        "origin": sale.origin.value,
        "why": neutral(sale.reason, 120),
        "at": _time(sale.at),
    }


def _result(day: DayResult) -> dict[str, Any]:
    found = msgspec.to_builtins(day)
    return {name: value for name, value in found.items() if value is not None and name != "at"}


def _trade(trade: RoundTrip) -> dict[str, Any]:
    return {
        "stock_code": trade.stock_code,
        "stock_name": neutral(trade.stock_name),
        "quantity": trade.quantity,
        "bought_at": trade.buy_price,
        "sold_at": trade.sell_price,
        "profit": trade.profit,
        "origin": trade.origin,
        "from": _time(trade.opened_at),
        "to": _time(trade.closed_at),
    }


def _time(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
