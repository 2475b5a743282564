"""Step 9: what decisions were worth at their horizon, after costs, and the lesson in words."""

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

MOST = 100
"""Decisions judged in one go."""
_BARS = 400
"""Minute bars of a whole session and a little more."""
BANDS = ((0.0, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.01))
"""Bands of confidence: from, and below."""
_RECENT = timedelta(days=30)
_TRIED_FOR = timedelta(days=7)


def learn(ctx: Context) -> Learned:
    """Judge the decisions whose horizon has passed; each is judged once."""
    now = ctx.clock.now()
    horizon = timedelta(minutes=ctx.config.analyst.horizon_minutes)
    outcomes: list[DecisionOutcome] = []
    missing: list[str] = []
    bars: dict[tuple[str, bool], tuple[Bar, ...]] = {}
    waiting = [d for d in ctx.journal.open_decisions(now - horizon) if _recent(d, now)]
    for decision in waiting[:MOST]:
        later = _price_later(ctx, decision, horizon, bars)
        if later is None:
            missing.append(f"{decision.stock_code} {decision.decision_id}")
            continue
        outcome = judge(ctx, decision, later)
        ctx.journal.put_outcome(outcome)
        outcomes.append(outcome)
    return Learned(tuple(outcomes), tuple(missing))


def _recent(decision: Decision, now: datetime) -> bool:
    """A price that could not be had for a week will not be had any more."""
    return decision.decided_at is not None and now - decision.decided_at < _TRIED_FOR


def _price_later(
    ctx: Context,
    decision: Decision,
    horizon: timedelta,
    known: dict[tuple[str, bool], tuple[Bar, ...]],
) -> int | None:
    """The price at the horizon, or at that day's close when the market closed before it."""
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
    return _at(known[key], _judged_at(decision.decided_at, horizon))


def _judged_at(decided: datetime, horizon: timedelta) -> datetime:
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
    """What following the decision was worth, in percent of the price.

    A BUY earns the move less a round trip's costs. A SELL earns the fall it avoided less the
    costs of selling. A HOLD was right when the move would not have paid for a round trip.
    """
    then = decision.reference_price
    move = (later - then) * 100 / then
    assert decision.decided_at is not None
    trip = _round_trip_pct(ctx, decision)
    value = {
        Action.BUY: move - trip,
        Action.SELL: -move - trip / 2,
        Action.HOLD: trip - move,
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
    """Hits among the decisions of one band of confidence."""

    low: float
    high: float
    n: int
    hits: int


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How good the decisions were. `brier` is the mean squared distance of confidence and
    outcome, `base_brier` that of always saying the base rate: lower is better."""

    n: int
    hits: int
    bands: tuple[Band, ...]
    brier: float
    base_brier: float
    mean_return_pct: float


def record(outcomes: Sequence[DecisionOutcome]) -> TrackRecord | None:
    """The track record of some outcomes; None of none."""
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
    """A short digest of the last month's BUY and SELL decisions for the next question; empty
    when there are none."""
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
