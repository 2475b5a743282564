"""kt compare: which files it reads, what it refuses, and what it prints."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from wcwidth import wcswidth

from kt.cli.commands.compare import chosen_day
from kt.errors import ExitCode
from kt.records import Origin, Side
from kt.store import schema
from tests.cli.front import Front
from tests.store import make
from tests.store.make import DAY, later


def written(folder: Path, price: int = 70_000, *, sent: float = 0.1, profile: str = "sim") -> Path:
    """The journal of a profile: a decision, its buy, and its sale at 71,000."""
    folder.mkdir(parents=True)
    with make.open_journal(folder, profile=profile) as journal:
        journal.decisions("R1", [make.decision()])
        journal.plan_order(make.order(), make.event("PLANNED"))
        journal.record(make.event("SENDING"))
        accepted = make.event("ACKED", ord_no="101", at=later(sent + 0.1))
        journal.record(replace(accepted, sent_at=later(sent)))
        journal.record(make.fill_event(make.fill(0, 10, price=price, at=later(sent + 1))))
        make.placed(
            journal, "O2", "0000102", side=Side.SELL, origin=Origin.TAKE_PROFIT, price=71_000,
            decision_id="", created_at=later(600), updated_at=later(600),
        )  # fmt: skip
        sold = make.fill(0, 10, "O2", price=71_000, side=Side.SELL, at=later(601), ord_no="0000102")
        journal.record(make.fill_event(sold))
        profit = (71_000 - price) * 10 - 20
        bought = price * 10
        journal.add_trade(
            make.trade(
                profit=profit, bought=bought, buy_fee=10, fee=10, tax=0, closed_at=later(601)
            )
        )
    return folder / "kt.db"


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """A state folder with one profile, and a journal that bought 3 s later for 100 won more."""
    written(tmp_path / "live" / "sim")
    return str(tmp_path / "live"), str(written(tmp_path / "b", 70_100, sent=3.1))


def test_a_difference_in_a_pipe(front: Front, two: tuple[str, str]) -> None:
    ran = front("compare", *two)
    assert (ran.code, ran.document["kind"]) == (0, "comparisons")
    (found,) = ran.items
    assert (found["live_realised"], found["backtest_realised"]) == (9_980, 8_980)
    assert found["difference"] == 1_000
    assert found["causes"] == [{"cause": "latency", "differences": 1, "cost": 1_000}]
    (row,) = found["differences"]
    assert row["detail"] == "sent 3.0 s later in the backtest"
    assert (row["live"]["fill_price"], row["backtest"]["fill_price"]) == (70_000, 70_100)
    assert found["live"].endswith("live/sim/kt.db")


def test_equal_journals_have_no_difference(front: Front, two: tuple[str, str]) -> None:
    (found,) = front("compare", two[0], two[0]).items
    assert (found["difference"], found["differences"], found["causes"]) == (0, [], [])
    assert {(one["live"], one["equal"]) for one in found["counts"]} == {(1, 1), (2, 2)}


def test_a_terminal_shows_the_sums_before_the_rows(front: Front, two: tuple[str, str]) -> None:
    ran = front("compare", *two, terminal=True)
    lines = ran.out.splitlines()
    heads = [lines.index(word) for word in ("Result", "Causes", "Differences", "Reasons")]
    assert heads == sorted(heads)
    assert any("10:00:00 BUY 10 @ 70,000  10:00:03 BUY 10 @ 70,100" in line for line in lines)
    assert max(map(wcswidth, lines[heads[1] :])) <= 80
    assert "| sent 3.0 s later in the backtest |" in front("compare", *two, "-o", "md").out
    assert front("compare", *two, "-o", "csv").out.startswith("day,live,backtest,")
    korean = front("compare", *two, "--lang", "ko", terminal=True).out
    assert "백테스트에서 3.0초 늦게 전송" in korean
    assert "지연" in korean


def test_neither_journal_is_changed(front: Front, two: tuple[str, str], tmp_path: Path) -> None:
    """Not even one with an older schema, which is brought up to date in memory."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path, isolation_level=None) as old:
        old.execute("BEGIN")
        schema.migrate(old, to=schema.VERSION - 1)
        old.execute(
            "INSERT INTO pnl_daily (day, realised, unrealised, fees, taxes, trades, wins, bought,"
            " sold, at) VALUES ('2026-11-23', 0, 0, 0, 0, 0, 0, 0, 0, '2026-11-23T15:30:00+09:00')"
        )
        old.execute("COMMIT")
    old.close()
    kept = path.read_bytes(), Path(two[1]).read_bytes()
    (found,) = front("compare", str(path), two[1]).items
    assert found["difference"] == -8_980
    assert (path.read_bytes(), Path(two[1]).read_bytes()) == kept


def test_of_several_profiles_the_own_one_is_read(front: Front, tmp_path: Path) -> None:
    for profile in ("mock", "real"):
        written(tmp_path / "state2" / profile, profile=profile)
    folder = str(tmp_path / "state2")
    ran = front("compare", folder, folder)
    assert ran.code == ExitCode.USAGE
    assert "mock, real" in ran.err
    written(tmp_path / "state2" / "sim")
    (found,) = front("compare", folder, folder).items
    assert found["live"].endswith("state2/sim/kt.db")


def test_bad_input_is_refused(front: Front, two: tuple[str, str], tmp_path: Path) -> None:
    text, empty, newer = (tmp_path / name for name in ("text.db", "empty.db", "newer.db"))
    text.write_text("no database, but long enough to be read as a file of SQLite" * 20)
    empty.touch()
    newer.write_bytes(Path(two[1]).read_bytes())
    with sqlite3.connect(newer) as file:
        file.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    file.close()
    for path, code, said in (
        (tmp_path / "nothing", ExitCode.USAGE, "there is no journal"),
        (text, ExitCode.INPUT, "not a journal of kt"),
        (empty, ExitCode.INPUT, "not a journal of kt"),
        (newer, ExitCode.INPUT, "update kt"),
    ):
        ran = front("compare", two[0], str(path))
        assert (ran.code, ran.out) == (code, ""), path
        assert said in ran.err
    ran = front("compare", *two, "--day", "2026-11-20")
    assert ran.code == ExitCode.USAGE
    assert "2026-11-23" in ran.err
    assert front("compare", two[0]).code == ExitCode.USAGE


def test_the_last_common_day_is_chosen(front: Front, two: tuple[str, str], tmp_path: Path) -> None:
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    assert chosen_day(None, (before, DAY, after), (before, DAY)) == DAY
    assert chosen_day(before, (before, DAY), (before,)) == before
    other = tmp_path / "other"
    other.mkdir()
    with make.open_journal(other) as journal:
        journal.decisions("R1", [make.decision(decided_at=later(86_400))])
    ran = front("compare", two[0], str(other))
    assert ran.code == ExitCode.USAGE
    assert "no day in common" in ran.err
