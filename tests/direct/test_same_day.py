"""A backtest whose queries are answered with records has the journal of one on the wire."""

from __future__ import annotations

from pathlib import Path

from kt.backtest.drive import FIRST_DAY, BacktestPlan, driving
from kt.config.load import build_config
from kt.store.normalised import digest
from tests.backtest.test_same_twice import SETTINGS

SHORT = {"session.last_buy": "10:12", "session.close": "10:13", "session.idle": "10:16"}
"""Four minutes, in which something is bought and sold."""


def run(folder: Path, *, wire: bool) -> tuple[str, int, int]:
    """The digest of the journal, the orders, and the calls."""
    settings: dict[str, dict[str, str]] = {"analyst": {"kind": "rules"}, "simulator": {"seed": "7"}}
    for key, value in {**SETTINGS, **SHORT}.items():
        section, _, name = key.partition(".")
        settings.setdefault(section, {})[name] = value
    config = build_config({**settings, "state_dir": str(folder)}, {}, {})
    plan = BacktestPlan(config, {}, (FIRST_DAY,))
    with driving(plan, lambda line: None, wire=wire) as drive:
        (day,) = drive.days()
        assert drive.ctx is not None
        calls = sum(call.calls for call in drive.ctx.journal.calls_of(day.day))
    return digest(folder / "sim" / "kt.db"), day.report.orders, calls


def test_the_journal_is_that_of_the_wire(tmp_path: Path) -> None:
    direct, wire = run(tmp_path / "direct", wire=False), run(tmp_path / "wire", wire=True)
    assert direct == wire
    _, orders, calls = direct
    assert orders > 2 and calls > 200
