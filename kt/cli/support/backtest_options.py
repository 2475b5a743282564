"""Options that `kt backtest` and `kt sweep` share: which days, and configuration keys."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from kt.cli.support.param_types import DAY, WON, Whole
from kt.errors import UsageError

MOST_DAYS = 2_000
MOST_SEED = 10**9
DATA = click.option(
    "--data",
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path),
    help="Minute bars as CSV or Parquet, in place of the seeded market.",
)
DAYS = click.option(
    "--days",
    type=Whole(1, MOST_DAYS),
    help="Trading days; default: 1, or those of --data.",
)
FIRST = click.option(
    "--from", "first", type=DAY, help="First day; default: 2026-01-05, or that of --data."
)
LAST = click.option("--to", "last", type=DAY, help="Last day, in place of --days.")
CAPITAL = click.option("--capital", type=WON, help="Starting cash in won; default: simulator.cash.")


def refuse_both(days: int | None, last: date | None) -> None:
    """Raises UsageError when two options say how many days."""
    if days is not None and last is not None:
        raise UsageError("give --days or --to, not both")


def chosen_days(days: int | None, first: date | None, last: date | None) -> tuple[date, ...]:
    """The trading days that the options name. Raises UsageError when there are none."""
    from kt.backtest.drive import FIRST_DAY
    from kt.rules.calendar import trading_days, trading_days_between

    if last is None:
        return trading_days(first or FIRST_DAY, days or 1)
    found = trading_days_between(first or FIRST_DAY, last)
    if not found:
        raise UsageError(f"there is no trading day from {first or FIRST_DAY} to {last}")
    return found[:MOST_DAYS]


def settings_of(given: tuple[str, ...]) -> dict[str, Any]:
    """`exits.stop_loss_pct=3` as a nested mapping. Raises UsageError for another form."""
    found: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        *sections, key = name.strip().split(".")
        if not sign or not key:
            raise UsageError(
                f"--set {text}: this is not KEY=VALUE", hint="As in --set exits.stop_loss_pct=3"
            )
        place = found
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {text}: {section} is a value, not a section")
        place[key] = value.strip()
    return found
