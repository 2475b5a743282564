"""The examples that go on until they are ended, and those of the embedded exchange: real processes
on terminals, started with the words that are printed, seen at work, and ended as a user does it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kt.sim import launch
from tests.cli.example_lines import FOUND, found_in, needs_process
from tests.cli.forged_terminal import CTRL_C, ForgedTerminal
from tests.crash.processes import Forge
from tests.tools.make_recording import PLACE as RECORDING

CONFIG = """\
simulator: {speed: 20, seed: 7}
scan: {fast_keep: 6, deep_keep: 3, ai_keep: 2}
limits: {min_confidence: 0.4}
"""
SHORT_DAY = """\
simulator: {speed: 60, seed: 7}
scan: {fast_keep: 6, deep_keep: 3, ai_keep: 2, fast_every: 60, ai_every: 60}
limits: {min_confidence: 0.4}
session:
  {start: '09:59', prepare: '10:00', open: '10:01', last_buy: '10:03', close: '10:04',
   idle: '10:05'}
"""
"""Four minutes from the opening to the end, which take as many seconds."""
FAULT = re.compile("Traceback|unexpected error")


@dataclass(frozen=True)
class Way:
    """How an example is seen at work, and how it ends: by Ctrl-C, unless it ends by itself."""

    sign: str
    code: int
    last: str = ""
    """What is shown up to its end, after the sign."""
    by_itself: bool = False
    meanwhile: str = ""
    """Another command, which makes happen what is waited for."""
    config: str = CONFIG


DECIDED = "decisions? by rules"
STARTED = f"account at the start|{DECIDED}"
"""The account is not told when the broker did not answer about it."""
FILL = Way('"kind":"fill"', 130, meanwhile="kt order buy 005930 1 --market --wait")
WAYS = {
    "kt run": Way(DECIDED, 0, "orders sent; SIGINT"),
    "kt run --dry-run": Way(DECIDED, 0, "0 orders sent; SIGINT"),
    "kt run --until-close": Way(STARTED, 0, "orders sent; SIGINT"),
    "kt run --until-close --skip-if-running": Way(STARTED, 0, "orders sent; SIGINT"),
    "kt run --until-close --record day.ktrec": Way(
        STARTED, 0, "orders sent; the trading day is over", True, config=SHORT_DAY
    ),
    "kt watch 005930 SK하이닉스": Way("strength", 130),
    "kt watch 005930 --type 0D --count 10 | jq -c '.book.bids[0]'": Way(
        '{"type":"book"', 0, r'(\n{"type":"book",.*"bids":\[\[\d.*}){9}\n$', True
    ),
    """kt log --follow | jq -c 'select(.kind == "fill")'""": FILL,
    """kt log --follow | jq -r 'select(.kind == "fill") | .stock_name'""": FILL,
    "kt api ka10171": Way(r'{"trnm":"CNSRLST","return_code":0', 0, "거래량 급증", True),
    "kt api 1h --count 5": Way(r'{"trnm":"REG","return_code":0', 130),
}
SERVED = {
    "kt sim serve": (7, 20.0, "T10:0"),
    "kt sim serve --seed 7 --speed 60 --open-at 09:00": (7, 60.0, "T09:0"),
    "kt sim serve --port 8000 --seed 7 --speed 60 --open-at 08:55": (7, 60.0, "T08:5"),
    "kt sim serve --replay day.ktrec": (7, 20.0, "2026-01-05T10:0"),
}
"""The examples that serve an exchange: its seed, its speed, the time that its clock begins at."""


STORY = {
    "kt sim start",
    "kt sim status",
    "kt sim scenario buy",
    "kt sim scenario buy --decision | kt check | kt order submit",
    "KT_CRASH_AT=place.sent kt order buy 005930 1 --price 70000",
    "kt sim scenario profit",
    "kt sim scenario stop",
    "kt sim scenario unfilled",
    "kt sim stop",
    "kt sim reset",
}
"""The examples that follow one another on one exchange."""


def test_every_example_that_needs_a_process_has_its_way() -> None:
    """A new one is to say here how it is seen at work."""
    found = {str(one) for one in FOUND if needs_process(one)}
    assert found == WAYS.keys() | SERVED.keys() | STORY


@dataclass(frozen=True)
class Scene:
    """A shell in a folder of its own, and the state folder that it uses."""

    forge: Path
    folder: Path
    state: Path

    @contextlib.contextmanager
    def started(self, line: str, config: str = CONFIG) -> Iterator[ForgedTerminal]:
        """The line's one command, or each of its pipe after the one before has ended."""
        (example,) = found_in(line)
        (self.folder / "config.yaml").write_text(config, encoding="utf-8")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "KT_STATE_DIR": str(self.state),
            "KT_CONFIG": str(self.folder / "config.yaml"),
            **dict(example.environ),
        }
        *before, last = example.commands
        document = None
        with contextlib.ExitStack() as stack:

            def start(words: tuple[str, ...], *, piped: bool) -> ForgedTerminal:
                given = (self.forge, words, environ, self.folder)
                made = ForgedTerminal(*given, piped=piped, stdin=document)
                stack.callback(made.close)
                return made

            for words in before:
                piping = start(words, piped=True)
                assert piping.ended() == 0, piping.shown
                document = self.folder / "document.json"
                document.write_text(piping.out, encoding="utf-8")
            yield start(last, piped=bool(example.reader))

    def run(self, line: str, sign: str, code: int = 0) -> None:
        """To its end, which it comes to by itself."""
        with self.started(line) as kt:
            assert kt.ended() == code, kt.shown
        assert re.search(sign, kt.shown), kt.shown


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = Forge(tmp_path_factory.mktemp("forge"))
    yield made.path
    made.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder whose exchange goes on from one example to the next."""
    folder = tmp_path_factory.mktemp("state")
    yield folder
    launch.stop(folder)


@pytest.fixture
def scene(forge: Path, state: Path, tmp_path: Path) -> Scene:
    return Scene(forge, tmp_path, state)


@pytest.fixture
def new(forge: Path, tmp_path: Path) -> Iterator[Scene]:
    """On an exchange that nobody has traded on."""
    yield Scene(forge, tmp_path, tmp_path / "state")
    launch.stop(tmp_path / "state")


@pytest.mark.parametrize("line", WAYS)
def test_a_long_example_works_until_it_is_ended(
    line: str, scene: Scene, request: pytest.FixtureRequest
) -> None:
    way = WAYS[line]
    if way.config != CONFIG:
        scene = request.getfixturevalue("new")
    with scene.started(line, way.config) as kt:
        if way.meanwhile:
            kt.until('"command":"log",.*"finished_at":null')  # its own row, the newest one
            scene.run(way.meanwhile, "FILLED")
        kt.until(way.sign)
        if not way.by_itself:
            kt.press(CTRL_C)
        assert kt.ended() == way.code, kt.shown
    assert re.search(way.last, kt.shown), kt.shown
    assert not FAULT.search(kt.shown), kt.shown
    found_in(line)[0].read(kt.out)
    assert ("--record" in line) == (scene.folder / "day.ktrec").exists()


@pytest.mark.parametrize("line", SERVED)
def test_an_example_serves_an_exchange_until_ctrl_c(line: str, new: Scene) -> None:
    shutil.copy(RECORDING, new.folder / "day.ktrec")
    with new.started(line.replace("8000", str(free_port()))) as kt:
        kt.until(r"serves http://127\.0\.0\.1:\d+ and .*\n.*Ctrl-C")
        found = launch.status(new.state)
        assert found is not None
        kt.press(CTRL_C)
        assert kt.ended() == 0, kt.shown
    seed, speed, begins = SERVED[line]
    assert (found["seed"], found["speed"]) == (seed, speed)
    assert begins in found["now"]
    assert not FAULT.search(kt.shown), kt.shown
    assert launch.status(new.state) is None


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def test_an_exchange_is_started_steered_and_stopped(new: Scene) -> None:
    told = []

    def run(line: str, sign: str, code: int = 0) -> None:
        told.append(line)
        new.run(line, sign, code)

    @contextlib.contextmanager
    def waiting(line: str) -> Iterator[ForgedTerminal]:
        told.append(line)
        with new.started(line) as kt:
            kt.until("waiting for an order to buy")
            yield kt

    run("kt sim start", r"speed +20\.0\n")
    run("kt sim status", r"running +yes\n")
    with waiting("kt sim scenario buy") as scenario:
        run("kt sim scenario buy --decision | kt check | kt order submit", "ACKED|FILLED")
        assert scenario.ended() == 0, scenario.shown
        assert "it trades at the price of the order" in scenario.shown
    run("KT_CRASH_AT=place.sent kt order buy 005930 1 --price 70000", "70,000", -signal.SIGKILL)
    new.run("kt order list --unknown", "settled: BUY 005930")
    run("kt sim scenario profit", "above the target")
    run("kt sim scenario stop", "below the stop")
    with waiting("kt sim scenario unfilled") as scenario:
        scenario.press(CTRL_C)
        assert scenario.ended() == 130, scenario.shown
    run("kt sim stop", "has stopped")
    run("kt sim reset", "was deleted")
    assert set(told) == STORY
