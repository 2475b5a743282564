"""Nothing on the path of a trading day looks past the ports at the machine's time, its randomness
or its threads, so that a backtest is the same twice (docs/virtual-clock.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

KT = Path(__file__).resolve().parent.parent / "kt"
OFF_THE_PATH = ("cli/",)
"""Commands begin and end a run; what happens inside it is below them."""

LIVE: dict[str, str] = {
    "analyst/asking.py": "waits for a model's service, which is outside any clock",
    "analyst/call.py": "a real thread around a library's request, which may hang",
    "analyst/gemini.py": "configures a library once in a process",
    "analyst/panel.py": "real threads around models' services; their answers are put in order",
    "analyst/shadow.py": "a second analyst beside a live one; a backtest has none",
    "backtest/sweep/trial_worker.py": "reads orders beside a backtest; they share nothing",
    "broker/rest/transport.py": "the socket transport; a backtest has another",
    "broker/rest/warm_connections.py": "open sockets, kept for the transport above",
    "broker/stream/connection.py": "the stream's socket",
    "broker/stream/follower.py": "the stream of another process",
    "broker/stream/leader.py": "the stream's reader thread",
    "broker/stream/live.py": "the stream's threads; a backtest has another stream",
    "broker/stream/local_protocol.py": "a local socket between processes",
    "broker/stream/local_server.py": "a local socket between processes",
    "broker/stream/stream_session.py": "the stream's socket",
    "broker/stream/subscriptions.py": "shared between the stream's threads",
    "clock.py": "the clocks of live processes",
    "config/secrets.py": "makes an account's secret once; a backtest has a fixed one",
    "ids.py": "the source of live identifiers; `drawn_from` replaces it",
    "notify/owner.py": "channels to the owner; a backtest has none",
    "ports/concurrency.py": "the door itself",
    "recording/recorder.py": "writes the file on a thread of its own, which only listens",
    "sim/control.py": "stops a served exchange",
    "sim/crash_resume.py": "a served exchange that was killed",
    "sim/exchange/core.py": "a lock for a served exchange's threads, never contended here",
    "sim/launch.py": "starts a served exchange",
    "sim/server/access_tokens.py": "the secret of its tokens, which no row or reply repeats",
    "sim/server/context.py": "idle time and control key of a served exchange",
    "sim/server/fault_middleware.py": "faults of a served exchange",
    "sim/server/http_protocol.py": "a served exchange's sockets",
    "sim/server/malformed_bodies.py": "faults of a served exchange",
    "sim/server/process.py": "a served exchange",
    "sim/server/serving.py": "a served exchange",
    "sim/server/startup.py": "a served exchange",
    "sim/server/websocket_session.py": "a served exchange's sockets",
    "steps/decide/slow_charts.py": "a lock around a dictionary, held across no wait",
    "store/connection.py": "retries while another process writes; a lock around one transaction",
    "store/writer.py": "the live journal's thread; a backtest writes inline",
}
"""Files that may use the machine's own, and why that decides nothing in a backtest."""

CALLS = {
    "time.time", "time.monotonic", "time.sleep", "time.perf_counter", "time.time_ns",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "os.urandom", "uuid.uuid4", "uuid.uuid1", "Random", "random.Random",
}  # fmt: skip
GENERATORS = {"Random", "random.Random"}
"""Raw clocks and randomness; `Random(seed)` is neither."""
MODULES = {"secrets", "threading", "queue", "asyncio", "concurrent", "multiprocessing", "uuid"}
HARMLESS = {"queue.Empty", "queue.Full", "threading.get_ident"}


def raw(tree: ast.AST) -> Iterator[str]:
    """What in this source looks past the ports."""
    modules = {"random", "time"} | MODULES
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in modules
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call | ast.Attribute | ast.Name):
            continue
        text = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        head, _, rest = text.partition(".")
        text = imported.get(head, head) + (f".{rest}" if rest else "")
        owner = text.partition(".")[0]
        called = isinstance(node, ast.Call)
        seeded = isinstance(node, ast.Call) and bool(node.args) and text in GENERATORS
        drawn = called and owner == "random" and text not in GENERATORS
        clock = text in (CALLS if called else CALLS - GENERATORS) and not seeded
        shared = not called and "." in text and owner in MODULES and text not in HARMLESS
        if drawn or clock or shared:
            yield text


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.monotonic()",
        "import time\nclock = time.time",
        "from time import sleep\nsleep(1)",
        "from datetime import datetime\ndatetime.now(KST)",
        "import random\nrandom.shuffle(found)",
        "from random import Random\nRandom().random()",
        "from random import choice\nchoice(found)",
        "import secrets\nsecrets.randbits(80)",
        "import os\nos.urandom(8)",
        "import uuid\nuuid.uuid4()",
        "import threading\nthreading.Lock()",
        "from threading import Lock\nLock()",
        "import queue\nqueue.SimpleQueue()",
    ],
)
def test_every_way_past_the_ports_is_found(source: str) -> None:
    assert list(raw(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "from random import Random\nRandom(7).random()",
        "self.clock.monotonic()",
        "concurrency.lock()",
        "import queue\ntry: get()\nexcept queue.Empty: pass",
        "from datetime import datetime\ndatetime.combine(day, at)",
    ],
)
def test_the_ports_themselves_are_allowed(source: str) -> None:
    assert not list(raw(ast.parse(source)))


def test_only_live_code_looks_past_the_ports() -> None:
    found = {}
    for path in sorted(KT.rglob("*.py")):
        place = path.relative_to(KT).as_posix()
        past = set(raw(ast.parse(path.read_text(encoding="utf-8"))))
        if past and not place.startswith(OFF_THE_PATH):
            found[place] = past
    unlisted = [f"{place}: {sorted(past)}" for place, past in found.items() if place not in LIVE]
    assert not unlisted, "\n".join(unlisted)
    assert sorted(set(LIVE) - set(found)) == [], "these need no exception"
