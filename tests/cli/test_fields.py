"""Selected rows and columns: --fields, -o csv, -o md; the colours of gain and loss."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from kt.cli.support.fields import names_of
from kt.errors import ExitCode
from kt.records import KINDS, Side
from tests.cli.front import Front
from tests.cli.test_orders import BUY
from tests.fakes import HYNIX, SAMSUNG


@pytest.fixture
def holding(front: Front) -> Front:
    front.world.broker.hold(SAMSUNG, 10, 70_000)
    front.world.broker.hold(HYNIX, 3, 180_000)
    return front


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_balance_in_csv_has_one_row_per_holding(holding: Front) -> None:
    rows = table(holding("balance", "-o", "csv").out)
    assert [(row["stock_code"], row["quantity"]) for row in rows] == [
        (SAMSUNG, "10"),
        (HYNIX, "3"),
    ]
    assert {row["account"] for row in rows} == {holding("balance").items[0]["account"]}
    assert not any("{" in cell for row in rows for cell in row.values())
    (totals,) = table(holding("balance", "-o", "csv", "--totals").out)
    assert int(totals["deposit.cash"]) > 0 and "positions" not in totals


def test_fields_are_the_columns_of_csv_and_of_tables(holding: Front) -> None:
    ran = holding("balance", "-o", "csv", "--fields", "quantity,stock_code")
    assert ran.out == f"quantity,stock_code\n10,{SAMSUNG}\n3,{HYNIX}\n"
    shown = holding("balance", "--fields", "stock_name, average_price", terminal=True).out
    assert shown.splitlines()[0].split() == ["stock", "name", "average", "price"]
    assert "70,000" in shown and "stop" not in shown
    ran = holding("balance", "-o", "csv", "--totals", "--fields", "deposit.cash")
    assert ran.out.splitlines()[0] == "deposit.cash"


@pytest.mark.parametrize(
    "line",
    [
        ("balance", "--fields", "stock_code,nonsense"),
        ("order", "list", "--fields", "nonsense"),
        ("status", "--fields", "nonsense"),
        ("pnl", "--fields", "nonsense"),
    ],
)
def test_an_unknown_field_is_a_usage_error_that_lists_the_fields(
    holding: Front, line: tuple[str]
) -> None:
    ran = holding(*line, "-o", "csv")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "there is no field 'nonsense'" in ran.err and "The fields are" in ran.err


def test_an_unknown_field_stops_an_order_before_it_is_sent(front: Front) -> None:
    ran = front(*BUY, "-o", "csv", "--fields", "nonsense")
    assert ran.code == ExitCode.USAGE
    assert front.world.broker.sent == []
    ran = front(*BUY, "-o", "csv", "--fields", "stock_code,state")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "stock_code,state")
    assert len(front.world.broker.sent) == 1


def test_fields_cannot_be_selected_from_json(front: Front) -> None:
    ran = front("order", "list", "--fields", "state")
    assert ran.code == ExitCode.USAGE and "Add -o csv" in ran.err


def test_every_document_kind_has_field_names() -> None:
    for kind, record in KINDS.items():
        names = list(names_of(record))
        assert bool(names) == (kind != "events")
        assert len(names) == len(set(names))
    assert "decision.action" in list(names_of(KINDS["checks"]))


def test_markdown_is_tables_and_lists_without_colours(holding: Front) -> None:
    ran = holding("balance", "-o", "md", terminal=True, color=True)
    assert "\x1b" not in ran.out
    assert "- **cash** " in ran.out
    head, rule, *rows = [line for line in ran.out.splitlines() if line.startswith("|")]
    assert head.split("|")[1].strip() == "code"
    assert set(rule) <= set("|:-")
    assert any(SAMSUNG in row for row in rows)
    chosen = holding("balance", "-o", "md", "--fields", "stock_code,quantity").out
    assert [line.count("|") for line in chosen.splitlines()] == [3, 3, 3, 3]


def test_a_vertical_bar_in_a_cell_is_escaped(front: Front) -> None:
    front.world.journal.notice("R", "warning", "a|b", "x", front.world.clock.now())
    ran = front("log", "--kind", "notice", "-o", "md", "--fields", "title")
    assert ran.out.splitlines()[-1].startswith("| a\\|b")


@pytest.mark.parametrize(
    ("palette", "rise", "fall"),
    [("red-blue", 31, 34), ("green-red", 32, 31), ("yellow-blue", 33, 34)],
)
def test_the_colours_of_gain_and_loss_are_configurable(
    holding: Front, palette: str, rise: int, fall: int
) -> None:
    holding.configure(f"gain_colors: {palette}")
    held = holding.world.broker.held
    held[SAMSUNG] = replace(held[SAMSUNG], profit=1_000)
    held[HYNIX] = replace(held[HYNIX], profit=-1_000)
    out = holding("balance", terminal=True, color=True).out
    assert f"\x1b[{rise}m+" in out and f"\x1b[{fall}m-" in out
    assert "\x1b[3" not in holding("balance", terminal=True).out, "NO_COLOR is set"
    front_side = holding(*BUY, terminal=True, color=True).out
    assert f"\x1b[{rise}m{Side.BUY}" in front_side
