"""What the offline analyst answers to the questions of the trading day: fixed rules on the same
figures as its decisions, deterministic.

- plan, lesson: CAREFUL when the stocks are expected to open 1 % lower on average, or after a day
  with a loss; a stock is watched unless it is expected 3 % lower; what is held is held.
- profit: SELL, unless the score is one at which it would buy the stock now and the price is not
  near the day's upper limit.
- unfilled: AMEND to the best price of the other side, a buy for at most 1 % more than its price;
  else CANCEL.
- closing: SELL where its decision would be to sell, else HOLD; orders are kept.
"""

from __future__ import annotations

from typing import Any

from kt.analyst.signals import score_signals
from kt.records import (
    LESSON,
    TODAY,
    TOMORROW,
    AdviceChoice,
    AdviceRequest,
    Book,
    DayResult,
    Side,
    StockContext,
    Subject,
    Topic,
)

LOWER_PCT = -1.0
SKIP_PCT = -3.0
MOST_MORE_PCT = 1.0
Answer = tuple[AdviceChoice, int, str]
"""Choice, price in won, and reason."""


def advice_objects(
    request: AdviceRequest, *, buy_at: float, sell_at: float, room_pct: float
) -> tuple[dict[str, Any], ...]:
    """An object for every subject. `buy_at` and `sell_at` are the scores (0..100) at which the
    analyst buys and sells, `room_pct` the distance to the upper limit that a rise needs."""
    answers: dict[str, Answer] = {}
    for subject in request.subjects:
        if subject.ref in (TODAY, TOMORROW, LESSON):
            answers[subject.ref] = _of_the_day(subject, request)
        elif request.topic is Topic.PROFIT:
            answers[subject.ref] = _profit(subject, buy_at, room_pct)
        elif subject.order is not None:
            answers[subject.ref] = _order(subject)
        elif request.topic is Topic.CLOSING:
            answers[subject.ref] = _closing(subject, sell_at)
        else:
            answers[subject.ref] = _planned(subject)
    return tuple(
        {"ref": ref, "choice": choice.value, "price": price, "reason": reason}
        for ref, (choice, price, reason) in answers.items()
    )


def _of_the_day(subject: Subject, request: AdviceRequest) -> Answer:
    if subject.ref == LESSON:
        return AdviceChoice.NOTED, 0, _taught(request.result)
    changes = [change for one in request.subjects if (change := _change_pct(one)) is not None]
    mean = sum(changes) / len(changes) if changes else 0.0
    lost = request.result is not None and request.result.total < 0
    choice = AdviceChoice.CAREFUL if lost or mean <= LOWER_PCT else AdviceChoice.TRADE
    why = f"The expected prices ({len(changes)}) are {mean:+.1f}% from yesterday's on average"
    if request.result is not None:
        why = f"The day brought {request.result.total:+,} won"
    return choice, 0, f"{why}."


def _taught(result: DayResult | None) -> str:
    if result is None:
        return "There is no result of the day."
    costs = result.fees + result.taxes
    return (
        f"{result.wins} of {result.trades} trades won: realised {result.realised:+,} won after "
        f"{costs:,} won of costs, unrealised {result.unrealised:+,} won."
    )


def _planned(subject: Subject) -> Answer:
    change = _change_pct(subject)
    seen = "no expected price is known" if change is None else f"expected {change:+.1f}%"
    if subject.position is not None:
        return AdviceChoice.HOLD, 0, f"Held until its exits; {seen}."
    skipped = change is not None and change <= SKIP_PCT
    return (AdviceChoice.SKIP if skipped else AdviceChoice.WATCH), 0, f"{seen.capitalize()}."


def _change_pct(subject: Subject) -> float | None:
    if not subject.price or not subject.base_price:
        return None
    return (subject.price - subject.base_price) * 100 / subject.base_price


def _profit(subject: Subject, buy_at: float, room_pct: float) -> Answer:
    score = _score(subject.stock)
    if score is None or subject.stock is None:
        return AdviceChoice.SELL, 0, "No figures could be had that speak for holding on."
    upper = subject.stock.quote.upper_limit
    room = not upper or subject.price * (100 + room_pct) < upper * 100
    if score >= buy_at and room:
        return AdviceChoice.HOLD, 0, f"Score {score:.0f} of 100: it would be bought at this price."
    return AdviceChoice.SELL, 0, f"Score {score:.0f} of 100: a buy would need {buy_at:.0f}."


def _order(subject: Subject) -> Answer:
    order = subject.order
    assert order is not None
    if AdviceChoice.KEEP in subject.choices:
        return AdviceChoice.KEEP, 0, "It may still fill in the closing auction."
    best = _opposite(subject.stock.book if subject.stock else None, order.side)
    if not best or best == order.price:
        return AdviceChoice.CANCEL, 0, "The order book shows no better price."
    if order.side is Side.BUY and best * 100 > order.price * (100 + MOST_MORE_PCT):
        far = f"The best ask {best:,} is more than {MOST_MORE_PCT:.0f}% above {order.price:,}."
        return AdviceChoice.CANCEL, 0, far
    side = "ask" if order.side is Side.BUY else "bid"
    return (
        AdviceChoice.AMEND,
        best,
        f"The best {side} is {best:,}; the order was at {order.price:,}.",
    )


def _opposite(book: Book | None, side: Side) -> int:
    """The best price of the other side in won; 0 without one."""
    levels = () if book is None else book.asks if side is Side.BUY else book.bids
    return levels[0].price if levels else 0


def _closing(subject: Subject, sell_at: float) -> Answer:
    score = _score(subject.stock)
    if score is not None and score <= sell_at:
        return AdviceChoice.SELL, 0, f"Score {score:.0f} of 100: sellers lead before the close."
    said = "no figures could be had" if score is None else f"score {score:.0f} of 100"
    return AdviceChoice.HOLD, 0, f"Held overnight: {said}."


def _score(stock: StockContext | None) -> float | None:
    if stock is None:
        return None
    scored = score_signals(stock)
    return scored.score if scored.signals else None
