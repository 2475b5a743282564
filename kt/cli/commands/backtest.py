"""kt backtest: whole trading days on a virtual clock."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.backtest_options import (
    CAPITAL,
    DATA,
    DAYS,
    FIRST,
    LAST,
    MOST_SEED,
    chosen_days,
    refuse_both,
    settings_of,
)
from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import Whole
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.backtest.drive import BacktestPlan, DayRun
    from kt.cli.support.cli_context import CliContext
    from kt.config.model import Config
    from kt.sim.market.bar_board import BarMarket

HOURS = 9, 15
"""The hours of a day whose beginnings are told on a terminal."""


@command(
    "backtest",
    help="""Run whole trading days of `kt run` on a virtual clock, on the embedded exchange or
    on your minute bars.

    \b
      kt backtest --days 5
      kt backtest --seed 7 --days 1 -o json
      kt backtest --from 2026-03-02 --to 2026-03-13 --capital 20,000,000
      kt backtest --set exits.stop_loss_pct=3 --set limits.positions=5
      kt backtest --data bars.csv --set backtest.slippage_ticks=2
      kt backtest --analyst replay --answers FOLDER --set analyst.kind=gemini

    The same configuration, seed and days give the same orders and the same journal,
    whose `digest` the report ends with; nothing leaves this computer unless the
    analyst is gemini. `kt help backtest` describes the form of --data, how orders fill
    on bars, and the figures of the report. The journal stays in the folder that is
    named at the end. Prints a `backtests` document in a pipe.
    """,
)
@DATA
@DAYS
@FIRST
@LAST
@click.option(
    "--seed", type=Whole(0, MOST_SEED), help="The market's seed; default: simulator.seed."
)
@CAPITAL
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="A configuration key; repeatable."
)
@click.option(
    "--analyst",
    type=click.Choice(["rules", "gemini", "replay"]),
    default="rules",
    show_default=True,
    help="Who decides; replay: the recorded answers of --answers.",
)
@click.option(
    "--answers",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="With --analyst replay: the folder of an earlier backtest.",
)
@click.option("--folder", type=click.Path(path_type=Path), help="A new folder for the journal.")
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Record the day in a new file, for `kt replay`.",
)
@pass_cli
def backtest(
    cli: CliContext,
    data: Path | None,
    days: int | None,
    first: date | None,
    last: date | None,
    seed: int | None,
    capital: int | None,
    settings: tuple[str, ...],
    analyst: str,
    answers: Path | None,
    folder: Path | None,
    record: Path | None,
) -> None:
    from kt.backtest.drive import BacktestPlan

    refuse_both(days, last)
    recorded = journal_of(analyst, answers)
    overrides = settings_of(settings)
    if analyst != "replay":
        overrides.setdefault("analyst", {}).setdefault("kind", analyst)
    simulator = overrides.setdefault("simulator", {})
    if seed is not None:
        simulator["seed"] = seed
    if capital is not None:
        simulator["cash"] = capital
    found = settled(cli, overrides)
    bars = None
    if data is None:
        chosen = chosen_days(days, first, last)
    else:
        bars, chosen = bars_of(cli, data, found, days, first, last)
    if record is not None and len(chosen) > 1:
        raise UsageError("--record takes one day: give --days 1")
    config = with_folder(cli, found, folder)
    run(cli, BacktestPlan(config, cli.environ, chosen, recorded, bars), record)


def bars_of(
    cli: CliContext,
    data: Path,
    config: Config,
    days: int | None,
    first: date | None,
    last: date | None,
) -> tuple[BarMarket, tuple[date, ...]]:
    """The market of --data and the days to run. Raises InputError and UsageError."""
    from kt.backtest.bars import load

    market, chosen = load(data, config.backtest, days, first, last)
    stocks, bars = len(market.stocks), market.tables.bars
    cli.say(f"{data}: {bars:,} bars of {stocks} stocks, {chosen[0]} to {chosen[-1]}")
    return market, chosen


def journal_of(analyst: str, answers: Path | None) -> Path | None:
    """The journal that answers in the analyst's place. Raises UsageError when there is none."""
    from kt.paths import SIM, ProfilePaths

    if (analyst == "replay") != (answers is not None):
        raise UsageError("--analyst replay and --answers FOLDER go together")
    if answers is None:
        return None
    journal = ProfilePaths(answers / SIM).journal
    if not journal.is_file():
        raise UsageError(
            f"there is no journal {journal}",
            hint="Name the folder of a backtest: the report ends with it.",
        )
    return journal


def settled(cli: CliContext, overrides: dict[str, Any]) -> Config:
    """The configuration of the backtest, still with the usual state folder. Raises ConfigError."""
    from kt.config.load import load_config

    fixed = {**overrides, "profile": "sim"}
    if cli.flags.dry_run:
        fixed["dry_run"] = True
    found = load_config(cli.flags.config or None, cli.environ, fixed)
    cli.speak_as(found)
    return found


def with_folder(cli: CliContext, found: Config, folder: Path | None) -> Config:
    """The same with a new folder of its own for its state, and nobody who is told. Raises
    UsageError."""
    from msgspec.structs import replace

    from kt.config.model import Notify

    state = new_folder(cli, found, folder)
    alone = replace(found.analyst, shadow="")
    return replace(found, state_dir=str(state), notify=Notify(), analyst=alone)


def new_folder(cli: CliContext, config: Config, given: Path | None) -> Path:
    """The folder for the journal: `given`, or a new one in the state folder."""
    from kt.config.load import state_folder
    from kt.files import private_folder, trouble

    seed = config.simulator.seed
    name = f"{cli.now():%Y%m%d-%H%M%S}-seed-{seed}"
    base = given or state_folder(config) / "backtests" / name
    folder, number = base.absolute(), 1
    try:
        while folder.exists() and any(folder.iterdir()):
            if given is not None:
                raise UsageError(f"the folder {given} is not empty", hint="Name a new one.")
            number += 1
            folder = base.with_name(f"{name}-{number}")
        private_folder(folder)
    except OSError as error:
        why, advice = trouble(error, "name another with --folder")
        raise UsageError(f"the folder {folder} cannot be made: {why}", hint=advice) from error
    return folder


def run(cli: CliContext, plan: BacktestPlan, record: Path | None = None) -> None:
    from msgspec.structs import replace

    from kt.backtest.drive import driving
    from kt.backtest.report import report
    from kt.cli.support.pipe_documents import emit
    from kt.config.load import profile_paths
    from kt.store.normalised import digest

    def say(line: str) -> None:
        if cli.flags.verbose:
            cli.say(line)

    def tell(at: datetime) -> None:
        if cli.console.out_terminal and HOURS[0] <= at.hour <= HOURS[1]:
            cli.say(f"{at:%Y-%m-%d %H:%M}")

    with driving(plan, say, tell) as drive:
        if record is not None:
            drive.app.record(record, "backtest", exact=True)
        for number, day in enumerate(drive.days(), 1):
            cli.say(f"{progress(day)} ({number} of {len(plan.days)})")
        found = report(drive)
        drive.keep()
        run_id, asof = drive.app.run, drive.app.clock.now()
    found = replace(found, digest=digest(profile_paths(plan.config).journal))
    emit(cli, "backtests", [found], run=run_id, asof=asof, profile="sim")
    cli.say(f"the journal: kt pnl --config {plan.folder}/config.yaml --since {found.first}")


def progress(day: DayRun) -> str:
    """One line about a finished day."""
    result, sent = day.result, day.report.orders
    if result is None:
        return f"{day.day}: {day.report.ended}"
    return f"{day.day}: {result.total:+,} won, {sent} orders, {result.trades} trades"
