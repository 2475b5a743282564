"""kt backtest: its options, its errors, and what it shows. A whole day runs in tests/backtest."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.backtest import bar_files
from kt.backtest.bars import days_of, described
from kt.backtest.drive import FIRST_DAY
from kt.cli.commands.backtest import chosen_days, settings_of
from kt.cli.show import table_of
from kt.cli.support.console import Console
from kt.errors import ExitCode, UsageError
from kt.records import KST, Backtest, BacktestData, DayResult, ExitResult, HourResult, Performance
from kt.rules.bar_fill import FillModel
from kt.rules.calendar import trading_days
from kt.sim.market.bar_board import BarMarket
from tests.bar_data import DAYS, walk, write
from tests.cli.front import Front


def test_days_skip_what_is_no_trading_day() -> None:
    assert trading_days(date(2026, 1, 3), 2) == (date(2026, 1, 5), date(2026, 1, 6))
    assert chosen_days(None, None, None) == (FIRST_DAY,)
    assert chosen_days(3, date(2026, 1, 9), None)[-1] == date(2026, 1, 13)
    found = chosen_days(None, date(2026, 2, 13), date(2026, 2, 20))
    assert found == (date(2026, 2, 13), date(2026, 2, 19), date(2026, 2, 20))


def test_settings_are_nested() -> None:
    found = settings_of(("exits.stop_loss_pct=3", "exits.cooldown.other = 7", "language=ko"))
    assert found == {
        "exits": {"stop_loss_pct": "3", "cooldown": {"other": "7"}},
        "language": "ko",
    }


@pytest.mark.parametrize("text", ["", "exits", "=3", "exits.=3"])
def test_a_setting_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        settings_of((text,))


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("--days", "2", "--to", "2026-01-09"), ExitCode.USAGE, "--days or --to"),
        (("--from", "2026-01-03", "--to", "2026-01-04"), ExitCode.USAGE, "no trading day"),
        (("--days", "0"), ExitCode.USAGE, "--days"),
        (("--capital", "-5"), ExitCode.USAGE, "not a whole number"),
        (("--set", "exits.stop_loss=3"), ExitCode.USAGE, "stop_loss_pct"),
        (("--set", "exits.stop_loss_pct=high"), ExitCode.USAGE, "stop_loss_pct"),
        (("--set", "nonsense"), ExitCode.USAGE, "KEY=VALUE"),
        (("--set", "exits=3", "--set", "exits.stop_loss_pct=3"), ExitCode.USAGE, "not a section"),
        (("--analyst", "nobody"), ExitCode.USAGE, "--analyst"),
        (("--analyst", "replay"), ExitCode.USAGE, "--answers"),
        (("--answers", "somewhere"), ExitCode.USAGE, "--analyst replay"),
        (("--analyst", "replay", "--answers", "nowhere"), ExitCode.USAGE, "no journal"),
        (("--analyst", "gemini"), ExitCode.USAGE, "GEMINI_API_KEY"),
    ],
)
def test_bad_input_is_refused(
    front: Front, line: tuple[str, ...], code: ExitCode, said: str
) -> None:
    ran = front("backtest", *line)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_folder_in_use_is_left_alone(front: Front, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kt.db").write_text("precious")
    ran = front("backtest", "--folder", str(tmp_path / "full"))
    assert ran.code == ExitCode.USAGE
    assert "not empty" in ran.err
    assert (tmp_path / "full" / "kt.db").read_text() == "precious"


DAY = DayResult(
    day=FIRST_DAY, realised=7_901, unrealised=1_548, fees=670, taxes=4_119, trades=4, wins=3,
    bought=2_681_100, sold=2_060_700, at=datetime(2026, 1, 5, 15, 30, tzinfo=KST), index_pct=0.73,
)  # fmt: skip
RESULT = Backtest(
    seed=7, capital=10_000_000, equity=10_009_449,
    performance=Performance(
        since=FIRST_DAY, until=FIRST_DAY, profit=7_901, trades=4, wins=3, win_rate_pct=75.0,
        profit_factor=2.5, held_minutes=9, return_pct=0.1, max_drawdown_pct=-0.01, sharpe=None,
        sortino=None,
    ),
    index_pct=0.73, hold_pct=-0.1, exposure_pct=12.61, turnover=0.47, fees=670, taxes=4_119,
    orders=9, mean_profit_pct=0.37, profit_low_pct=0.3, profit_high_pct=0.46, p_value=0.0,
    mean_day_pct=0.1, day_low_pct=None, day_high_pct=None, day_p_value=None, stopped="",
    days=(DAY,), exits=(ExitResult(reason="take_profit", trades=4, wins=3, profit=7),),
    hours=(HourResult(hour=10, trades=4, wins=3, profit=7),), folder="/tmp/b", digest="9fbc",
    version="1", first=FIRST_DAY, last=FIRST_DAY, calls=1_132,
)  # fmt: skip


DATA = BacktestData(
    source="/data/minutes", stocks=6, bars=6_858, rounded=12, missing_days=(date(2026, 1, 7),),
    left_out=("000660", "0091P0", "005930", "035420"), market_price="worse", slippage_ticks=1,
    limit_touch=False, participation_pct=10.0, sha256="9f" * 32,
)  # fmt: skip


def test_what_bars_cannot_tell_is_shown() -> None:
    result = replace(RESULT, data=DATA, digest="9f" * 32)
    shown = table_of("backtests", [result], Console(width=80))
    assert max(map(len, shown.splitlines())) <= 80
    assert "index          +0.73%, KOSPI stocks of the data\n" in shown
    assert shown.endswith(
        """\
Data
bars           6,858 of 6 stocks, /data/minutes
market orders  the worse of a bar's open and close
slippage       1 tick
limit orders   when traded through, never better than a market order
volume         at most 10.0% of a bar's
order book     not in bars: one tick between bid and ask, no place in the queue
who bought     not in bars: no flows, member firms, sectors
off tick       12 prices, moved to the nearest tick
no bars        not run: 2026-01-07
left out       no bar before the first day: 000660, 0091P0, 005930 and 1 more
"""
    )
    console = Console()
    console.markdown = True
    markdown = table_of("backtests", [result], console)
    assert "## Data\n\n- **bars** 6,858 of 6 stocks" in markdown


def test_the_data_decides_the_days(front: Front, tmp_path: Path) -> None:
    lines = walk("005930", 70_000, (*DAYS, date(2026, 1, 9)), 1, range(2))
    tables = bar_files.read(write(tmp_path / "bars.csv", lines))
    assert days_of(tables, None, None, None) == (*DAYS[1:], date(2026, 1, 9))
    assert days_of(tables, 1, DAYS[2], None) == (DAYS[2],)
    assert days_of(tables, None, None, DAYS[1]) == (DAYS[1],)
    found = described(BarMarket(tables, DAYS[1], FillModel()), (*DAYS[1:], date(2026, 1, 9)))
    assert found.missing_days == (date(2026, 1, 8),)


@pytest.mark.parametrize(
    ("days", "line", "code", "said"),
    [
        (3, ("--from", "2026-01-05"), ExitCode.USAGE, "2026-01-05 is not among the days"),
        (3, ("--to", "2026-01-08"), ExitCode.USAGE, "They are 2026-01-06 to 2026-01-07"),
        (3, ("--days", "1", "--to", "2026-01-07"), ExitCode.USAGE, "--days or --to"),
        (1, (), ExitCode.USAGE, "has bars of 2026-01-05 only"),
        (3, ("--set", "backtest.slippage_ticks=-1"), ExitCode.USAGE, "slippage_ticks"),
        (0, (), ExitCode.INPUT, "bars.csv has no bars"),
    ],
)
def test_bad_data_is_refused(
    front: Front, tmp_path: Path, days: int, line: tuple[str, ...], code: ExitCode, said: str
) -> None:
    data = write(tmp_path / "bars.csv", walk("005930", 70_000, DAYS[:days], 1, range(2)))
    ran = front("backtest", "--data", str(data), *line)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_what_is_shown() -> None:
    assert table_of("backtests", [RESULT], Console()) == (
        """\
Result
days           2026-01-05 to 2026-01-05, seed 7, 10,000,000 won
profit         +7,901 won realised, after costs
on equity      +0.10%
index          +0.73%, KOSPI
buy and hold   -0.10%, all stocks
drawdown       -0.01%
Sharpe         not known
Sortino        not known
trades         4 (3 won)
win rate       75.0%
profit factor  2.50
mean trade     +0.37%, 95% interval +0.30% to +0.46%, p 0.0000
mean day       +0.10%
exposure       12.6%
turnover       0.47 times the equity
costs          4,789 won: fees 670, taxes 4,119
orders         9, 1,132 calls
stopped        no
journal        /tmp/b
digest         9fbc

Days
day         realised  unrealised   total   index  trades  wins     bought       sold  costs
2026-01-05    +7,901      +1,548  +9,449  +0.73%       4     3  2,681,100  2,060,700  4,789

Exits
why sold     trades  wins  profit
take_profit       4     3      +7

Hours
hour   trades  wins  profit
10:00       4     3      +7
"""
    )
