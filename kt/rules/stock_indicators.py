"""The indicators of one stock as the analyst gets them, from its day bars and its quote."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kt.records import KST, Bar, Indicators, Quote
from kt.rules import calendar, indicators

VOLUME_DAYS = 20


def indicators_of(days: Sequence[Bar], quote: Quote, now: datetime) -> Indicators:
    """`days` are day bars, oldest first, today's unfinished one last."""
    closes = [bar.close for bar in days]
    lines, bands = indicators.macd(closes), indicators.bollinger(closes)
    return Indicators(
        sma_5=indicators.sma(closes, 5),
        sma_20=indicators.sma(closes, 20),
        sma_60=indicators.sma(closes, 60),
        rsi_14=indicators.rsi(closes),
        macd=lines.line if lines else None,
        macd_signal=lines.signal if lines else None,
        bollinger_lower=bands[0] if bands else None,
        bollinger_upper=bands[1] if bands else None,
        atr_14=indicators.atr(days),
        vwap=quote.value / quote.volume if quote.value and quote.volume else None,
        volume_ratio=volume_ratio(days, quote.volume, now),
    )


def volume_ratio(days: Sequence[Bar], volume: int, now: datetime) -> float | None:
    """Today's volume by what the last 20 finished days had on average after the same part of a
    session, counted as if trade came evenly. None outside of trading and with too few days."""
    now = now.astimezone(KST)
    hours = calendar.hours(now.date())
    before = [bar.volume for bar in days if bar.at.astimezone(KST).date() < now.date()]
    usual = indicators.sma(before, VOLUME_DAYS)
    if hours is None or now <= hours.open or not usual:
        return None
    part = min(1.0, (now - hours.open) / (hours.close - hours.open))
    return volume / (usual * part)
