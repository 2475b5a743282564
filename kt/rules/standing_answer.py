"""How long the answer about a position at its target stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from kt.config.questions import ProfitQuestion
from kt.records import Advice, Position


def still_stands(
    last: Advice, position: Position, price: int, now: datetime, question: ProfitQuestion
) -> bool:
    """Whether the last answer about a position still stands at this price (won), so that it is not
    asked about again.

    It stands until the price is `again_pct` percent away from the price of the question, in either
    direction, or `again_minutes` have passed. An answer about an earlier position does not count.
    """
    if last.at < position.opened_at or now - last.at >= timedelta(minutes=question.again_minutes):
        return False
    moved = abs(price - last.asked_price) * 100
    return not question.again_pct or moved < question.again_pct * last.asked_price
