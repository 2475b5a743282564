"""Choosing among orders and events: by stock, state, origin and time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.param_types import STOCK, Type, shown
from kt.rules.typed_text import folded
from kt.translation import tr

if TYPE_CHECKING:
    from kt.records import Order

    Choice = click.Choice[str]
else:
    Choice = click.Choice  # not generic in the oldest version that kt takes

ORIGINS = (
    *("cycle", "pipe", "manual", "stop_loss", "take_profit", "trailing_stop", "time_stop"),
    *("close", "flatten", "external"),
)
"""Those of `kt.records.Origin`, which is not imported for a help text."""
_DAY, _TIME = r"(20\d\d-\d\d-\d\d)", r"(\d\d:\d\d(?::\d\d)?)"
_MOMENT = re.compile(f"{_DAY}(?:[T ]{_TIME})?|{_TIME}")


class MomentType(Type):
    """A day, a time of today, or both: 2026-11-23, 10:30, 2026-11-23T10:30; Korean time."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | time:
        text = folded(str(value))
        found = _MOMENT.fullmatch(text) if text.isascii() else None
        try:
            if found is None:
                raise ValueError(text)
            if found[3]:
                return time.fromisoformat(text)
            return datetime.fromisoformat(text) if found[2] else date.fromisoformat(text)
        except ValueError:
            examples = "2026-11-23, 10:30 or 2026-11-23T10:30"
            self.fail(f"{shown(value)} is no time: write it as {examples}", param, ctx)


class StateType(Type):
    """A state as tables show it, in English or in the language of the moment; gives the English."""

    name = "state"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from kt.records import OrderState

        return _english(value, OrderState)


class OriginType(Choice):
    """One of the origins, in English or in the language of the moment; gives the English."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(_english(value, ORIGINS), param, ctx))


def _english(value: Any, words: Iterable[str]) -> str:
    """The word that reads so in the language of the moment; without one the text as it is."""
    text = folded(str(value))
    return next((word for word in words if text == tr(word)), text)


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filters as options; the command gets them as keyword arguments for `Filter`."""
    moment = MomentType()
    for decorate in reversed(
        (
            click.option(
                "--stock", "stocks", multiple=True, type=STOCK, help="Only of this stock."
            ),
            click.option(
                "--state",
                "states",
                multiple=True,
                type=StateType(),
                metavar="STATE",
                help="Only in this state, as the list shows it (FILLED, passed, failed).",
            ),
            click.option(
                "--origin",
                "origins",
                multiple=True,
                type=OriginType(ORIGINS, case_sensitive=False),
                metavar="ORIGIN",
                help=f"Only of this origin: {', '.join(ORIGINS)}.",
            ),
            click.option("--since", type=moment, help="From this day or time of today on."),
            click.option("--until", type=moment, help="To the end of this day, or this time."),
        )
    ):
        function = decorate(function)
    return function


@dataclass(frozen=True)
class Filter:
    """What was asked for; nothing keeps everything. Several values of one kind are alternatives."""

    stocks: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    since: date | time | None = None
    until: date | time | None = None

    def __bool__(self) -> bool:
        return self != Filter()

    def with_codes(self, codes: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Filter:
        """The same with every stock by its code, which `codes` looks up."""
        return replace(self, stocks=codes(self.stocks)) if self.stocks else self

    def order(self, order: Order, now: datetime) -> bool:
        """Whether an order is wanted."""
        return self._fits(order.stock_code, (order.state,), order.origin, order.created_at, now)

    def event(self, row: Mapping[str, Any], now: datetime) -> bool:
        """Whether a row of the log is wanted. Its state is what happened to an order, a step's
        outcome, or whether a check passed."""
        states = tuple(str(row.get(name, "")) for name in ("what", "state", "outcome", "mode"))
        if "passed" in row:
            states += ("passed" if row["passed"] else "denied",)
        at = datetime.fromisoformat(row["at"])
        return self._fits(row.get("stock_code", ""), states, row.get("origin", ""), at, now)

    def about(self, stock: str, origin: str) -> bool:
        """Whether this stock and this origin are wanted."""
        return (not self.stocks or stock in self.stocks) and (
            not self.origins or origin in self.origins
        )

    def _fits(
        self, stock: str, states: tuple[str, ...], origin: str, at: datetime, now: datetime
    ) -> bool:
        wanted = {state.casefold() for state in self.states}
        return (
            self.about(stock, origin)
            and (not wanted or any(state.casefold() in wanted for state in states))
            and (self.since is None or at >= beginning(self.since, now))
            and (self.until is None or at < ending(self.until, now))
        )


def beginning(moment: date | time, now: datetime) -> datetime:
    """The moment as a time of Korea; of a day its first."""
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=now.tzinfo)
    if isinstance(moment, time):
        return datetime.combine(now.date(), moment, now.tzinfo)
    return datetime.combine(moment, time(), now.tzinfo)


def ending(moment: date | time, now: datetime) -> datetime:
    """The first time after it: of a day, the next day's beginning."""
    whole_day = isinstance(moment, date) and not isinstance(moment, datetime)
    return beginning(moment, now) + timedelta(days=1 if whole_day else 0)
