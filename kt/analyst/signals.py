"""Six signals of a stock, each from -1 (falling) to +1 (rising), and their score.

The score is 50 plus 50 times the weighted mean of the available signals: 50 is neutral, 100 is the
maximum. `coverage` is the weight of the available signals as a share of all weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from kt.records import Bar, RiskLevel, StockContext
from kt.rules.indicators import momentum, vwap


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its name, weight, value (-1..1) and description."""

    name: str
    weight: float
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class SignalScore:
    """The signals of one stock, their score (0..100) and coverage (0..1), and its volatility."""

    signals: tuple[Signal, ...]
    score: float
    coverage: float
    volatility_pct: float
    risk: RiskLevel

    @property
    def text(self) -> str:
        """The descriptions of the signals, the most significant first."""
        ordered = sorted(self.signals, key=lambda s: -abs(s.weight * s.value))
        return ", ".join(signal.text for signal in ordered)


def score_signals(stock: StockContext) -> SignalScore:
    """The score of one stock. A signal whose data is missing lowers the coverage."""
    found = [signal for make in _SIGNALS if (signal := make(stock)) is not None]
    total = sum(_WEIGHTS.values())
    weight = sum(signal.weight for signal in found)
    mean = sum(signal.weight * signal.value for signal in found) / weight if weight else 0.0
    volatility = volatility_pct(stock)
    return SignalScore(
        signals=tuple(found),
        score=round(50 + 50 * mean, 1),
        coverage=round(weight / total, 3),
        volatility_pct=round(volatility, 2),
        risk=_risk(volatility),
    )


def volatility_pct(stock: StockContext) -> float:
    """The range of a day in percent of the price: the larger of today's range and the mean range of
    the last five days."""
    quote = stock.quote
    today = _pct(quote.high - quote.low, quote.price) if quote.high and quote.low else 0.0
    days = [_pct(bar.high - bar.low, bar.close) for bar in stock.days[-5:] if bar.close]
    return max(today, sum(days) / len(days) if days else 0.0)


def today(stock: StockContext) -> tuple[Bar, ...]:
    """The minute bars of the newest day: early in a session the list includes the day before."""
    if not stock.minutes:
        return ()
    day = stock.minutes[-1].at.date()
    return tuple(bar for bar in stock.minutes if bar.at.date() == day)


def _trend(stock: StockContext) -> Signal | None:
    """The price relative to today's volume-weighted average price (VWAP); +1 at 2 % above."""
    mean = vwap(today(stock))
    if not mean or not stock.quote.price:
        return None
    above = _pct(stock.quote.price - mean, mean)
    text = f"price {abs(above):.1f}% {'above' if above >= 0 else 'below'} its volume-weighted mean"
    return _signal("trend", above / 2, text)


def _momentum(stock: StockContext) -> Signal | None:
    """The price change over the last ten minutes; +1 at 1.5 %."""
    closes = [bar.close for bar in today(stock)[-11:] if bar.close]
    change = momentum([*closes, stock.quote.price], len(closes))
    if change is None or len(closes) < 3:
        return None
    return _signal("momentum", change / 1.5, f"{change:+.1f}% in {len(closes)} minutes")


def _strength(stock: StockContext) -> Signal | None:
    """Bought over sold volume in percent (ka10046), 100 = balanced; +1 at 150. The mean of the
    newest value and the five-minute average."""
    if stock.strength:
        newest = stock.strength[0]
        now = (newest.strength + newest.strength_5m) / 2 if newest.strength_5m else newest.strength
    elif stock.candidate is not None and stock.candidate.strength is not None:
        now = stock.candidate.strength
    else:
        return None
    return _signal("strength", (now - 100) / 50, f"trade strength {now:.0f}")


def _book(stock: StockContext) -> Signal | None:
    """Total bid over total ask quantity in the order book; +1 at three to one."""
    book = stock.book
    if book is None or not book.total_ask or not book.total_bid:
        return None
    ratio = book.total_bid / book.total_ask
    return _signal("book", math.log(ratio) / math.log(3), f"bids {ratio:.1f} times the asks")


def _flow(stock: StockContext) -> Signal | None:
    """Net buying by foreigners and institutions on the newest day; +1 at 10 % of its volume."""
    if not stock.flow or not stock.flow[0].volume:
        return None
    newest = stock.flow[0]
    share = _pct(newest.foreign + newest.institution, newest.volume)
    text = f"foreigners and institutions net {share:+.1f}% of the volume"
    return _signal("flow", share / 10, text)


def _volume(stock: StockContext) -> Signal | None:
    """The volume of the last ten minutes relative to the minutes before, signed by the price's
    direction; +1 at four times as much."""
    bars = today(stock)
    if len(bars) < 20:
        return None
    recent, before = bars[-10:], bars[:-10]
    usual = sum(bar.volume for bar in before) / len(before)
    if not usual:
        return None
    ratio = sum(bar.volume for bar in recent) / len(recent) / usual
    rising = sum(later.close - earlier.close for earlier, later in pairwise(recent))
    direction = (rising > 0) - (rising < 0)
    size = max(0.0, math.log(ratio) / math.log(4)) if ratio > 0 else 0.0
    return _signal("volume", direction * size, f"volume {ratio:.1f} times the usual")


_WEIGHTS = {
    "trend": 0.20,
    "momentum": 0.20,
    "strength": 0.20,
    "book": 0.10,
    "flow": 0.20,
    "volume": 0.10,
}
_SIGNALS: tuple[Callable[[StockContext], Signal | None], ...] = (
    _trend,
    _momentum,
    _strength,
    _book,
    _flow,
    _volume,
)


def _signal(name: str, value: float, text: str) -> Signal:
    return Signal(name, _WEIGHTS[name], round(max(-1.0, min(1.0, value)), 3), text)


def _pct(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _risk(volatility: float) -> RiskLevel:
    if volatility < 3:
        return RiskLevel.LOW
    return RiskLevel.MEDIUM if volatility < 7 else RiskLevel.HIGH
