"""kt sweep: search configuration values by backtests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.backtest_options import CAPITAL, DATA, DAYS, FIRST, LAST, MOST_DAYS
from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PASTED, Whole
from kt.cli.support.sweep_options import (
    DEFAULT_TRIALS,
    FEWEST_TRADES,
    MOST_SETS,
    SweepOptions,
    plan_of,
)
from kt.cli.support.termination import Terminated
from kt.errors import UsageError
from kt.extras import pip_install

if TYPE_CHECKING:
    from kt.backtest.sweep.shared_study import SharedStudy, SharedTrial
    from kt.backtest.sweep.sweep_plan import Place, SweepPlan
    from kt.cli.support.cli_context import CliContext

MOST_JOBS = 256


@command(
    "sweep",
    help="""Search the values of configuration keys by backtests, and say how far to trust them.

    \b
      kt sweep --over exits.stop_loss_pct=2,3,4 --days 25
      kt sweep --over limits.positions=3..8 --days 60 --train 20 --test 5 --jobs 4
      kt sweep --over exits.stop_loss_pct=2:6:0.5 --days 25 --seeds 1..3
      kt sweep --over exits.stop_loss_pct=1.0..6.0 --days 25 --method tpe

    Values are a list (2,3,4), a range with a step (2:6:0.5), whole numbers (2..6)
    or any number between two (1.0..6.0; not for a grid). A set is chosen by its
    training days and shown beside the test days after them.

    Finished trials are kept: after Ctrl-C, a crash or a kill the same command goes
    on. Started several times, also on other machines with the same --storage, it
    shares the trials. Prints a `sweeps` document in a pipe. See `kt help sweep`.
    """,
)
@click.option(
    "--over", metavar="KEY=VALUES", multiple=True, required=True,
    help="A configuration key and its values; repeatable.",
)  # fmt: skip
@DATA
@click.option(
    "--method", type=click.Choice(["grid", "random", "tpe"]), default="grid", show_default=True,
    help="Every set, random sets, or sets proposed from results (Optuna's TPE).",
)  # fmt: skip
@click.option(
    "--trials", type=Whole(1, MOST_SETS),
    help=f"random, tpe: sets in each window; default: {DEFAULT_TRIALS}.",
)  # fmt: skip
@click.option(
    "--batch", type=Whole(1, MOST_SETS), default=8, show_default=True,
    help="tpe: sets proposed together; as many run at once at most.",
)  # fmt: skip
@click.option(
    "--objective", type=click.Choice(["return", "sharpe", "sortino"]), default="return",
    show_default=True, help="What is highest in the best set, after all costs.",
)  # fmt: skip
@DAYS
@FIRST
@LAST
@click.option(
    "--train", type=Whole(1, MOST_DAYS),
    help="Days of a window to choose by; default: all but the test days.",
)  # fmt: skip
@click.option(
    "--test", type=Whole(0, MOST_DAYS),
    help="Days after them to test on; default: a fifth of the days.",
)  # fmt: skip
@click.option(
    "--seeds", metavar="SEEDS", type=PASTED, default="",
    help="Markets to trade, as 7,8,9 or 1..5; default: simulator.seed.",
)  # fmt: skip
@CAPITAL
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True,
    help="A configuration key of all sets; repeatable.",
)  # fmt: skip
@click.option(
    "--min-trades", type=Whole(0, 10**6), default=FEWEST_TRADES, show_default=True,
    help="Name no set with fewer trades on its training days.",
)  # fmt: skip
@click.option("--jobs", type=Whole(1, MOST_JOBS), help="Processes; default: one for each core.")
@click.option("--study", metavar="NAME", default="", help="Its name; default: made of the sweep.")
@click.option(
    "--storage", metavar="FILE|URL", default="",
    help="Optuna's journal file or database; default: a file in the state folder.",
)  # fmt: skip
@pass_cli
def sweep(cli: CliContext, /, **given: Any) -> None:
    options = SweepOptions(**given)
    plan = plan_of(options, cli.flags.config, cli.environ)
    plan.check()
    if find_spec("optuna") is None:
        install = pip_install("sweep")
        raise UsageError("kt sweep needs Optuna", hint=f"Install it: `{install}`")
    run(cli, plan, options)


def run(cli: CliContext, plan: SweepPlan, options: SweepOptions) -> None:
    """Join the study, run what is left of it, show the verdict."""
    from kt.backtest.sweep.shared_study import join
    from kt.backtest.sweep.verdict import verdict
    from kt.cli.support.pipe_documents import emit
    from kt.config.load import state_folder
    from kt.files import private_folder

    config = plan.configured({})
    cli.speak_as(config)
    name = options.study or plan.default_name()
    folder = state_folder(config).absolute() / "sweeps"
    private_folder(folder)
    study = join(plan, options.storage or str(folder / f"{name}.log"), name)
    jobs = min(options.jobs or cores(), plan.size)
    cli.say(f"study {name}: {plan.size:,} trials, up to {jobs} at once")
    trials = search(cli, plan, study, folder, jobs)
    found = verdict(plan, name, trials, options.min_trades, options.settings)
    emit(cli, "sweeps", [found], run=name, profile="sim")


def search(
    cli: CliContext, plan: SweepPlan, study: SharedStudy, folder: Path, jobs: int
) -> Mapping[Place, SharedTrial]:
    """Run trials until the study has all; says what is under way, and how to go on after an
    interruption."""
    from kt.backtest.sweep.search import Search
    from kt.backtest.sweep.shared_study import storage_errors
    from kt.backtest.sweep.worker_processes import WorkerProcesses
    from kt.clock import SystemClock
    from kt.rules.sweep_space import set_text

    done = 0

    def tell(trial: SharedTrial, finished: int, every: int) -> None:
        nonlocal done
        done = finished
        cli.say(f"{finished} of {every}: {set_text(trial.chosen)}: {outcome(plan, trial)}")

    with (
        contextlib.closing(WorkerProcesses(jobs, folder / "workers.log")) as runners,
        cli.console.waiting(f"{plan.size:,} trials"),
        storage_errors(),
    ):
        try:
            return Search(plan, study, runners, folder, SystemClock(), tell).run()
        except (KeyboardInterrupt, Terminated):
            cli.say(f"stopped after {done} of {plan.size} trials: repeat this command to go on")
            raise


def outcome(plan: SweepPlan, trial: SharedTrial) -> str:
    """What a trial brought, in a few words."""
    from kt.cli.show.sweep import score_text

    if trial.score is None:
        return trial.result.error if trial.result and trial.result.error else "not defined"
    return score_text(plan.objective, trial.score)


def cores() -> int:
    """The processor cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(usable(0)) if usable else os.cpu_count() or 1
