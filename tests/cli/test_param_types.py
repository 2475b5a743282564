"""What people type as a number is one in the digits 0 to 9, and of a size that can be meant."""

from __future__ import annotations

import unicodedata

import pytest

from kt.errors import ExitCode
from kt.records import OrderTicket
from tests.cli.front import Front
from tests.fakes import SAMSUNG

LONG = "7" * 5_000
WRONG = (
    ("order", "buy", SAMSUNG, "٣", "--price", "70000"),
    ("order", "buy", "ſ05930", "10", "--price", "70000"),
    ("order", "buy", SAMSUNG, LONG, "--price", "70000"),
    ("order", "buy", SAMSUNG, "10000000000", "--price", "70000"),
    ("order", "buy", SAMSUNG, "10", "--price", "10000000000"),
    ("order", "buy", SAMSUNG, "1_0", "--price", "70000"),
    ("order", "amend", "101", "--price", "1e30"),
    ("order", "cancel", "١٠١"),
    ("order", "cancel", LONG),
    ("order", "cancel", "²²²"),
    ("order", "resolve", "101", "--placed", "١٠١"),
    ("order", "resolve", "101", "--placed", LONG),
    ("log", "-n", "١٠"),
    ("log", "-n", LONG),
    ("watch", SAMSUNG, "--count", "١"),
    ("watch", SAMSUNG, "--for", "nan"),
    ("watch", SAMSUNG, "--for", "inf"),
    ("watch", SAMSUNG, "--for", "١"),
    ("api", "1h", "--count", "١"),
    ("pnl", "--since", "0001-01-01"),
    ("pnl", "--since", "٢٠٢٦-11-23"),
    ("pnl", "--since", "2026-W48-1"),
    ("sim", "start", "--seed", "١"),
    ("sim", "start", "--speed", "inf"),
    ("sim", "start", "--speed", "nan"),
    ("sim", "start", "--day", "9999-99-99"),
    ("sim", "start", "--open-at", "١٠:00"),
)


PASTED = (
    ("order", "buy", "００５９３０", "１０", "--price", "７０，０００"),
    ("order", "buy", "\u3000005930 ", " 10\u00a0", "--price", "７만"),
    ("order", "buy", unicodedata.normalize("NFD", "삼성전자"), "10", "--price", "7만원"),
    ("order", "buy", "삼성　전자", "10주", "--price", "70,000"),
)


@pytest.mark.parametrize("line", PASTED, ids=range(len(PASTED)))
def test_what_is_pasted_in_another_width_or_form_is_taken(
    line: tuple[str, ...], front: Front
) -> None:
    ran = front(*line)
    assert ran.code == 0, ran.err
    (sent,) = front.world.broker.sent
    assert isinstance(sent, OrderTicket)
    assert (sent.stock_code, sent.quantity, sent.price) == (SAMSUNG, 10, 70_000)


@pytest.mark.parametrize("line", WRONG, ids=lambda line: " ".join(line)[:40])
def test_a_number_that_cannot_be_meant_is_refused(line: tuple[str, ...], front: Front) -> None:
    ran = front(*line)
    assert ran.code == ExitCode.USAGE, ran.err
    assert ran.out == "" and len(ran.err) < 400
    assert front.world.broker.sent == []


def test_the_width_of_a_terminal_may_be_nonsense(front: Front) -> None:
    from kt.cli.support.console import DEFAULT_WIDTH, Console

    for columns in ("²", "٣", "7" * 5_000, "-1", "0", "1e3", ""):
        console = Console(out_terminal=True, environ={"COLUMNS": columns})
        assert console.width == DEFAULT_WIDTH
    assert Console(out_terminal=True, environ={"COLUMNS": "120"}).width == 120
