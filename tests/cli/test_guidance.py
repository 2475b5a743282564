"""On a terminal kt says what is next and what it waits for; in a pipe neither."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import click
import pytest

from kt.cli.root import root
from kt.cli.support.click_extensions import OWN_SCREEN, WAITED_FOR
from kt.cli.support.console import Console
from kt.cli.support.next_steps import NEXT
from kt.cli.support.progress import CLEAR, Progress
from kt.errors import ExitCode
from kt.records import KST
from tests.cli.front import Front
from tests.cli.test_help import PATHS, resolve
from tests.fakes import SAMSUNG

BUY = ("order", "buy", SAMSUNG, "1", "--price", "70000")


def test_after_a_command_one_line_says_what_is_next(front: Front) -> None:
    ran = front(*BUY, terminal=True, person=True)
    assert ran.code == 0
    assert ran.err.endswith("\nnext: `kt order list` shows whether it has filled\n")
    assert ran.err.count("next: ") == 1


def test_the_line_is_dim(front: Front) -> None:
    ran = front("balance", terminal=True, person=True, color=True)
    assert re.search(r"\x1b\[2mnext: .*\x1b\[0m\n$", ran.err, re.DOTALL)


def test_there_is_no_such_line_in_a_pipe_with_quiet_or_switched_off(front: Front) -> None:
    assert "next:" not in front(*BUY).err
    assert "next:" not in front("balance", person=True).err, "data goes to a pipe"
    assert "next:" not in front("balance", terminal=True).err, "messages go to a file"
    assert front("balance", "-q", terminal=True, person=True).err == ""
    front.configure("hints: false\n")
    assert front("balance", terminal=True, person=True).err == ""


def test_nothing_is_next_after_a_failure(front: Front) -> None:
    ran = front("order", "buy", SAMSUNG, "1000", "--price", "70000", terminal=True, person=True)
    assert ran.code == ExitCode.DENIED and "next:" not in ran.err


def test_every_hint_names_commands_that_exist() -> None:
    paths = {" ".join(path) for path in PATHS}
    assert set(NEXT) | OWN_SCREEN <= paths
    assert set(WAITED_FOR) <= paths
    for text in NEXT.values():
        assert len(f"next: {text}") <= 80 and not text.endswith(".")
        for line in re.findall(r"`kt ([^`]+)`", text):
            for part in line.split(" | kt "):
                words = [word for word in part.split() if re.fullmatch("[a-z-]+", word)]
                path = tuple(words[:2]) if " ".join(words[:2]) in paths else tuple(words[:1])
                command = resolve(path)
                known = {name for item in command.params for name in item.opts} | {"--help"}
                assert {word for word in words if word.startswith("--")} <= known, text
                assert isinstance(command, click.Command) and path


class Scene:
    """A progress line over a clock that the test moves."""

    def __init__(self) -> None:
        self.time = 100.0
        self.stderr = io.StringIO()
        self.lock = threading.RLock()
        self.line = Progress(
            self.stderr, self.lock, lambda text: text, "the broker", now=lambda: self.time
        )

    def after(self, seconds: float) -> str:
        self.time += seconds
        self.stderr.truncate(0)
        self.stderr.seek(0)
        self.line.show()
        return self.stderr.getvalue()


def test_the_line_appears_after_a_second_and_counts() -> None:
    scene = Scene()
    assert scene.after(0.9) == ""
    assert scene.after(0.2) == f"{CLEAR}kt: 1 s, waiting for the broker"
    scene.line.called("ka10059")
    scene.line.rate = 5.0
    assert scene.after(2) == (
        f"{CLEAR}kt: 3 s, waiting for the broker: 1 answer, the last of ka10059; it takes 5 calls "
        "of a kind a second"
    )
    scene.line.called("ka10046")
    scene.line.what = "the broker's figures on 50 stocks"
    assert "waiting for the broker's figures on 50 stocks: 2 answers, the last" in scene.after(1)


def test_the_line_makes_way_for_output_and_waits_another_second() -> None:
    scene = Scene()
    scene.after(2)
    scene.line.make_way()
    assert scene.stderr.getvalue().endswith(CLEAR)
    assert scene.after(0.5) == "" and scene.after(0.6) != ""
    scene.line.stop()
    assert scene.stderr.getvalue().endswith(CLEAR) and scene.after(5) == ""


def test_the_line_is_written_only_when_it_changes() -> None:
    scene = Scene()
    assert scene.after(2) != ""
    assert scene.after(0.1) == "" and scene.after(0.9) != ""


def test_a_terminal_that_has_gone_ends_the_line() -> None:
    scene = Scene()
    scene.stderr.close()
    scene.time += 2
    scene.line.show()
    scene.line.stop()


def person(**more: Any) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    made = Console(
        more.pop("stdin", io.StringIO()), out, err,
        in_terminal=True, out_terminal=True, err_terminal=True, width=40, environ={"NO_COLOR": "1"},
    )  # fmt: skip
    return made, out, err


def test_messages_data_and_questions_come_on_a_clean_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "start", lambda self: None)
    console, out, err = person(stdin=io.StringIO("y\n"))
    with console.waiting("the broker"):
        line = console.progress
        assert line is not None
        for act in (
            lambda: console.warn("kt: a message"),
            lambda: console.show("a table\n"),
            lambda: console.ask("Buy this?"),
        ):
            line._last_output -= 5
            line.show()
            assert err.getvalue().endswith("waiting for the broker")
            act()
            assert f"waiting for the broker{CLEAR}" in err.getvalue()
        with console.waiting("the analyst"):
            assert console.progress is line and "the analyst" in line.text()
        assert "the broker" in line.text()
        line._last_output -= 5
        line.what = "x" * 100
        line.show()
        assert err.getvalue().endswith("…") and len(err.getvalue().rpartition(CLEAR)[2]) < 40
    assert console.progress is None and err.getvalue().endswith(CLEAR)
    assert out.getvalue() == "a table\n"


def test_the_line_is_drawn_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt.cli.support.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("kt.cli.support.progress.REDRAW_SECONDS", 0.001)
    console, _, err = person()
    drawn = threading.Event()
    shown = console._fitted

    def fitted(text: str) -> str:
        drawn.set()
        return shown(text)

    monkeypatch.setattr(console, "_fitted", fitted)
    with console.waiting("the broker"):
        assert drawn.wait(20)
    assert err.getvalue().endswith(CLEAR)


@pytest.mark.parametrize("missing", ["out_terminal", "err_terminal", "TERM"])
def test_no_line_without_a_terminal_that_can_erase(missing: str) -> None:
    console, _, err = person()
    if missing == "TERM":
        console.environ = {"TERM": "dumb"}
    else:
        setattr(console, missing, False)
    with console.waiting("the broker"):
        assert console.progress is None
    assert err.getvalue() == ""


def test_calls_are_counted_for_the_line(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(Progress, "called", lambda self, api_id: counted.append(api_id))
    front.rest.answers["ka10001"] = [{"stk_nm": "x"}]
    front("api", "ka10001", SAMSUNG, terminal=True, person=True)
    assert counted == ["ka10001"]
    front("api", "ka10001", SAMSUNG)
    assert counted == ["ka10001"]


def test_a_scan_of_a_closed_market_says_when_it_moves_again(front: Front) -> None:
    assert "closed" not in front("scan", "fast").err
    front.world.clock.set(front.world.clock.now().replace(hour=16, minute=10, tzinfo=KST))
    ran = front("scan", "fast")
    assert ran.code == 0
    assert ran.err.startswith(
        "kt: the market is closed (phase: idle): the figures are of its last session, new ones "
        "come from 09:00 tomorrow\n"
    )


def test_an_order_outside_the_hours_says_when_they_begin(front: Front) -> None:
    front.world.clock.set(front.world.clock.now().replace(hour=16, minute=10, tzinfo=KST))
    ran = front(*BUY)
    assert ran.code == ExitCode.DENIED
    assert ran.err.rstrip().splitlines()[-1] == (
        "kt: BUY 1 005930 삼성전자 was denied: SESSION: no orders in phase: idle (16:10:00); "
        "orders are taken from 09:00 tomorrow. See `kt help denials`."
    )


def test_an_unknown_stock_is_only_that(front: Front) -> None:
    ran = front("order", "buy", "999999", "1", "--price", "70000")
    assert ran.code == ExitCode.DENIED
    assert ran.err.rstrip().splitlines()[-1] == (
        "kt: BUY 1 999999 was denied: UNKNOWN_STOCK: 999999 is not listed. See `kt help denials`."
    )
    assert "cannot be evaluated" not in ran.err


def test_root_has_every_command_of_a_hint() -> None:
    assert {path.split()[0] for path in NEXT} <= set(root.entries)  # type: ignore[attr-defined]
