"""The day's figures for monitors."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.cli.run.trading_day import publisher
from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.config.model import Config, Notify
from tests.engine.acting import Make


def sample(text: str, name: str) -> str:
    """The value of the only sample of this name and these labels."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"kt_{name}")]
    return line.rpartition(" ")[2]


def test_every_minute_the_figures_are_those_of_the_day(stage: Make) -> None:
    published: list[str] = []
    made = stage(publish=published.append)
    made.hold()
    made.play("10:02:30")
    assert len(published) == 3, "at once, then each minute"
    text = published[-1]
    assert sample(text, 'positions{profile="sim"}') == "1"
    assert int(sample(text, "invested_won")) >= 700_000
    assert sample(text, 'phase{profile="sim",phase="open"}') == "1"
    assert sample(text, 'phase{profile="sim",phase="idle"}') == "0"
    assert sample(text, 'stop{profile="sim",stop="running"}') == "1"
    assert sample(text, "orders_unknown") == "0"
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)), "one type a metric"
    last, first = (int(sample(t, "heartbeat_seconds")) for t in (text, published[0]))
    assert last - first == 120


def context_of(path: Path) -> CliContext:
    cli = CliContext(console=Console(out_terminal=False))
    cli.__dict__["config"] = Config(notify=Notify(metrics_file=str(path)))
    return cli


def test_the_file_is_replaced_and_others_may_read_it(tmp_path: Path) -> None:
    publish = publisher(context_of(tmp_path / "kt.prom"))
    assert publish is not None
    for text in ("one\n", "two\n"):
        publish(text)
    assert (tmp_path / "kt.prom").read_text() == "two\n"
    assert (tmp_path / "kt.prom").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["kt.prom"]


def test_a_file_that_cannot_be_written_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish = publisher(context_of(tmp_path / "missing" / "kt.prom"))
    assert publish is not None
    publish("one\n")
    publish("two\n")
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_without_a_file_nothing_is_published() -> None:
    cli = CliContext()
    cli.__dict__["config"] = Config()
    assert publisher(cli) is None
