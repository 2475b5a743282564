"""Reading minute bars: the forms that are taken, and what is refused with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kt.backtest import bar_files
from kt.errors import InputError, KtError, UsageError
from kt.sim.market.bar_tables import BarRow, BarTables
from tests.bar_data import DAYS, HEADER, walk, write

ONE, TWO, THREE = DAYS
GOOD = "005930,2026-01-05T09:00,70000,70300,69900,70200,1520\n"


def table(tmp_path: Path, text: str, name: str = "bars.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(tables: BarTables, code: str = "005930", day: date = ONE) -> list[BarRow]:
    return list(tables.stocks[code].days[day])


def test_a_long_table_in_any_order(tmp_path: Path) -> None:
    text = (
        "Volume,at,code,close,open,high,low,note\n"
        "300,2026-01-05 09:02,005930,70200,70100,70300,70000,x\n"
        "200,2026-01-05T00:01:00Z,005930,70100.0,70000,70100,70000,\n"  # 09:01 in Korea
        "\n"
        "0,2026-01-05T09:03,005930,70100,70100,70100,70100,no trades\n"
        "100,2026-01-05T15:30+09:00,000660,180000,180000,180000,180000,\n"
    )
    tables = bar_files.read(table(tmp_path, text))
    assert rows_of(tables) == [
        BarRow(1, 70_000, 70_100, 70_000, 70_100, 200, 3),
        BarRow(2, 70_100, 70_300, 70_000, 70_200, 300, 2),
    ]
    assert rows_of(tables, "000660")[0].minute == 390
    assert (tables.bars, tables.rounded, tables.days) == (3, 0, (ONE,))


def test_a_folder_with_a_file_for_each_stock(tmp_path: Path) -> None:
    for code in ("005930", "0091P0"):
        own = GOOD.removeprefix("005930,")
        table(tmp_path, HEADER.removeprefix("code,") + own, f"{code}.csv")
    (tmp_path / "notes.txt").write_text("not data")
    tables = bar_files.read(tmp_path)
    assert sorted(tables.stocks) == ["005930", "0091P0"]


def test_all_stocks_with_bad_bars_are_named(tmp_path: Path) -> None:
    lines = [GOOD, GOOD.replace("01-05", "01-06").replace("70", "95")]
    lines += [line.replace("005930", code) for code in ("000660", "035420") for line in lines]
    with pytest.raises(InputError, match="beyond 005930's limits") as refused:
        bar_files.read(table(tmp_path, HEADER + "".join(lines)))
    assert refused.value.hint == "Bars that cannot be used have 2 more stocks: 000660, 035420."


def test_a_stocks_day_is_in_one_file(tmp_path: Path) -> None:
    table(tmp_path, HEADER + GOOD, "a.csv")
    table(tmp_path, HEADER + GOOD.replace("09:00", "09:01"), "b.csv")
    with pytest.raises(InputError, match=r"b.csv, line 2, column code: .* is in .*a.csv too"):
        bar_files.read(tmp_path)


def test_what_a_stock_is(tmp_path: Path) -> None:
    text = (
        "code,name,market,kind,at,open,high,low,close,volume\n"
        "069500,KODEX 200,KOSPI,ETF,2026-01-05T09:00,70005,70005,70005,70005,5\n"
    )
    tables = bar_files.read(table(tmp_path, text))
    stock = tables.stocks["069500"]
    assert (stock.name, stock.market, stock.kind) == ("KODEX 200", "KOSPI", "ETF")
    assert tables.rounded == 0, "an ETF's tick is 5 won"


def test_prices_off_the_grid_are_rounded_and_counted(tmp_path: Path) -> None:
    text = HEADER + "005930,2026-01-05T09:00,70012,70349,69951,70200,10\n"
    tables = bar_files.read(table(tmp_path, text))
    assert rows_of(tables)[0][1:5] == (70_000, 70_300, 70_000, 70_200)
    assert tables.rounded == 3


def test_a_day_that_opens_late(tmp_path: Path) -> None:
    text = HEADER + "005930,2026-01-02T10:00,70000,70000,70000,70000,10\n"
    assert rows_of(bar_files.read(table(tmp_path, text)), day=date(2026, 1, 2))[0].minute == 60


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("5930,2026-01-05T09:00,1,1,1,1,1", "column code: '5930' is not a stock code"),
        ("005930,yesterday,1,1,1,1,1", "column at: 'yesterday' is not a time like"),
        ("005930,2026-01-03T09:00,1,1,1,1,1", "column at: 2026-01-03 is not a trading day"),
        ("005930,2026-01-05T08:59,1,1,1,1,1", "column at: .* outside the session, 09:00 to 15:30"),
        ("005930,2026-01-05T15:31,1,1,1,1,1", "column at: .* outside the session"),
        ("005930,2026-01-05T09:00:30,1,1,1,1,1", "column at: .* not the start of a minute"),
        ("005930,2026-01-05T09:01,7e4,1,1,1,1", "column open: '7e4' is not a whole number"),
        ("005930,2026-01-05T09:01,1,1.5,1,1,1", "column high: '1.5' is not a whole number"),
        ("005930,2026-01-05T09:01,1,1,,1,1", "column low: '' is not a whole number"),
        ("005930,2026-01-05T09:01,1,1,1,1,many", "column volume: .* whole number"),
        ("005930,2026-01-05T09:01,5,9,6,7,1", "column low: 6 is above the open or close, 5"),
        ("005930,2026-01-05T09:01,5,6,4,7,1", "column high: 6 is below the open or close, 7"),
        ("005930,2026-01-05T09:01,0,6,0,5,1", "column low: a price is above 0"),
        ("005930,2026-01-05T09:01,5,5,5", "5 fields where the first line has 7"),
        ("005930,2026-01-05T09:00,5,5,5,5,1", "column at: a second bar of 005930"),
        ("005930,2026-01-06T09:00,92000,92000,92000,92000,1", "column high: 92000 is beyond"),
        ("005930,2026-01-06T09:00,70000,70000,49100,70000,1", "column low: 49100 is beyond"),
    ],
)
def test_a_bad_line_names_its_place(tmp_path: Path, line: str, said: str) -> None:
    path = table(tmp_path, HEADER + GOOD + line + "\n")
    with pytest.raises(InputError, match=f"bars.csv, line 3(, |: ){said}"):
        bar_files.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column code: missing; the columns are none"),
        ("at,open,high,low,close,volume\n", "line 1, column code: missing"),
        ("code,time,open,high,low,close,volume\n", "line 1, column at: missing"),
        ("code,at,at,open,high,low,close,volume\n", "line 1, column at: there are two"),
        (HEADER, "has no bars"),
        ("market," + HEADER + "NYSE," + GOOD, "line 2, column market: 'NYSE' is no market"),
        ("kind," + HEADER + "BOND," + GOOD, "line 2, column kind: 'BOND' is not one of"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bar_files.read(table(tmp_path, text))


def test_a_file_in_another_encoding_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(HEADER.encode() + "삼성전자,2026-01-05T09:00,1,1,1,1,5\n".encode("cp949"))
    with pytest.raises(InputError, match=r"line \d+: not UTF-8"):
        bar_files.read(path)


def test_a_path_without_bars(tmp_path: Path) -> None:
    (tmp_path / "bars.txt").write_text("x")
    for path, said in (
        (tmp_path / "none.csv", "there is no file or folder"),
        (tmp_path / "bars.txt", "neither .csv nor .parquet"),
        (tmp_path, "no .csv and no .parquet file"),
        (tmp_path / f"{'x' * 300}.csv", "cannot be read: File name too long"),
    ):
        with pytest.raises(UsageError, match=said):
            bar_files.read(path)


# --- Parquet ------------------------------------------------------------------------------------


def parquet(tmp_path: Path, columns: dict[str, list[object]], kind: str = "") -> Path:
    """The columns as a Parquet file; `kind` is the type of `at`, otherwise it is text."""
    import pyarrow as arrow
    from pyarrow import parquet as writer

    made = arrow.table(columns)
    if kind:
        unit, _, zone = kind.partition(" ")
        moments = made["at"].cast(arrow.timestamp(unit, tz=zone or None))
        made = made.set_column(made.schema.get_field_index("at"), "at", moments)
    path = tmp_path / "bars.parquet"
    writer.write_table(made, path)
    return path


@pytest.mark.parametrize("kind", ["", "ns", "us", "s"])
def test_parquet_is_read_as_csv_is(tmp_path: Path, kind: str) -> None:
    lines = walk("005930", 70_000, DAYS[:2], seed=1, minutes=range(5))
    names = HEADER.strip().split(",")
    columns = {name: [line[place] for line in lines] for place, name in enumerate(names)}
    columns["at"] = [line[1].replace(tzinfo=None) for line in lines]
    if not kind:
        columns["at"] = [f"{line[1]:%Y-%m-%d %H:%M}" for line in lines]
    columns["open"] = [float(price) for price in columns["open"]]  # type: ignore[arg-type]
    tables = bar_files.read(parquet(tmp_path, columns, kind))
    same = bar_files.read(write(tmp_path / "bars.csv", lines))
    for day in DAYS[:2]:
        assert [row[:-1] for row in rows_of(tables, day=day)] == [
            row[:-1] for row in rows_of(same, day=day)
        ]


def test_times_with_a_zone_are_converted(tmp_path: Path) -> None:
    from datetime import datetime

    columns: dict[str, list[object]] = {"at": [datetime(2026, 1, 5, 0, 1)], "code": ["005930"]}
    columns |= {name: [70_000] for name in ("open", "high", "low", "close", "volume")}
    (row,) = rows_of(bar_files.read(parquet(tmp_path, columns, "us UTC")))
    assert row.minute == 1


def test_a_bad_row_of_parquet_names_its_place(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {"code": ["005930", "005930"]}
    columns["at"] = ["2026-01-05T09:00", "2026-01-05T09:01"]
    columns |= {name: [70_000, 70_000] for name in ("open", "high", "low", "close")}
    with pytest.raises(InputError, match=r"bars.parquet, row 2, column volume: 'None' is not"):
        bar_files.read(parquet(tmp_path, {**columns, "volume": [1, None]}))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match="not a Parquet file"):
        bar_files.read(tmp_path / "torn.parquet")


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "bars.parquet").write_bytes(b"PAR1")
    with pytest.raises(KtError, match="needs pyarrow") as refused:
        bar_files.read(tmp_path / "bars.parquet")
    assert refused.value.hint is not None and "kt[parquet]" in refused.value.hint
