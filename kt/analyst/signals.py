"""What one stock's figures say: six signals, each from -1 (falling) to +1 (rising), and a score.

The score is 50 plus 50 times the weighted mean of the signals that could be had, so 50 is even,
100 is as good as it gets. `coverage` is the share of the weights that could be had.
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
    """One figure: its name, its weight, what it says (-1..1) and the words for it."""

    name: str
    weight: float
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class SignalScore:
    """All signals of one stock."""

    signals: tuple[Signal, ...]
    score: float
    coverage: float
    volatility_pct: float
    risk: RiskLevel

    @property
    def text(self) -> str:
        """The figures in words, the weightiest first."""
        ordered = sorted(self.signals, key=lambda s: -abs(s.weight * s.value))
        return ", ".join(signal.text for signal in ordered)


def look_at(stock: StockContext) -> SignalScore:
    """The picture of one stock. A part that is missing says nothing and costs coverage."""
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
    """The usual width of a day, in percent of the price: the larger of today's range and the
    mean of the last five days'."""
    quote = stock.quote
    today = _pct(quote.high - quote.low, quote.price) if quote.high and quote.low else 0.0
    days = [_pct(bar.high - bar.low, bar.close) for bar in stock.days[-5:] if bar.close]
    return max(today, sum(days) / len(days) if days else 0.0)


def today(stock: StockContext) -> tuple[Bar, ...]:
    """The minute bars of the newest day alone: early in a session older ones come along."""
    if not stock.minutes:
        return ()
    day = stock.minutes[-1].at.date()
    return tuple(bar for bar in stock.minutes if bar.at.date() == day)


def _trend(stock: StockContext) -> Signal | None:
    """Where the price stands against today's volume-weighted mean: 2 % above is full marks."""
    mean = vwap(today(stock))
    if not mean or not stock.quote.price:
        return None
    above = _pct(stock.quote.price - mean, mean)
    text = f"price {abs(above):.1f}% {'above' if above >= 0 else 'below'} its volume-weighted mean"
    return _signal("trend", above / 2, text)


def _momentum(stock: StockContext) -> Signal | None:
    """The change over the last ten minutes: 1.5 % is full marks."""
    closes = [bar.close for bar in today(stock)[-11:] if bar.close]
    change = momentum([*closes, stock.quote.price], len(closes))
    if change is None or len(closes) < 3:
        return None
    return _signal("momentum", change / 1.5, f"{change:+.1f}% in {len(closes)} minutes")


def _strength(stock: StockContext) -> Signal | None:
    """Bought over sold volume (ka10046), 100 = even: half as much again is full marks. The
    five-minute mean weighs as much as the newest value."""
    if stock.strength:
        newest = stock.strength[0]
        now = (newest.strength + newest.strength_5m) / 2 if newest.strength_5m else newest.strength
    elif stock.candidate is not None and stock.candidate.strength is not None:
        now = stock.candidate.strength
    else:
        return None
    return _signal("strength", (now - 100) / 50, f"trade strength {now:.0f}")


def _book(stock: StockContext) -> Signal | None:
    """Waiting buyers over waiting sellers: three to one is full marks."""
    book = stock.book
    if book is None or not book.total_ask or not book.total_bid:
        return None
    ratio = book.total_bid / book.total_ask
    return _signal("book", math.log(ratio) / math.log(3), f"bids {ratio:.1f} times the asks")


def _flow(stock: StockContext) -> Signal | None:
    """What foreigners and institutions bought on the newest day: 10 % of its volume is full
    marks."""
    if not stock.flow or not stock.flow[0].volume:
        return None
    newest = stock.flow[0]
    share = _pct(newest.foreign + newest.institution, newest.volume)
    text = f"foreigners and institutions net {share:+.1f}% of the volume"
    return _signal("flow", share / 10, text)


def _volume(stock: StockContext) -> Signal | None:
    """The last ten minutes' volume against the minutes before, in the price's direction: four
    times as much is full marks."""
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
