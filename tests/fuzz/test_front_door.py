"""Nothing that comes from outside ends in `unexpected error`: documents, configuration,
environment, arguments, the broker's and a model's answers, a damaged journal."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.house import Fuzz

SHARES = (
    (Fuzz.document, 30), (Fuzz.configuration, 20), (Fuzz.environment, 6), (Fuzz.arguments, 14),
    (Fuzz.answer, 20), (Fuzz.reply, 10), (Fuzz.database, 1),
)  # fmt: skip


def fuzz(folder: Path, count: int, seed: int) -> Fuzz:
    """So many inputs, of every kind; faults are told at the end, all of them."""
    made = Fuzz(folder, random.Random(seed))
    kinds, weights = zip(*SHARES, strict=True)
    try:
        while made.done.total() < count:
            made.chance.choices(kinds, weights)[0](made)
    finally:
        made.close()
    return made


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_thousand_random_command_lines_give_no_traceback(tmp_path: Path) -> None:
    made = fuzz(tmp_path, 1_000, seed=1)
    assert len(made.done) == len(SHARES)
    assert not made.faults, "\n".join(made.faults)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_a_hundred_thousand_random_command_lines_give_no_traceback(tmp_path: Path) -> None:
    made = fuzz(tmp_path, 100_000, seed=2)
    print(dict(made.done), len(made.faults))
    assert not made.faults, "\n".join(made.faults[:50])
