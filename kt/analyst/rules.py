"""The offline analyst: a score from market data, no network, deterministic.

For every stock `signals.py` weighs six signals into a score of 0..100. Then:

- a stock that kt has an order open in, in the same direction, or has sold within JUST_SOLD: HOLD;
- not held, score at least BUY_AT, and room below the day's upper limit: BUY at one tick above
  the best ask (so that it fills at once), for at most the limit per stock;
- held, and the score at most SELL_AT, or the price within 1 % of stop or target while the
  score is low: SELL all sellable shares at one tick below the best bid;
- everything else: HOLD.

The confidence of a BUY is how often such a score was right an hour later, after costs: measured
on the embedded exchange (HIT_RATES), lowered where data was missing. It says nothing about the
real market; `kt pnl --decisions` shows the hit rate there. The confidence of not buying is 1 minus
that; of keeping a held stock it is the same as of buying it, at least 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from kt.analyst.advice_prompt import advice_data
from kt.analyst.request_key import key_of, shortlist_question
from kt.analyst.rules_advice import advice_objects
from kt.analyst.signals import SignalScore, score_signals
from kt.ports import Clock
from kt.records import (
    Action,
    AdviceRequest,
    AnalystReply,
    AnalystRequest,
    Candidate,
    Position,
    Quote,
    Side,
    StockContext,
)
from kt.rules import ticks
from kt.rules.freshness import newest, stocks_of

BUY_AT = 80.0
SELL_AT = 40.0
TARGET_HOLDS_AT = 60.0
"""A position near its target is not sold while its score is at least this."""
NEAR_PCT = 1.0
JUST_SOLD = timedelta(minutes=60)
"""As long as the horizon at which a buy was measured (HIT_RATES)."""
ROOM_PCT = 3.0
"""A buy needs the price to be more than this far below the day's upper limit."""
SELL_CONFIDENCE = 0.65
"""The least confidence of a SELL: leaving a weak position needs less evidence than entering one."""
HIT_RATES = (
    (0.0, 0.10),
    (50.0, 0.23),
    (60.0, 0.29),
    (70.0, 0.33),
    (75.0, 0.40),
    (80.0, 0.62),
    (85.0, 0.80),
    (90.0, 0.92),
    (100.0, 0.95),
)
"""Score, and the share of buys at it that were profitable after costs within 60 minutes: from 2,560
samples of scanned stocks over 8 seeds and 16 times of day. Interpolated linearly."""
SCAN_ODDS = (
    (0.0, 0.32),
    (55.0, 0.32),
    (65.0, 0.51),
    (75.0, 0.53),
    (85.0, 0.63),
    (95.0, 0.66),
    (100.0, 0.66),
)
"""The deep scan's score, and the share of stocks at it that were higher 60 minutes later: from 300
samples over 5 seeds and 3 times of day. Interpolated linearly."""
MODEL = "rules-2"
"""Incremented whenever the answer to the same brief changes."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    action: Action
    confidence: float
    quantity: int
    price: int
    why: str


class RulesAnalyst:
    """Implements ports.Analyst without a network."""

    fallback = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def name(self) -> str:
        return "rules"

    @property
    def model(self) -> str:
        return MODEL

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """A decision for every stock. Faults change nothing: the rules have no second opinion."""
        scores = {stock.stock_code: score_signals(stock) for stock in brief.stocks}
        objects = tuple(_decision(stock, scores[stock.stock_code], brief) for stock in brief.stocks)
        figures = {code: _figures(scored) for code, scored in scores.items()}
        key = self.decide_key(brief, faults)
        return self._answer("decide", key, objects, figures, newest(brief.stocks, brief.asof))

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        """The candidates with the highest scan score; ties go to the higher traded value. The
        `score` of each is how often such a scan score was followed by a rise (SCAN_ODDS)."""
        ranked = sorted(candidates, key=lambda c: (-c.score, -c.value, c.stock_code))[:count]
        objects = tuple(
            {
                "stock_code": c.stock_code,
                "score": round(100 * (odds := _interpolated(SCAN_ODDS, c.score)), 1),
                "reason": _why_listed(c),
                "main_risk": f"{100 * (1 - odds):.0f} of 100 stocks with such a score were not "
                "higher an hour later.",
            }
            for c in ranked
        )
        key = self.shortlist_key(candidates, count, asof)
        figures = {c.stock_code: round(c.score, 1) for c in candidates}
        return self._answer("shortlist", key, objects, figures, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """The answers of `rules_advice.py`. Faults change nothing."""
        objects = advice_objects(request, buy_at=BUY_AT, sell_at=SELL_AT, room_pct=ROOM_PCT)
        key, data_at = self.advice_key(request, faults), newest(stocks_of(request), request.asof)
        return self._answer(request.topic.value, key, objects, advice_data(request), data_at)

    def preview(self, brief: AnalystRequest) -> None:
        """None: the rules have no prompt."""

    def probe(self) -> AnalystReply | None:
        """None: there is no server to check."""
        return None

    def decide_key(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> str:
        return key_of("decide", self.name, MODEL, _PARAMETERS, brief, faults)

    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str:
        question = shortlist_question(candidates, count, asof)
        return key_of("shortlist", self.name, MODEL, _PARAMETERS, question)

    def advice_key(self, request: AdviceRequest, faults: Sequence[str] = ()) -> str:
        topic = request.topic.value
        return key_of(topic, self.name, MODEL, _PARAMETERS, request, faults)

    def _answer(
        self,
        purpose: str,
        key: str,
        objects: tuple[dict[str, Any], ...],
        figures: dict[str, Any],
        data_at: datetime,
    ) -> AnalystReply:
        return AnalystReply(
            key=key,
            purpose=purpose,
            analyst=self.name,
            model=MODEL,
            asked_model=MODEL,
            objects=objects,
            raw=msgspec.json.encode(objects).decode(),
            prompt=msgspec.json.encode(figures).decode(),
            parameters=_PARAMETERS,
            asked_at=self._clock.now(),
            data_at=data_at,
            latency_ms=0,
        )


_PARAMETERS: dict[str, Any] = {"buy_at": BUY_AT, "sell_at": SELL_AT}


def _decision(stock: StockContext, scored: SignalScore, brief: AnalystRequest) -> dict[str, Any]:
    verdict = _verdict(stock, scored, brief)
    verb = {Action.BUY: "Buy", Action.SELL: "Sell", Action.HOLD: "Hold"}[verdict.action]
    figures = f" ({scored.text})" if scored.signals else ""
    return {
        "action": verdict.action.value,
        "stock_code": stock.stock_code,
        "stock_name": stock.stock_name,
        "quantity": verdict.quantity,
        "price": verdict.price,
        "reason": f"{verb}: {verdict.why}; score {scored.score:.0f} of 100{figures}.",
        "confidence": verdict.confidence,
        "risk_level": scored.risk.value,
    }


def _verdict(stock: StockContext, scored: SignalScore, brief: AnalystRequest) -> _Verdict:
    if not scored.signals:
        return _Verdict(Action.HOLD, 0.5, 0, 0, "no figures could be had")
    if stock.position is not None and stock.position.quantity > 0:
        if _is_under_way(stock, Side.SELL, brief):
            return _hold(scored, "an order to sell it is open")
        return _for_held(stock, stock.position, scored)
    return _for_new(stock, scored, brief)


def _for_new(stock: StockContext, scored: SignalScore, brief: AnalystRequest) -> _Verdict:
    for sale in brief.sold_today:
        if sale.stock_code == stock.stock_code and brief.asof - sale.at < JUST_SOLD:
            return _hold(scored, f"just sold at {sale.price:,} ({sale.origin.value})")
    if _is_under_way(stock, Side.BUY, brief):
        return _hold(scored, "an order to buy it is open")
    if scored.score < BUY_AT:
        return _hold(scored, f"too weak to buy, which takes {BUY_AT:.0f}")
    quote = stock.quote
    if quote.upper_limit and quote.price * (100 + ROOM_PCT) >= quote.upper_limit * 100:
        return _hold(scored, "too near the day's upper limit")
    price = buy_price(stock)
    quantity = min(brief.per_stock_limit, brief.deposit.orderable) // price if price else 0
    if quantity < 1:
        return _hold(scored, "one share costs more than may be spent")
    return _Verdict(Action.BUY, _hit_rate(scored), quantity, price, "buyers lead")


def _for_held(stock: StockContext, position: Position, scored: SignalScore) -> _Verdict:
    price, quote = sell_price(stock), stock.quote
    quantity = position.sellable or position.quantity
    why = ""
    if scored.score <= SELL_AT:
        why = "sellers lead"
    elif _near(quote, position.stop_price, -1) and scored.score < 50:
        why = f"the price is within {NEAR_PCT:.0f}% of the stop at {position.stop_price:,}"
    elif _near(quote, position.target_price, 1) and scored.score < TARGET_HOLDS_AT:
        why = f"the price is within {NEAR_PCT:.0f}% of the target at {position.target_price:,}"
    if not why:
        return _Verdict(
            Action.HOLD, max(0.5, _hit_rate(scored)), 0, 0, "the picture has not turned"
        )
    sure = max(SELL_CONFIDENCE, 1 - _hit_rate(scored))
    return _Verdict(Action.SELL, round(sure, 2), quantity, price, why)


def _is_under_way(stock: StockContext, side: Side, brief: AnalystRequest) -> bool:
    orders = (order for order in brief.open_orders if order.stock_code == stock.stock_code)
    return any(order.side is side for order in orders)


def _near(quote: Quote, level: int, direction: int) -> bool:
    """Whether the price is within NEAR_PCT of a stop (-1) or target (+1), or beyond it."""
    if level <= 0:
        return False
    left = (level - quote.price) * direction * 100 / quote.price if quote.price else 0.0
    return left <= NEAR_PCT


def _hold(scored: SignalScore, why: str) -> _Verdict:
    """A HOLD; its confidence is the share of buys at this score that would lose, at least 0.5."""
    return _Verdict(Action.HOLD, max(0.5, round(1 - _hit_rate(scored), 2)), 0, 0, why)


def _hit_rate(scored: SignalScore) -> float:
    """How often a buy at this score was right (HIT_RATES); with less coverage nearer to the rate of
    an average score."""
    rate = _interpolated(HIT_RATES, scored.score)
    usual = HIT_RATES[1][1]
    return round(usual + (rate - usual) * scored.coverage, 2)


def _interpolated(table: Sequence[tuple[float, float]], score: float) -> float:
    """The rate at a score of 0 to 100, between the two nearest entries."""
    return next(
        low + (high - low) * (score - start) / (end - start)
        for (start, low), (end, high) in pairwise(table)
        if score <= end
    )


def buy_price(stock: StockContext) -> int:
    """One tick above the best ask, not above the day's upper limit."""
    asks = stock.book.asks if stock.book is not None else ()
    best = asks[0].price if asks else stock.quote.ask or stock.quote.price
    price = ticks.step(best, 1)
    upper = stock.quote.upper_limit
    return min(price, ticks.round_down(upper)) if upper else price


def sell_price(stock: StockContext) -> int:
    """One tick below the best bid, not below the day's lower limit."""
    bids = stock.book.bids if stock.book is not None else ()
    best = bids[0].price if bids else stock.quote.bid or stock.quote.price
    return max(ticks.step(best, -1), ticks.round_up(stock.quote.lower_limit))


def _figures(scored: SignalScore) -> dict[str, Any]:
    return {
        "score": scored.score,
        "coverage": scored.coverage,
        "volatility_pct": scored.volatility_pct,
        "signals": {signal.name: signal.value for signal in scored.signals},
    }


def _why_listed(candidate: Candidate) -> str:
    figures = [f"{candidate.change_pct:+.1f}% today"]
    if candidate.surge_pct is not None:
        figures.append(f"volume {candidate.surge_pct:+.0f}%")
    if candidate.strength is not None:
        figures.append(f"trade strength {candidate.strength:.0f}")
    if candidate.book_ratio is not None:
        figures.append(f"bids {candidate.book_ratio:.1f} times the asks")
    return f"Scans give {candidate.score:.0f} of 100 ({', '.join(figures)})."
