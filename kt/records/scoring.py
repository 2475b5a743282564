"""How decisions turned out, and the figures made of it (docs/decision-scores.md)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from kt.records.base import Action, Provenance, Record


class EntryStatus(StrEnum):
    """What became of the order that a decision asked for."""

    NONE = "none"
    """A HOLD asks for no order."""
    FILLED = "filled"
    """Filled before the horizon, in part at least: it is judged from the average price of these
    fills."""
    UNFILLED = "unfilled"
    """Sent, and not filled before the horizon."""
    DENIED = "denied"
    """Denied by a safety rule, or refused by the broker."""
    NOT_ORDERED = "not_ordered"
    """Nobody ordered it: `kt analyze` alone."""

    @property
    def counts(self) -> bool:
        """Whether the decision was carried out, so that it counts in the analyst's figures."""
        return self in (EntryStatus.NONE, EntryStatus.FILLED)


class DecisionOutcome(Record, frozen=True, kw_only=True):
    """How one decision turned out at its horizon (docs/decision-scores.md#verdict). Prices in won,
    rates in percent of the price that it is judged from.

    `return_pct` is what the decision earned after costs, `edge_pct` how much more than not doing
    it, and `hit` whether doing it was better. `buy_hold_pct` is what holding the stock to the
    horizon earned, and `rules_pct` what the rules analyst's decision on the same data earned.
    """

    decision_id: str
    stock_code: str
    action: Action
    confidence: float
    analyst: str
    model: str
    decided_at: datetime
    horizon_minutes: int
    price_then: int
    """The price that the analyst saw."""
    price_later: int
    """The price at `horizon_at`."""
    return_pct: float
    hit: bool
    horizon_at: datetime
    """The end of the horizon: `horizon_minutes` later, or that day's close if it came before."""
    edge_pct: float
    buy_hold_pct: float
    prompt_version: str = ""
    provenance: Provenance = Provenance.OWN
    held: int = 0
    """Shares held when it was decided."""
    entry: EntryStatus = EntryStatus.NONE
    entry_price: float = 0.0
    """What it is judged from: the average fill, otherwise `price_then`."""
    rules_action: str = ""
    """Empty: not known, because the question is no longer in the journal."""
    rules_pct: float | None = None
    rules_hit: bool | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts in the figures of its analyst: its own decision, carried out; or a
        shadow's, which is never carried out."""
        return (self.provenance.own or self.by_shadow) and self.entry.counts

    @property
    def by_shadow(self) -> bool:
        return self.provenance is Provenance.SHADOW


class AnalystScore(Record, tag="score", tag_field="type", frozen=True, kw_only=True):
    """The figures of one analyst, answering model and prompt version: of all its decisions, of
    one action, or of one band of confidence (docs/decision-scores.md#figures).

    `n` is the number of independent decisions: overlapping ones on the same stock share their
    weight (docs/decision-scores.md#weights). `decisions` is how many rows they are. Rates and
    returns are percent and weighted; None when nothing counts. `brier`, `base_brier` and
    `calibration_error` are from 0 (best) to 1.
    """

    analyst: str
    model: str
    prompt_version: str
    action: str
    """all, BUY, SELL or HOLD"""
    confidence: str
    """all, or the band: 0.6-0.7 holds 0.6 and not 0.7"""
    n: float
    few: bool
    """Whether `n` is below 20: too few to conclude anything from."""
    decisions: int
    hit_pct: float | None
    mean_confidence: float | None
    return_pct: float | None
    edge_pct: float | None
    buy_hold_pct: float | None
    rules_pct: float | None
    """Over the decisions for which it is known."""
    rules_hit_pct: float | None
    brier: float | None
    base_brier: float | None
    """The Brier score of always giving the hit rate as confidence."""
    calibration_error: float | None
    repaired: int
    """Of `decisions`: those whose form had to be repaired."""
    denied: int
    """Not counted above, like the next three."""
    unfilled: int
    not_ordered: int
    fallback: int
    """Decisions that this analyst made as another's fallback."""
