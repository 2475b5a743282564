"""kt compare: the same day in two journals, each difference with its cause and its cost."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY, Whole
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

MOST_MINUTES = 60
SHOWN = 5
"""How many days an error names."""


@command(
    "compare",
    help="""Compare the same day as it was traded and as a backtest traded it: each
    decision and order that differs, why, and what it cost.

    \b
      kt compare ~/.local/state/kt/mock FOLDER
      kt compare LIVE BACKTEST --day 2026-03-03
      kt compare one/sim/kt.db other/sim/kt.db -o md

    LIVE and BACKTEST are journals: the folder of a backtest, a state folder, the
    folder of a profile, or a kt.db. Neither is changed. A cost is the won of LIVE
    less that of BACKTEST, and all of them add up to the difference of the realised
    profits. `kt help backtest` explains the causes. Prints a `comparisons`
    document in a pipe.
    """,
)
@click.argument("live", type=click.Path(path_type=Path))
@click.argument("backtest", type=click.Path(path_type=Path))
@click.option("--day", type=DAY, help="The day; default: the last one that both have.")
@click.option(
    "--window",
    metavar="MINUTES",
    type=Whole(1, MOST_MINUTES),
    default=5,
    show_default=True,
    help="How far apart decisions on a stock may be to be taken for the same.",
)
@pass_cli
def compare(cli: CliContext, live: Path, backtest: Path, day: date | None, window: int) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.rules import day_comparison
    from kt.store.journal_day import reading

    files = journal_file(live, cli.config.profile), journal_file(backtest, cli.config.profile)
    with reading(files[0]) as first, reading(files[1]) as second:
        chosen = chosen_day(day, first.days(), second.days())
        found = day_comparison.compare(
            chosen,
            (str(files[0]), str(files[1])),
            first.day(chosen),
            second.day(chosen),
            timedelta(minutes=window),
        )
    emit(cli, "comparisons", [found], run="")


def journal_file(given: Path, profile: str) -> Path:
    """The journal that a path means: a file, or that of a folder; of a folder with several
    profiles the one of `profile`. Raises UsageError."""
    from kt.files import trouble
    from kt.paths import ProfilePaths

    try:
        if given.is_file():
            return given
        journal = ProfilePaths(given).journal
        if journal.is_file():
            return journal
        below = sorted(one for one in given.glob("*/kt.db") if one.is_file())
    except (OSError, ValueError) as error:
        why = trouble(error)[0] if isinstance(error, OSError) else str(error)
        raise UsageError(f"{given} cannot be read: {why}") from error
    named = [one for one in below if one.parent.name == profile]
    if len(below) > 1 and not named:
        profiles = ", ".join(one.parent.name for one in below)
        raise UsageError(
            f"{given} has several profiles: {profiles}", hint="Name the folder of one of them."
        )
    for one in (*named, *below):
        return one
    raise UsageError(
        f"there is no journal {journal}",
        hint="Name the folder of a backtest, a state folder, or a kt.db.",
    )


def chosen_day(day: date | None, live: tuple[date, ...], backtest: tuple[date, ...]) -> date:
    """The day to compare: the given one, or the last common one. Raises UsageError when a journal
    does not have it."""
    for name, days in (("LIVE", live), ("BACKTEST", backtest)):
        if day is not None and day not in days:
            raise UsageError(f"{name} has nothing of {day}", hint=_days(days))
    common = sorted({*live} & {*backtest})
    if day is None and not common:
        raise UsageError(
            "the journals have no day in common",
            hint=f"LIVE: {_days(live)} BACKTEST: {_days(backtest)}",
        )
    return day or common[-1]


def _days(days: tuple[date, ...]) -> str:
    if not days:
        return "It has no trading day."
    newest = ", ".join(map(str, days[-SHOWN:]))
    return f"Its last days are {newest}."
