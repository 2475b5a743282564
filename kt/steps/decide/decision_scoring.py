"""Step 9: the return of past decisions at their horizon, after costs, and the track record as text
for the next request to the analyst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kt.errors import KtError
from kt.records import Action, Bar, Decision, DecisionOutcome, Interval
from kt.rules import calendar, fees
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.results import Learned

MAX_SCORED = 100
"""Decisions scored in one call."""
_BARS = 400
"""Minute bars: a whole session (390) and a margin."""
BANDS = ((0.0, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.01))
"""Bands of confidence: from, and below."""
_RECENT = timedelta(days=30)
_MAX_AGE = timedelta(days=7)


def learn(ctx: Context) -> Learned:
    """Score the decisions whose horizon has passed; each is scored once."""
    now = ctx.clock.now()
    horizon = timedelta(minutes=ctx.config.analyst.horizon_minutes)
    outcomes: list[DecisionOutcome] = []
    missing: list[str] = []
    bars: dict[tuple[str, bool], tuple[Bar, ...]] = {}
    unscored = [d for d in ctx.journal.open_decisions(now - horizon) if _recent(d, now)]
    for decision in unscored[:MAX_SCORED]:
        later = _price_later(ctx, decision, horizon, bars)
        if later is None:
            missing.append(f"{decision.stock_code} {decision.decision_id}")
            continue
        outcome = judge(ctx, decision, later)
        ctx.journal.put_outcome(outcome)
        outcomes.append(outcome)
    return Learned(tuple(outcomes), tuple(missing))


def _recent(decision: Decision, now: datetime) -> bool:
    """Whether the decision is less than a week old: older ones are no longer scored."""
    return decision.decided_at is not None and now - decision.decided_at < _MAX_AGE


def _price_later(
    ctx: Context,
    decision: Decision,
    horizon: timedelta,
    known: dict[tuple[str, bool], tuple[Bar, ...]],
) -> int | None:
    """The price in won at the horizon, or at that day's close when the market closed earlier; None
    when there is no bar."""
    if decision.decided_at is None or not decision.reference_price:
        return None
    day = decision.decided_at.date()
    today = day == ctx.clock.now().date()
    key = (decision.stock_code, today)
    if key not in known:
        known[key] = _bars(ctx, decision.stock_code, today)
    if not today:
        closes = [bar.close for bar in known[key] if bar.at.date() == day]
        return closes[-1] if closes else None
    return _at(known[key], _scored_at(decision.decided_at, horizon))


def _scored_at(decided: datetime, horizon: timedelta) -> datetime:
    hours = calendar.hours(decided.date())
    return min(decided + horizon, hours.close) if hours else decided + horizon


def _at(bars: Sequence[Bar], at: datetime) -> int | None:
    before = [bar.close for bar in bars if bar.at <= at]
    return before[-1] if before else None


def _bars(ctx: Context, code: str, today: bool) -> tuple[Bar, ...]:
    try:
        if today:
            return ctx.market.bars(code, Interval.MINUTE, _BARS)
        return ctx.market.bars(code, Interval.DAY, 30)
    except KtError as failure:
        note_error(ctx, "learn.bars", failure)
        return ()


def judge(ctx: Context, decision: Decision, later: int) -> DecisionOutcome:
    """The outcome of a decision, given the price in won at its horizon; `return_pct` is in percent
    of the price at decision time.

    A BUY earns the price change less the costs of a round trip. A SELL earns the fall it avoided
    less the costs of selling. A HOLD is a hit when the change would not have covered a round trip.
    """
    then = decision.reference_price
    move = (later - then) * 100 / then
    assert decision.decided_at is not None
    costs = _round_trip_pct(ctx, decision)
    value = {
        Action.BUY: move - costs,
        Action.SELL: -move - costs / 2,
        Action.HOLD: costs - move,
    }[decision.action]
    return DecisionOutcome(
        decision_id=decision.decision_id,
        stock_code=decision.stock_code,
        action=decision.action,
        confidence=decision.confidence,
        analyst=decision.analyst,
        model=decision.model,
        decided_at=decision.decided_at,
        horizon_minutes=ctx.config.analyst.horizon_minutes,
        price_then=then,
        price_later=later,
        return_pct=round(value, 3),
        hit=value > 0,
    )


def _round_trip_pct(ctx: Context, decision: Decision) -> float:
    """Both commissions and the sell tax, in percent of the price."""
    day = (decision.decided_at or ctx.clock.now()).date()
    tax = fees.sell_tax_rate("KOSPI", "STOCK", day) / 1000
    return 2 * ctx.config.server.commission_pct + tax


@dataclass(frozen=True, slots=True)
class Band:
    """Hits among the decisions whose confidence is in [low, high)."""

    low: float
    high: float
    n: int
    hits: int


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How good the decisions were. `brier` is the Brier score: the mean squared error of confidence
    against hit (1) or miss (0). `base_brier` is the score of always predicting the base rate.
    Lower is better."""

    n: int
    hits: int
    bands: tuple[Band, ...]
    brier: float
    base_brier: float
    mean_return_pct: float


def record(outcomes: Sequence[DecisionOutcome]) -> TrackRecord | None:
    """The track record of these outcomes; None when there are none."""
    if not outcomes:
        return None
    n, hits = len(outcomes), sum(outcome.hit for outcome in outcomes)
    base = hits / n
    bands = []
    for low, high in BANDS:
        of_band = [o for o in outcomes if low <= o.confidence < high]
        if of_band:
            bands.append(Band(low, min(high, 1.0), len(of_band), sum(o.hit for o in of_band)))
    return TrackRecord(
        n=n,
        hits=hits,
        bands=tuple(bands),
        brier=sum((o.confidence - o.hit) ** 2 for o in outcomes) / n,
        base_brier=base * (1 - base),
        mean_return_pct=sum(o.return_pct for o in outcomes) / n,
    )


def lessons(ctx: Context) -> str:
    """The track record of the last 30 days' BUY and SELL decisions, as text for the next request;
    empty when there are none."""
    since = ctx.clock.now().date() - _RECENT
    traded = [o for o in ctx.journal.outcomes(since=since) if o.action.trades]
    made = record(traded)
    if made is None:
        return ""
    bands = "; ".join(
        f"{band.low:.1f}-{band.high:.1f}: {band.hits}/{band.n} hit" for band in made.bands
    )
    better = "better" if made.brier < made.base_brier else "worse"
    return (
        f"{made.n} earlier BUY/SELL decisions, {made.hits} hit, mean return after costs "
        f"{made.mean_return_pct:+.2f} %. By confidence: {bands}. Brier score {made.brier:.3f}, "
        f"{better} than always saying the base rate ({made.base_brier:.3f})."
    )
