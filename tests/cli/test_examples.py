"""Every example of help texts, topics, README and docs pages is run, on a broker in memory, with
what it names made ready: its words are understood, and it ends as it is meant to.

Each gets `--yes`, since nobody is here to be asked, and `kt init` its answers. A backtest is ended
by Ctrl-C at 09:00 of its first day, or has a day of two minutes; a sweep's trials are a formula in
place of backtests, and Ctrl-C comes after the first of ten or more. What needs a process of its
own is in `test_long_examples.py`.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import yaml

from kt.backtest.sweep import search, worker_processes
from kt.cli.support.cli_context import CliContext
from kt.errors import ExitCode
from kt.rules.calendar import is_trading_day
from tests.bar_data import DAYS, walk, write
from tests.cli.example_lines import FOUND, Example, needs_process
from tests.cli.front import Front, Ran
from tests.cli.test_compare import written
from tests.cli.test_decision_trail import a_bought_stock, sold_again
from tests.cli.test_doctor import doctor
from tests.cli.test_edges import faults
from tests.cli.test_sweep import Processes
from tests.fakes import HYNIX, SAMSUNG, unknown
from tests.store.make import DAY
from tests.tools.make_recording import PLACE as RECORDING
from tests.tools.make_recording import SETTINGS

__all__ = ["doctor"]

CONFIG = {
    "limits": {"per_stock": 20_000_000, "total": 50_000_000},
    "profiles": {"real": {"live": True}},
}
ENDS = {
    "kt status --max-age 60": ExitCode.ERROR,  # as it says of a day without `kt run`
    "kt doctor --profile real": ExitCode.ERROR,  # the journal in memory is that of sim
}
"""The exit codes of the examples that do not end in 0."""
LOOKS_BACK = re.compile(r"kt (?:log|pnl|report|latency|order list)")
INTERRUPTED = 130
FIRST = re.compile(r"^\d{4}-\d\d-\d\d 09:00$|^1 of \d\d+:")
"""The progress of a backtest, and of a sweep of ten trials or more."""
SHORT = re.compile("kt backtest.* (?:-o json|--data|--answers)")
"""The backtests that come to their end."""
MEANT = [example for example in FOUND if not needs_process(example)]


def order(front: Front) -> str:
    """The number of an order that is open; of a lost one, what the broker's own screen says."""
    if front.world.journal.orders(states=("UNKNOWN",)):
        return "0012345"
    front.world.broker.fill_at_once = False
    (sent,) = front("order", "buy", HYNIX, "1", "--price", "180000").items
    return str(sent["ord_no"])


def lost_order(front: Front) -> str:
    """The id of an order whose outcome is unknown."""
    broker = front.world.broker
    broker.outcomes, broker.taken = [unknown()], False
    (sent,) = front("order", "buy", SAMSUNG, "1", "--price", "70000").items
    broker.taken = True
    return str(sent["order_id"])


def trade(front: Front) -> None:
    """By a decision, shares are bought, and sold again with a profit."""
    front.world.broker.fill_at_once = False
    front.world.broker.held.clear()
    a_bought_stock(front)
    sold_again(front)


def near_the_market(front: Front) -> str:
    front.world.market.prices[SAMSUNG] = 76_500
    return "77000"


def trading_day(front: Front) -> str:
    """A day of the journals in place of one that could be theirs."""
    assert is_trading_day(date.fromisoformat("2026-03-03"))
    return DAY.isoformat()


def journal(name: str, front: Front) -> str:
    """A folder with the journal of a day of `sim`, and a configuration that leads to it."""
    folder = front.folder / name
    if not folder.exists():
        written(folder / "sim")
        (folder / "config.yaml").write_text(f"state_dir: {folder}\n", encoding="utf-8")
    return str(folder)


def recording(front: Front) -> str:
    (front.folder / "day.ktrec").write_bytes(RECORDING.read_bytes())
    return "day.ktrec"


def bars(front: Front) -> str:
    lines = walk(SAMSUNG, 70_000, DAYS[:2], 1, range(60, 90))
    return write(front.folder / "bars.csv", lines).name


def keys(front: Front) -> str:
    (front.folder / "keys.txt").write_text("APP-KEY-0123456789\nSECRET-KEY-9876543210\n")
    return "keys.txt"


PLACES: dict[str, str | Callable[[Front], str]] = {
    "STOCK": SAMSUNG,
    "QUANTITY": "1",
    "PRICE": "70000",
    "JSON": '{"stk_cd": "005930"}',
    "NAME": "거래량 급증",
    "NUMBER": order,
    "CHANNEL": lambda front: front.environ["HOOK"],
    "https://example.com/hook": lambda front: front.environ["HOOK"],
    "01KB2Q4F7M": lambda front: front.world.journal.decision_ids("", 1)[0],
    "77000": near_the_market,
    "2026-03-03": trading_day,
    "ID": lost_order,
    "01JD8…9XKQ": lost_order,
    "keys.txt": keys,
    "day.ktrec": recording,
    "bars.csv": bars,
    "FOLDER": partial(journal, "FOLDER"),
    "FOLDER/config.yaml": lambda front: f"{journal('FOLDER', front)}/config.yaml",
    "LIVE": partial(journal, "LIVE"),
    "BACKTEST": partial(journal, "BACKTEST"),
    "~/.local/state/kt/mock": partial(journal, "mock"),
    "one/sim/kt.db": lambda front: f"{journal('one', front)}/sim/kt.db",
    "other/sim/kt.db": lambda front: f"{journal('other', front)}/sim/kt.db",
    "postgresql+psycopg://kt@host/sweeps": lambda front: f"sqlite:///{front.folder}/sweeps.db",
}
"""What stands for a value in an example, and what makes ready what it names."""


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    """The address of a webhook that takes every notice."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


@pytest.fixture
def front(
    reachable_front: Front, doctor: Front, hook: str, monkeypatch: pytest.MonkeyPatch
) -> Front:
    """A front in which everything is ready."""
    assert doctor is reachable_front
    front = reachable_front
    front.environ |= {"KT_APP_KEY": "key", "KT_SECRET_KEY": "secret", "HOOK": hook}
    front.environ |= {"SHELL": "/bin/bash", "HOME": str(front.folder)}
    front.world.broker.fill_at_once = True
    monkeypatch.setattr(worker_processes, "WorkerProcesses", Processes)
    monkeypatch.setattr(search, "POLL_SECONDS", 0.0)
    return front


def configuration(example: Example, hook: str) -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(CONFIG)
    if SHORT.match(str(example)):
        for key, value in SETTINGS.items():
            section, _, name = key.partition(".")
            found.setdefault(section, {})[name] = yaml.safe_load(
                f"'{value}'" if ":" in value else value
            )
    if str(example).startswith("kt notify"):
        found["notify"] = {"webhook": hook}
    return found


@pytest.mark.parametrize("example", MEANT, ids=str)
def test_an_example_runs(example: Example, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.configure(yaml.safe_dump(configuration(example, front.environ["HOOK"])))
    if LOOKS_BACK.match(str(example)):
        trade(front)
    pressed = ctrl_c_after(FIRST, monkeypatch)
    ran = Ran(0, "", "")
    shown = len(example.commands) == 1 and not example.reader
    for words in example.commands:
        assert ran.code == ExitCode.DONE, ran.err
        given = [ready(front, word) for word in words]
        if words[0] == "init":
            ran = answered(front, given)
        else:
            ran = front(*given, "--yes", stdin=ran.out, terminal=shown)
        assert not faults(str(example), ran)
    code = INTERRUPTED if pressed else ENDS.get(str(example), ExitCode.DONE)
    assert ran.code == code, ran.err
    assert ran.out or ran.err or "--help" in example.commands[-1]
    example.read(ran.out)


def ready(front: Front, word: str) -> str:
    found = PLACES.get(word, word)
    return found if isinstance(found, str) else found(front)


def answered(front: Front, words: list[str]) -> Ran:
    """`kt init` for a new configuration: Enter to what it asks, and yes at the end."""
    front.environ["KT_CONFIG"] = str(front.folder / "new" / "config.yaml")
    questions = 2 if words[1:] else 3
    return front(*words, stdin="\n" * questions + "y\n", terminal=True)


def ctrl_c_after(sign: re.Pattern[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Presses it as soon as kt says this; the list has what was said then."""
    pressed: list[str] = []
    say = CliContext.say

    def saying(cli: CliContext, text: str) -> None:
        say(cli, text)
        if sign.search(text):
            pressed.append(text)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(CliContext, "say", saying)
    return pressed
