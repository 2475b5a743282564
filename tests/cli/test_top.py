"""kt top, driven by the toolkit's own pilot: what it shows, and what each key does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from wcwidth import wcswidth

from kt.cli.top import key_command, session
from kt.cli.top.key_command import Ended
from kt.cli.top.widgets import PanelTable
from kt.errors import ExitCode, JournalError
from kt.records import CancelTicket, OrderState, SessionNotice, StopMode, StreamState
from tests.cli import screen_scene
from tests.cli.front import GONE, Front
from tests.cli.screen_scene import NOW, running, screen, text, tick, traded, until
from tests.fakes import HYNIX, OPEN, SAMSUNG
from tests.steps import trading

Scene = Callable[[Any, Any], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def with_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def day(front: Front) -> Front:
    traded(front)
    return front


def play(front: Front, scene: Scene, size: tuple[int, int] = (120, 40), **more: Any) -> None:
    async def whole() -> None:
        async with screen(front, size, **more) as (app, pilot):
            await scene(app, pilot)

    asyncio.run(whole())


def rows(app: Any, panel: str) -> list[str]:
    """A table's rows as texts."""
    table = app.query_one(f"#{panel}", PanelTable)
    return [" ".join(str(cell) for cell in table.get_row_at(at)) for at in range(table.row_count)]


def told(app: Any) -> str:
    """What the screen itself said."""
    return "\n".join(row["text"] for row in app.told)


def test_everything_is_on_a_wide_screen(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        words = (
            "sim",
            "10:24:00 · market open · nothing runs",
            "no stop · unknown orders 0 · in doubt 0 · locked 0 · analyst rules, asked 0 times",
            "realised +4,949 unrealised +3,724  loss limit ░░░░░░░░░░░░░░ 0 of 500,000 won (0 %)",
            "no process monitors the stop and target of 3 positions",
            "1 Positions 3",
            "2 Open orders 2",
            "3 Candidates 4",
            "10:00 BUY 삼성전자 84% Buyers lead",
            "ACKED BUY 005380",
            "Enter asks for today's minutes",
            "h halt",
        )
        await until(pilot, lambda: all(each in text(app) for each in words))
        assert rows(app, "positions") == [
            "삼성전자 6 71,400 +7,424 +1.77% 66,500 77,000",
            "SK하이닉스 4 180,000 -1,640 -0.23% 171,000 198,000",
            "카카오 20 45,000 -2,060 -0.23% 42,750 49,500",
        ]
        assert rows(app, "orders") == ["BUY 현대차 3 210,500 ACKED", "SELL 삼성전자 6 71,300 ACKED"]

    play(day, scene)


@pytest.mark.parametrize(
    ("size", "lang"),
    [
        ((120, 40), "en"),
        ((120, 40), "ko"),
        ((80, 24), "en"),
        ((80, 24), "ko"),
        ((60, 14), "ko"),
        ((61, 50), "en"),
        ((200, 20), "ko"),
    ],
)
def test_it_fits(day: Front, size: tuple[int, int], lang: str) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        lines = text(app).split("\n")
        assert len(lines) == size[1]
        assert max(wcswidth(line) for line in lines) <= size[0]
        shown = "\n".join(lines)
        assert "삼성전자" in shown and "71,400" in shown
        assert ("1 보유 종목 3" if lang == "ko" else "1 Positions 3") in shown
        assert ("q 종료" if lang == "ko" else "q quit") in shown or size[0] < 80

    play(day, scene, size, lang=lang)


def test_a_narrow_screen_shows_one_panel_and_the_chart(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        assert "66,500" in text(app) and "210,500" not in text(app)
        assert "삼성전자 005930" in text(app)
        await pilot.press("2")
        assert "210,500" in text(app) and "66,500" not in text(app)
        await pilot.press("tab")
        assert "buyers lead" in text(app)
        await pilot.press("4")
        assert "Wait for the pullback" in text(app)
        await pilot.press("shift+tab", "shift+tab")
        assert "210,500" in text(app)

    play(day, scene, (80, 24))


def test_a_screen_that_is_too_small_says_so_and_grows(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        assert "needs 60 columns and 14 rows, here are 50 x 15" in " ".join(text(app).split())
        assert "71,400" not in text(app)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "71,400" in text(app) and "needs 60" not in text(app))
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "210,500" in text(app))
        await pilot.resize_terminal(100, 13)
        await until(pilot, lambda: "here are 100 x 13" in text(app))
        await pilot.press("q")

    play(day, scene, (50, 15))


def test_without_data(front: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        shown = text(app)
        assert "1 Positions 0" in shown and "no stock is chosen" in shown
        await pilot.press("enter", "s", "2", "c", "enter", "3", "enter")
        assert "choose an open order first" in told(app)

    play(front, scene)


def test_a_run_in_another_process_is_named(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        assert "run since 08:00" in text(app)
        assert "no process monitors" not in text(app)

    with running(day):
        play(day, scene)


def test_prices_are_live(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await until(pilot, lambda: app.live.state == "connected")
        assert day.stream.subscribed["0B"] >= {SAMSUNG, HYNIX}
        day.stream.say(tick(SAMSUNG, 69_000))
        day.stream.say(SessionNotice(code="2", at=NOW))
        day.stream.say(StreamState(state="lost", at=NOW))
        await until(pilot, lambda: "69,000" in text(app))
        assert "no new buys" in text(app) and "prices interrupted" in text(app)
        assert "no new buys" in text(app)
        (held,) = [row for row in app.snapshot.positions if row.stock_code == SAMSUNG]
        assert (held.price, held.value) == (69_000, 414_000) and held.profit < -6_000
        assert app.snapshot.result.unrealised == sum(row.profit for row in app.snapshot.positions)

    play(day, scene)


def test_enter_shows_details_and_asks_for_the_minutes_once(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        day.world.market.asked.clear()
        await pilot.press("enter")
        await until(pilot, lambda: app.live.minutes(SAMSUNG))
        shown = text(app)
        assert "66,500 won (-6.86%)" in shown and "foreigners +633,418" in shown
        await pilot.press("escape")
        await until(pilot, lambda: "09:00" in text(app) and "⣀" in text(app))
        assert "stop" in text(app)
        assert day.world.market.asked == [f"bars.{SAMSUNG}"]
        await pilot.press("2", "enter")
        assert "3 of 3 shares" in text(app)
        await pilot.press("escape", "3", "enter")
        assert "131.2" in text(app)

    play(day, scene, (120, 40))


def test_minutes_that_do_not_come_are_a_line(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        day.world.market.failing["bars"] = GONE
        await pilot.press("enter", "escape")
        await until(pilot, lambda: "no route to the broker" in told(app))

    play(day, scene)


def test_names_from_outside_steer_nothing(day: Front) -> None:
    day.world.journal.put_position(
        replace(trading.position(day.world), stock_name="[red]삼성\x1b[2J[/]\u202e")
    )

    async def scene(app: Any, pilot: Any) -> None:
        shown = text(app)
        assert "[red]삼성␛[2J[/]" in shown.partition("Candidates")[2]  # above the chart
        assert "\x1b" not in shown and "\u202e" not in shown
        await pilot.press("enter")
        shown = text(app)
        assert "005930 [red]삼성␛[2J[/]" in shown
        assert "\x1b" not in shown and "\u202e" not in shown

    play(day, scene, (140, 40))


def test_sorting(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await pilot.press("down", "s", "s")
        assert [row.split()[0] for row in rows(app, "positions")] == [
            "SK하이닉스", "삼성전자", "카카오",
        ]  # fmt: skip
        assert "name ▲" in text(app)
        assert app.query_one("#positions", PanelTable).chosen.stock_code == HYNIX
        await pilot.press("s")
        assert rows(app, "positions")[0].startswith("삼성전자")

    play(day, scene)


@pytest.mark.parametrize(
    ("key", "mode", "words"),
    [
        ("h", StopMode.HALT, "not even a stop-loss"),
        ("ㄱ", StopMode.REDUCE, "Stop-losses and take-profits stay active"),
    ],
)
def test_a_stop_is_set_after_a_yes(day: Front, key: str, mode: StopMode, words: str) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        for no in ("n", "escape", "ㅜ"):
            await pilot.press(key)
            assert words in text(app) and f"This runs `kt {mode}`" in text(app)
            await pilot.press("enter", no)
            assert "not confirmed; nothing was sent" in told(app)
        assert day.world.journal.stop().mode is StopMode.RUNNING
        await pilot.press(key, "y")
        await until(pilot, lambda: f" {mode.upper()} " in text(app))
        assert day.world.journal.stop().mode is mode
        assert f"`kt {mode}` is done" in told(app)
        assert not app.running

    play(day, scene)


def test_a_chosen_order_is_cancelled_by_the_command(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await pilot.press("c")
        assert "choose an open order first" in told(app)
        await pilot.press("2", "c")
        shown = " ".join(text(app).replace("│", " ").split())
        assert "order 0000106: BUY 3 shares of 005380 현대차 at 210,500." in shown
        await pilot.press("n")
        assert day.world.broker.sent == []
        await pilot.press("c", "y")
        await until(pilot, lambda: app.snapshot and len(app.snapshot.orders) == 1)
        (sent,) = day.world.broker.sent
        assert isinstance(sent, CancelTicket) and sent.ord_no == "0000106"
        (order,) = day.world.journal.orders(states=[OrderState.CANCELLED])
        assert day.commands[-1] == "order cancel" and order.stock_code == "005380"

    play(day, scene)


def test_a_refused_command_is_shown_with_its_reason(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        day.world.broker.outcomes = [screen_scene.fakes.rejected("RC4033", "취소불가")]
        await pilot.press("2", "c", "y")
        await until(pilot, lambda: "ended with exit code 8" in told(app))
        assert "RC4033" in told(app)

    play(day, scene)


def test_an_order_with_an_unknown_outcome_is_not_cancelled(day: Front) -> None:
    day.world.broker.outcomes = [screen_scene.fakes.unknown()]
    wanted = screen_scene.fakes.intent(quantity=1, price=180_000, code=HYNIX)
    checked = trading.check.check_order(day.world.ctx, wanted)
    trading.place.place(day.world.ctx, checked)

    async def scene(app: Any, pilot: Any) -> None:
        assert "unknown orders 1" in text(app) and "locked 1" in text(app)
        await pilot.press("2", "c")
        assert "cannot be cancelled now" in told(app) and app._runner.ran == []

    play(day, scene)


def test_one_command_at_a_time_and_never_on_the_thread_of_the_screen(day: Front) -> None:
    go, threads = threading.Event(), []

    def slow(command: key_command.KeyCommand) -> Ended:
        threads.append(threading.current_thread())
        go.wait(20)
        return Ended(0, "done by hand")

    async def scene(app: Any, pilot: Any) -> None:
        app._runner = slow
        await pilot.press("h", "y")
        await until(pilot, lambda: threads)
        await pilot.press("r")
        assert "`kt halt` is still at work" in told(app) and app.running == "kt halt"
        assert threads[0] is not threading.current_thread()
        go.set()
        await until(pilot, lambda: "done by hand" in told(app))
        assert app.running == ""

    play(day, scene)


def test_real_money_is_said(front: Front) -> None:
    cli = screen_scene.command_line(front)
    cli.flags.profile = "real"
    cancel = key_command.KeyCommand(("order", "cancel", "X"), "Cancel?", (), sends=True)
    assert key_command.warning(cli, cancel).startswith("REAL MONEY")
    assert key_command.warning(cli, key_command.HALT).startswith("REAL MONEY")
    cli = screen_scene.command_line(front)
    assert key_command.warning(cli, cancel) == ""
    cli = screen_scene.command_line(front)
    cli.flags.dry_run = True
    assert key_command.warning(cli, cancel) == "dry run: no order is sent"
    assert key_command.warning(cli, key_command.HALT) == ""


def test_the_warning_is_in_the_question(day: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await pilot.press("h")
        assert "REAL MONEY: this is about the real account." in text(app)

    monkeypatch.setattr(
        "kt.cli.top.key_command.warning",
        lambda *given: "REAL MONEY: this is about the real account.",
    )
    play(day, scene)


def test_trouble_is_a_line_and_passes(day: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        real = app._reader.read

        def locked() -> Any:
            raise JournalError("the database is locked", hint="Another process writes.")

        app._reader.read = locked
        await until(pilot, lambda: "the database is locked. Another process" in text(app))
        assert "71,400" in text(app)
        app._reader.read = real
        await until(pilot, lambda: "locked. Another" not in text(app))

    monkeypatch.setattr("kt.cli.top.dashboard.EVERY", 0.02)
    play(day, scene)


def test_without_a_broker_the_journal_is_shown(day: Front) -> None:
    day.stream.refuse = GONE

    async def scene(app: Any, pilot: Any) -> None:
        await until(pilot, lambda: "no route to the broker. Check the network." in text(app))
        assert "71,400" in text(app)

    play(day, scene, (140, 40))


def test_messages_of_kt_go_into_the_screen(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        app._notes.append("warning: the notifier failed")
        app._wake.set()
        await until(pilot, lambda: "the notifier failed" in told(app))

    play(day, scene)


def test_help_lists_the_keys_and_q_quits(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await pilot.press("?")
        assert "cancel the chosen order (asks first)" in text(app)
        await pilot.press("q")
        assert "asks first" not in text(app) and app.is_running
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
        assert app.ended_by == 0

    play(day, scene)


def test_ctrl_c_ends_as_an_interrupt_even_in_a_question(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        await pilot.press("h", "ctrl+c")
        await until(pilot, lambda: not app.is_running)
        assert app.ended_by == signal.SIGINT

    play(day, scene)
    assert day.stream.closed


def test_a_command_that_outlives_the_screen_is_named(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = SimpleNamespace(run=lambda: None, fault=None, running="kt halt", ended_by=0)
    monkeypatch.setattr("kt.cli.top.session.Dashboard", lambda *given: closed)
    cli = screen_scene.command_line(front)
    session.run(cli, cli.context("top"))
    said = " ".join(capsys.readouterr().err.split())
    assert said == "kt: `kt halt` is still at work; `kt log` shows how it ended"


@pytest.mark.parametrize(
    ("palette", "gain", "loss"),
    [("red-blue", "#ff6b6b", "#4dabf7"), ("green-red", "#51cf66", "#ff6b6b")],
)
def test_gains_and_losses_have_the_colours_of_the_configuration(
    day: Front, palette: str, gain: str, loss: str
) -> None:
    day.configure(f"gain_colors: {palette}\n")

    async def scene(app: Any, pilot: Any) -> None:
        table = app.query_one("#positions", PanelTable)
        styles = [str(table.get_row_at(at)[3].style) for at in (0, 1)]
        assert styles == [gain, loss]

    play(day, scene)


def test_without_colours_there_are_none(day: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(app: Any, pilot: Any) -> None:
        filters = app.get_line_filters()
        for strip in app.screen._compositor.render_strips():
            for part in strip.apply_filter(filters[-1], app.screen.styles.background):
                colors = (part.style.color, part.style.bgcolor) if part.style else ()
                assert all(color is None or color.is_default for color in colors), part
        chosen = app.query_one("#positions", PanelTable)
        assert "reverse" in str(chosen.get_component_rich_style("datatable--cursor"))

    play(day, scene, color=False)


def test_in_a_pipe_it_names_kt_watch(front: Front) -> None:
    ran = front("top")
    assert ran.code == ExitCode.USAGE and "kt watch" in ran.err and ran.out == ""
    ran = front("top", terminal=True)  # stderr is no terminal
    assert ran.code == ExitCode.USAGE and "needs a terminal" in ran.err
    ran = front("top", "-o", "json", terminal=True, person=True)
    assert ran.code == ExitCode.USAGE and "writes no documents" in ran.err


def test_without_textual_the_extra_is_named(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)
    ran = front("top", terminal=True, person=True)
    assert ran.code == ExitCode.ERROR
    told = " ".join(ran.err.split())
    assert f"{sys.executable} -m pip install 'kt[screen]'" in told and "kt watch" in told


def test_a_key_runs_a_process_with_the_flags_of_the_screen(front: Front, tmp_path: Path) -> None:
    cli = screen_scene.command_line(front)
    cli.flags.config = str(tmp_path / "config.yaml")
    run = key_command.child_process(cli)
    done = run(key_command.KeyCommand(("schema",), "", ()))
    assert (done.code, done.message) == (0, "")
    failed = run(key_command.KeyCommand(("order", "cancl", "1"), "", (), sends=True))
    assert failed.code == ExitCode.USAGE and "Did you mean kt order cancel?" in failed.message


def test_a_key_says_whom_it_acts_for(
    front: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cli = screen_scene.command_line(front)
    cli.flags.profile, cli.flags.dry_run = "mock", True
    seen: list[tuple[list[str], dict[str, Any]]] = []

    def started(words: list[str], **more: Any) -> Any:
        seen.append((words, more))
        return subprocess.CompletedProcess(words, 5, b"", "kt: 거부.\n".encode())

    monkeypatch.setattr("kt.cli.top.key_command.subprocess.run", started)
    run = key_command.child_process(cli)
    sends = key_command.KeyCommand(("order", "cancel", "X"), "", (), sends=True)
    assert run(sends) == Ended(5, "kt: 거부.")
    assert run(key_command.HALT) == Ended(5, "kt: 거부.")
    flags = ["--profile", "mock", "--lang", "en", "--dry-run"]
    first = [sys.executable, "-m", "kt"]
    assert [words for words, _ in seen] == [
        [*first, "order", "cancel", "X", *flags, "--yes"],
        [*first, "halt", *flags],
    ]
    for _, more in seen:  # a terminal that closes, or Ctrl-C, does not reach it
        assert more["start_new_session"] and more["stdin"] == subprocess.DEVNULL


def test_calls_of_all_processes_are_counted(day: Front) -> None:
    async def scene(app: Any, pilot: Any) -> None:
        for _ in range(20):
            day.world.journal.api_call("R", "ka10080", OPEN, 5, 200, "0", "")
        app._wake.set()
        await until(pilot, lambda: app.snapshot.calls > 0)

    play(day, scene)
