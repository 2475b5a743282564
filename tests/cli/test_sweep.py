"""kt sweep: its options, its errors, and what it shows. Trials run in tests/backtest."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.backtest.sweep import search as searching
from kt.backtest.sweep import worker_processes
from kt.cli.commands import sweep as command
from kt.cli.show import table_of
from kt.cli.support.console import Console
from kt.cli.support.sweep_options import seeds_of, windows_of
from kt.errors import ExitCode
from kt.records import Sweep, SweepSet, SweepWindow
from tests.backtest.sweeping import DAYS, Runners
from tests.cli.front import Front

LOSS = "--over=exits.stop_loss_pct=2,3"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((), "--over"),
        (("--over", "nonsense"), "KEY=VALUES"),
        (("--over", "exits.stop_loss=2,3"), "stop_loss_pct"),
        (("--over", "exits.stop_loss_pct=2,high"), "stop_loss_pct"),
        (("--over", "exits.stop_loss_pct=2,99"), "stop_loss_pct"),
        (("--over", "exits.stop_loss_pct=6..2"), "range"),
        (("--over", "exits.stop_loss_pct=2.0..6.0"), "needs a step"),
        (("--over", "state_dir=a,b"), "sets this key itself"),
        (("--over", "simulator.seed=1,2"), "--seeds"),
        ((LOSS, "--set", "analyst.kind=gemini"), "offline rules"),
        ((LOSS, LOSS), "given twice"),
        ((LOSS, "--set", "exits.stop_loss_pct=4"), "given twice"),
        ((LOSS, "--set", "nonsense"), "KEY=VALUE"),
        ((LOSS, "--trials", "5"), "grid tries every set"),
        ((LOSS, "--train", "3"), "needs --test"),
        ((LOSS, "--days", "5", "--train", "5", "--test", "2"), "fewer than"),
        ((LOSS, "--days", "2", "--test", "2"), "fewer than"),
        ((LOSS, "--seeds", "x"), "whole numbers"),
        ((LOSS, "--seeds", "1..500"), "whole numbers"),
        ((LOSS, "--seeds", "1.0..2.0"), "whole numbers"),
        ((LOSS, "--study", "a/b"), "not a name"),
        ((LOSS, "--storage", "nonsense://x"), "--storage"),
        ((LOSS, "--objective", "luck"), "--objective"),
        ((LOSS, "--jobs", "0"), "--jobs"),
        (("--over", "limits.orders_per_day=1..200", "--over", "limits.positions=1..90"), "18,000"),
    ],
)
def test_bad_input_is_refused(front: Front, line: tuple[str, ...], said: str) -> None:
    ran = front("sweep", *line)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert said in ran.err


def test_without_optuna_the_extra_is_named(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    ran = front("sweep", LOSS)
    assert ran.code == ExitCode.USAGE
    assert f"{sys.executable} -m pip install 'kt[sweep]'" in ran.err


def test_a_fifth_of_the_days_is_held_back() -> None:
    assert [len(part) for part in windows_of(DAYS, None, None)[0]] == [10, 2]
    assert [len(part) for part in windows_of(DAYS, None, 0)[0]] == [12, 0]
    assert [len(part) for part in windows_of(DAYS[:1], None, None)[0]] == [1, 0]
    assert len(windows_of(DAYS, 6, 2)) == 3


def test_seeds() -> None:
    assert seeds_of("", 5) == (5,)
    assert seeds_of("7", 5) == (7,)
    assert seeds_of("7,9", 5) == (7, 9)
    assert seeds_of("1..3", 5) == (1, 2, 3)


class Processes(Runners):
    """Stands in for the worker processes."""

    def __init__(self, most: int, log: Path) -> None:
        super().__init__(most)
        self.log = log

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture
def _formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "WorkerProcesses", Processes)
    monkeypatch.setattr(searching, "POLL_SECONDS", 0.0)


@pytest.mark.usefixtures("_formula")
def test_a_sweep_is_one_document(front: Front) -> None:
    line = ("sweep", "--over", "exits.stop_loss_pct=2:5:1", "--days", "8", "--seeds", "7,8")
    ran = front(*line)
    assert ran.code == 0
    assert ran.document["kind"] == "sweeps"
    (item,) = ran.items
    assert item["winner"]["values"] == {"exits.stop_loss_pct": "3"}
    assert item["settings"] == ["--set exits.stop_loss_pct=3"]
    assert item["winner"]["test_score"] is not None
    assert ran.err.count(" of 4: stop_loss_pct=") == 4
    again = front(*line)
    assert again.items == ran.items, "the same command finds its finished study"
    assert " of 4: " not in again.err
    assert front(*line, "--study", "other").items[0]["sets"] == item["sets"]
    taken = front(*line[:-1], "7,9", "--study", "other")
    assert taken.code == ExitCode.USAGE
    assert "differs in seeds" in taken.err


@pytest.mark.usefixtures("_formula")
def test_ctrl_c_says_how_to_go_on(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Processes, seconds: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Processes, "wait", interrupt)
        ran = front("sweep", LOSS)
    assert (ran.code, ran.out) == (130, "")
    assert "repeat this command to go on" in ran.err
    assert front("sweep", LOSS).code == 0


BEST = SweepSet(
    number=2, values={"exits.stop_loss_pct": "3", "limits.positions": "5"}, score=4.125,
    test_score=-0.5, daily_pct=0.2, test_daily_pct=-0.1, trades=180, test_trades=31,
)  # fmt: skip
FAILED = SweepSet(
    number=1, values={"exits.stop_loss_pct": "2", "limits.positions": "5"}, score=None,
    test_score=None, daily_pct=None, test_daily_pct=None, trades=0, test_trades=0,
    error="configuration: limits.per_stock 9,000,000 is above limits.total 5,000,000",
)  # fmt: skip
WINDOW = SweepWindow(
    first=date(2026, 1, 5), last=date(2026, 1, 30), test_first=date(2026, 2, 2),
    test_last=date(2026, 2, 6), best=BEST,
)  # fmt: skip
RESULT = Sweep(
    study="sweep-1", method="grid", objective="return", keys=tuple(BEST.values), seeds=(7,),
    capital=10_000_000, trials=4, failed=1, windows=(WINDOW, WINDOW), sets=(BEST, FAILED),
    winner=BEST, settings=("--set exits.stop_loss_pct=3", "--set limits.positions=5"), refused=(),
    warnings=("deflated Sharpe ratio 0.42, below 0.95: the lead may be the luck of 4 tries",),
    train_daily_pct=0.2, test_daily_pct=-0.1, test_return_pct=-1.0, test_sharpe=-1.234,
    test_trades=62, deflated_sharpe=0.42, overfit_probability=0.31, version="1",
)  # fmt: skip


def test_what_is_shown() -> None:
    shown = table_of("sweeps", [RESULT], Console(width=80))
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert (
        shown
        == """\
Verdict
study            sweep-1
trials           4
failed           1
winner           stop_loss_pct=3 positions=5
a training day   +0.200%
a test day       -0.100%
all test days    -1.00% in 62 trades, Sharpe -1.23
deflated Sharpe  0.42
overfitting      31%

Warnings
- deflated Sharpe ratio 0.42, below 0.95: the lead may be the luck of 4 tries

Windows
from        test        best set                     return  on test days
2026-01-05  2026-02-02  stop_loss_pct=3 positions=5  +4.12%        -0.50%
2026-01-05  2026-02-02  stop_loss_pct=3 positions=5  +4.12%        -0.50%

Best sets
set                                   return  on test days  trades  test trades
stop_loss_pct=3 positions=5           +4.12%        -0.50%     180           31
stop_loss_pct=2 positions=5  configuration:…                     0            0

Use it
--set exits.stop_loss_pct=3
--set limits.positions=5
"""
    )


def test_a_refusal_is_shown_with_its_reason() -> None:
    reason = (
        "only 24 trades of the best set on its training days: with fewer than 30 their mean says "
        "nothing"
    )
    refused = replace(RESULT, winner=None, settings=(), refused=(reason,))
    shown = table_of("sweeps", [refused], Console(width=80))
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "winner           not known" not in shown and "winner           none" in shown
    assert "Why no set is named\n- only 24 trades of the best set" in shown
    assert "Use it" not in shown
