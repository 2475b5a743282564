"""What the analyst is asked during the day beside the decisions of each cycle."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kt.config.fields import Percent, Seconds, Section


class PlanQuestion(Section, frozen=True, kw_only=True):
    """08:30: the strategy of the day and the watch list, from expected prices, the positions and
    yesterday's plan. It informs the analyst's decisions and places no order."""

    ask: bool = True
    """Ask the analyst; otherwise yesterday's plan holds."""
    timeout: Seconds = 60.0
    """Real seconds for the answer and its retry."""
    silence: Literal["yesterday", "none"] = "yesterday"
    """Without an answer: yesterday's plan holds, or there is no plan."""


class ProfitQuestion(Section, frozen=True, kw_only=True):
    """A position has reached its target: sell now, or hold on. A stop-loss never waits for it."""

    ask: bool = True
    """Ask the analyst; otherwise the position is sold."""
    timeout: Seconds = 10.0
    """Real seconds for the data, the answer and its retry."""
    silence: Literal["sell", "hold"] = "sell"
    """Without an answer: sell at the price reached, or hold on."""
    again_pct: Percent = 1.0
    """An answer stands, and the question is not asked again, until the price is this far above or
    below the price at which it was asked. 0 = until `again_minutes` have passed."""
    again_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10.0
    """An answer stands for at most this many minutes."""


class UnfilledQuestion(Section, frozen=True, kw_only=True):
    """An order is open for `orders.unfilled_after`: amend it to which price, or cancel it. Not
    asked where `orders.unfilled` is cancel, or `orders.max_amends` is reached."""

    ask: bool = True
    """Ask the analyst; otherwise `orders.unfilled` decides."""
    timeout: Seconds = 20.0
    """Real seconds for the data, the answer and its retry."""
    silence: Literal["rule", "cancel"] = "rule"
    """Without an answer: do what `orders.unfilled` says, or cancel."""


class ClosingQuestion(Section, frozen=True, kw_only=True):
    """15:20: each position (hold it overnight, or sell it at market before the close) and each
    order that is left (keep or cancel it). Open buys are cancelled without a question. Not asked
    with `session.close_positions`."""

    ask: bool = True
    """Ask the analyst; otherwise positions and orders are kept."""
    timeout: Seconds = 60.0
    """Real seconds for the data, the answer and its retry."""
    silence: Literal["hold", "sell"] = "hold"
    """Without an answer: keep positions and orders, or sell what is held."""


class LessonQuestion(Section, frozen=True, kw_only=True):
    """15:30: what the day taught, and the next day's plan, which the next plan starts from."""

    ask: bool = True
    """Ask the analyst; otherwise the plan is to watch what the last scan kept."""
    timeout: Seconds = 60.0
    """Real seconds for the answer and its retry."""
    silence: Literal["scan", "none"] = "scan"
    """Without an answer: the next day's plan is to watch what the last scan kept, or nothing."""


class Questions(Section, frozen=True, kw_only=True):
    """What the analyst is asked during the day beside the decisions of each cycle, how long an
    answer may take, and what happens without one. `kt log --kind advice` shows the answers."""

    plan: PlanQuestion = PlanQuestion()
    profit: ProfitQuestion = ProfitQuestion()
    unfilled: UnfilledQuestion = UnfilledQuestion()
    closing: ClosingQuestion = ClosingQuestion()
    lesson: LessonQuestion = LessonQuestion()
