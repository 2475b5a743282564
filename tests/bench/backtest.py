"""How fast a backtest is, in processor time of one core.

    python -m tests.bench.backtest [--days 1] [--seed 7] [--until 15:30] [--set KEY=VALUE ...]
    python -m tests.bench.backtest --sma [--days 5]

A bar event is one minute of one stock: 200 stocks have some 76,000 a day. `--until` shortens each
day, since a whole one takes minutes. `--sma` is one rule on the same bars with kt, backtesting.py
and nautilus_trader, in place of the whole day (tests/bench/sma_cross.py).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from kt.backtest.drive import FIRST_DAY, BacktestPlan, driving
from kt.cli.commands.backtest import settings_of
from kt.config.load import build_config
from kt.rules.calendar import trading_days
from kt.sim.market.listing import listings
from tests.bench import sma_cross

OPEN_MINUTE = 9 * 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--seed", default="7")
    parser.add_argument("--until", default="15:30")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--sma", action="store_true")
    given = parser.parse_args()
    if given.sma:
        sma_cross.compare(int(given.seed), given.days)
        return
    hour, minute = map(int, given.until.split(":"))
    minutes = hour * 60 + minute - OPEN_MINUTE
    settings = settings_of(tuple(given.settings))
    settings.setdefault("analyst", {})["kind"] = "rules"
    settings.setdefault("simulator", {})["seed"] = given.seed
    if given.until != "15:30":
        settings["session"] = hours(minutes)
    with tempfile.TemporaryDirectory() as folder:
        settings["state_dir"] = folder
        plan = BacktestPlan(build_config(settings, {}, {}), {}, trading_days(FIRST_DAY, given.days))
        measure(plan, minutes, Path(folder))


def hours(minutes: int) -> dict[str, str]:
    """A trading day that ends so many minutes after 09:00."""
    end = timedelta(minutes=OPEN_MINUTE + minutes)
    times = {"last_buy": end - timedelta(minutes=1), "close": end}
    times["idle"] = end + timedelta(minutes=3)
    return {name: f"{str(at).rjust(8, '0')[:5]}" for name, at in times.items()}


def memory() -> float:
    """The process's resident memory in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(plan: BacktestPlan, minutes: int, folder: Path) -> None:
    """Run the days; one line for each, then the means."""
    spent, calls = [], 0
    with driving(plan, lambda line: None) as drive:
        days = drive.days()
        for _ in plan.days:
            began = time.process_time()
            day = next(days)
            spent.append(time.process_time() - began)
            print(f"{day.day}: {spent[-1]:.1f} s, {day.report.orders} orders, ", end="")
            print(f"{memory():.0f} MB in use")
        assert drive.ctx is not None
        for day in drive.runs:
            calls += sum(call.calls for call in drive.ctx.journal.calls_of(day.day))
    total = sum(spent)
    bars = len(listings()) * minutes * len(spent)
    size = (folder / "sim" / "kt.db").stat().st_size / 1e6
    print(f"{len(spent)} days of {minutes} minutes in {total:.1f} s of processor time")
    print(f"{len(spent) / total:.3f} days, {bars / total:,.0f} bar events and ", end="")
    print(f"{calls / total:,.0f} calls a second; a journal of {size:.0f} MB")


if __name__ == "__main__":
    main()
