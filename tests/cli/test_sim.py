"""kt sim at the front door: files that cannot be used, and scenarios without an exchange."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.front import Front


@pytest.mark.parametrize(
    ("option", "text", "code", "said"),
    [
        ("--replay", "code,at\n", 3, "line 1: the first line is not code,at,open"),
        ("--replay", "code,at,open,high,low,close,volume\n1,2\n", 3, "line 2: 2 fields"),
        ("--faults", "rules: [{api: kt10000, action: explode}]\n", 2, "unknown action"),
    ],
)
def test_a_file_that_cannot_be_used_starts_nothing(
    front: Front, tmp_path: Path, option: str, text: str, code: int, said: str
) -> None:
    path = tmp_path / "given"
    path.write_text(text, encoding="utf-8")
    for verb in ("start", "serve"):
        ran = front("sim", verb, option, str(path))
        assert (ran.code, ran.out) == (code, "")
        assert said in ran.err


def test_a_missing_or_wrong_file_is_wrong_usage(front: Front, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        assert front("sim", "start", "--replay", str(path)).code == 2


@pytest.mark.parametrize("more", [(), ("--decision",)])
def test_a_scenario_needs_a_running_exchange(front: Front, more: tuple[str, ...]) -> None:
    ran = front("sim", "scenario", "buy", *more)
    assert (ran.code, ran.out) == (9, "")
    assert "no exchange is running" in ran.err and "kt sim start" in ran.err
    assert front("sim", "scenario", "sell").code == 2
