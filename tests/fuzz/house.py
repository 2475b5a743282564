"""Front doors for whatever comes: each input is one command line, and what it did is looked at."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from kt.analyst.gemini_body import read_gemini
from kt.analyst.reading import read_text
from kt.broker.rest.http_response import decode_body
from kt.cli.support.pipe_documents import UNREADABLE
from kt.config.load import load_config
from kt.errors import ConfigError, UnknownStock, WireError
from kt.text import steering
from tests.broker.queries import EVERY_QUERY, read
from tests.broker.test_fuzz import GOOD as BODIES
from tests.broker.test_fuzz import damage, mutate, nested, odd
from tests.cli.front import MOMENT, Front, Ran, document
from tests.fakes import HYNIX, SAMSUNG, World, buy

CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130}
"""Exit codes a shell may see."""
FRESH = 200
"""Command lines after which a world begins anew: its journal grows."""
DECISION: dict[str, Any] = {
    "action": "BUY", "stock_code": SAMSUNG, "stock_name": "삼성전자", "quantity": 10,
    "price": 70_000, "reason": "a test", "confidence": 0.9, "risk_level": "LOW",
    "decision_id": "D1", "analyst": "rules", "model": "m", "decided_at": MOMENT,
    "reference_price": 70_000, "faults": ["none"],
}  # fmt: skip
CANDIDATE: dict[str, Any] = {
    "stock_code": SAMSUNG, "stock_name": "삼성전자", "price": 70_000, "change_pct": 1.5,
    "volume": 1_000, "value": 10**10, "score": 80.0, "stage": "fast", "rankings": ["VOLUME"],
    "reasons": ["x"], "surge_pct": 1.0, "strength": 100.0, "book_ratio": 1.0, "foreign_net": 1,
    "institution_net": 1, "broker_net": 1,
}  # fmt: skip
CHECK: dict[str, Any] = {
    "side": "BUY", "stock_code": SAMSUNG, "quantity": 1, "price": 70_000, "order_type": "LIMIT",
    "origin": "pipe", "stock_name": "삼성전자", "reason": "r", "decision": DECISION,
    "passed": True, "results": [{"code": "CASH", "passed": True, "detail": "1 <= 2"}],
    "checked_at": MOMENT, "check_id": "C1", "buys_seen": 0,
}  # fmt: skip
PIPES = (
    ("decisions", DECISION, (("check",), ("order", "submit"), ("order", "submit", "--wait"))),
    ("checks", CHECK, (("order", "submit"), ("order", "submit", "--client-id", "x"))),
    ("candidates", CANDIDATE, (("analyze",), ("scan", "deep"), ("scan", "ai"))),
)
ODD_TEXT = (
    "", " ", "-", "0", "-1", "1e30", "1e999", "nan", "inf", "9" * 400, "9" * 5_000, "１０", "²",
    "\x1b[2J", "\u202e", "\ud800", "\udcff", "\x7f", "~nobody-there/x", "x" * 5_000, "/dev/null",
    "/proc/self/mem", "..", "{}", "[]", "null", "true", "0001-01-01", "9999-12-31", "24:00",
    "http://[::1", "http://a@b/#c", "https://x:99999", "javascript:alert(1)", "ws://", "http://\u2100",
    "=1+1", "%s", "{0}", "'", '"', "\\", "--", "--help", "-o", "삼성전자", SAMSUNG, "2026-11-23",
)  # fmt: skip
VARIABLES = (
    "KT_CONFIG", "KT_PROFILE", "KT_STATE_DIR", "KT_APP_KEY", "KT_SECRET_KEY", "KT_BASE_URL",
    "KT_WS_URL", "GEMINI_API_KEY", "KT_LANG", "NO_COLOR", "COLUMNS", "HOME", "XDG_CONFIG_HOME",
)  # fmt: skip
WORDS = (
    "balance", "scan", "fast", "deep", "ai", "analyze", "check", "order", "buy", "sell", "amend",
    "cancel", "list", "submit", "resolve", "pnl", "run", "--once", "status", "log", "halt",
    "reduce", "resume", "flatten", "help", "schema", "decisions", "api", "ka10001", "auth",
    "login", "watch", "--count", "1", "--for", "--price", "70000", "--market", "--client-id",
    "--open", "--all", "--unknown", "--kind", "--by", "trade", "--since", "-n", "--reason",
    "--profile", "sim", "mock", "real", "--config", "--dry-run", "--yes", "-q", "-v", "json",
    "csv", "yaml", "table", "10", "101", "--placed", "--not-placed", "--quantity", "pipes",
    "decision",
)  # fmt: skip
SHOWS = (
    ("status",), ("log", "--kind", "all"), ("pnl",), ("pnl", "--by", "trade"), ("balance",),
    ("order", "list", "--all"), ("pnl", "--decisions"), ("run", "--once"), ("halt",), ("resume",),
    ("order", "sell", SAMSUNG, "1", "--price", "70000"),
    ("order", "resolve", "101", "--not-placed"),
)  # fmt: skip


@dataclass
class Fuzz:
    """Counts what came of every input; `faults` are inputs that ended as nothing should."""

    folder: Path
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _front: Front | None = None
    _lines: int = 0

    def __post_init__(self) -> None:
        self.example = load_text()

    @property
    def front(self) -> Front:
        if self._front is None or self._lines % FRESH == 0:
            self.close()
            self._front = made(Path(tempfile.mkdtemp(dir=self.folder)))
        self._lines += 1
        return self._front

    def close(self) -> None:
        if self._front is not None:
            self._front.world.close()
            shutil.rmtree(self._front.folder)
            self._front = None

    def line(self, kind: str, *arguments: str, front: Front | None = None, **given: Any) -> Ran:
        """One command line, whose end is looked at."""
        self.done[kind] += 1
        with contextlib.redirect_stdout(io.StringIO()):  # groups' help, by click itself
            ran = (front or self.front)(*arguments, **given)
        said = ran.err.replace("\n", "").replace("\u2067", "").replace("\u2069", "")
        if "unexpected error" in ran.err or ran.code not in CODES or steering(said):
            self.faults.append(f"{kind} {arguments!r} -> {ran.code}: {ran.err[-600:]}")
        return ran

    def parsed(self, kind: str, read: Callable[[], object], *known: type[Exception]) -> None:
        """One input to a reader behind the commands, which may refuse it as `known`."""
        self.done[kind] += 1
        try:
            read()
        except known:
            return
        except Exception as error:  # noqa: BLE001  what is looked for
            self.faults.append(f"{kind}: {type(error).__name__}: {str(error)[:300]}")

    def document(self) -> None:
        chance = self.chance
        kind, good, readers = chance.choice(PIPES)
        item = json.loads(json.dumps(good))
        envelope = json.loads(document(kind, [item]))
        for _ in range(chance.randint(0, 3)):
            changed(item, chance)
        if chance.random() < 0.2:
            changed(envelope, chance)
        elif chance.random() < 0.9:
            envelope["items"] = [item] * chance.choice((1, 1, 1, 2, 3))
        with unlimited():
            text = json.dumps(envelope, ensure_ascii=chance.random() < 0.5)
        if chance.random() < 0.4:
            whole = text.encode(errors="replace").decode()
            text = damage(whole, chance).decode(errors="backslashreplace")
        if chance.random() < 0.05:
            text = text.replace('"a test"', json.dumps(nested(900)).replace(" ", "") * 2)
        output = chance.choice(("json", "csv", "yaml", "table"))
        stdin = text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
        self.line("document", *chance.choice(readers), "-o", output, stdin=stdin)

    def configuration(self) -> None:
        chance = self.chance
        lines = self.example.splitlines()
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(lines))
            key = lines[at].split(":")[0]
            lines[at] = chance.choice((
                f"{key}: {chance.choice(ODD_TEXT)}", f"{key}: &a [*a, {key}]", f"{key}: {{a: b}}",
                f"{key}: !!python/object:os.system x", lines[at] + lines[at], "  " + lines[at],
                f"{key}:\n{key}: 1", f'{key}: "\\U{chance.randrange(2**32):08x}"', "---", "? [",
                f"%YAML {chance.choice(ODD_TEXT)}", f"{key}: {'[' * 2_000}",
            ))  # fmt: skip
        text = "\n".join(lines).encode("utf-8", "surrogatepass")
        if chance.random() < 0.3:
            text = damage(text.decode(errors="replace"), chance)
        if chance.random() < 0.1:
            front = self.front
            path = front.folder / "config.yaml"
            path.write_bytes(text)
            self.line("configuration", "status", front=front)
            path.write_bytes(b"")
            return
        path = self.folder / "one.yaml"
        path.write_bytes(text)
        self.parsed("configuration", lambda: load_config(path, {}), ConfigError)

    def environment(self) -> None:
        front, chance = self.front, self.chance
        kept = dict(front.environ)
        for _ in range(chance.randint(1, 2)):
            value = chance.choice(ODD_TEXT)
            name = chance.choice(VARIABLES)
            if name == "KT_STATE_DIR":
                continue  # the fakes make it; see the tests of the real app
            front.environ[name] = value
        line = chance.choice((("status",), ("balance",), ("auth", "status"), ("check",)))
        self.line("environment", *line, front=front)
        front.environ.clear()
        front.environ.update(kept)

    def arguments(self) -> None:
        chance = self.chance
        words = [
            chance.choice(WORDS if chance.random() < 0.7 else ODD_TEXT)
            for _ in range(chance.randint(1, 6))
        ]
        if {"sim", "doctor", "init"} & {words[0]} or not harmless_line(words):
            return
        self.line("arguments", *words, terminal=chance.random() < 0.3)

    def answer(self) -> None:
        """A body of the broker's, before the client."""
        chance = self.chance
        api_id = chance.choice(list(EVERY_QUERY))
        if chance.random() < 0.5:
            body = decode_body(damage(BODIES[api_id], chance))
            if body is None:
                self.done["answer"] += 1
                return
        else:
            body = json.loads(BODIES[api_id])
            for _ in range(chance.randint(1, 4)):
                mutate(body, chance)
        self.parsed("answer", lambda: read(api_id, body), WireError, UnknownStock)

    def reply(self) -> None:
        """A model's reply, before its reader and before the decision that is made of it."""
        chance = self.chance
        good = json.dumps([DECISION, buy()], ensure_ascii=False)
        raw = damage(good, chance).decode(errors="replace")
        if chance.random() < 0.1:
            raw = chance.choice(("[" * 5_000, "9" * 5_000, "\ud800", '{"a":' * 3_000, "NaN", "{}"))
        shape = {
            "candidates": [{"content": {"parts": [{"text": raw}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1},
        }
        found: list[Any] = []
        body = json.dumps(shape).encode()
        self.parsed("reply", lambda: found.append(read_text(read_gemini(body).text)))
        if found and chance.random() < 0.2:
            front = self.front
            odd = found[0].objects or ({"stock_code": SAMSUNG},)
            one = dict(odd[0])
            changed(one, chance)
            with contextlib.suppress(*UNREADABLE, ValueError):  # what JSON cannot hold never comes
                one = msgspec.json.decode(json.dumps(one))
                front.world.analyst.answers = [{SAMSUNG: one}]
            self.line("reply", "analyze", SAMSUNG, "-o", chance.choice(("json", "table", "csv")))
            front.world.analyst.answers = [{}]

    def database(self) -> None:
        """A journal of which a cell, or some bytes, have become something else."""
        chance = self.chance
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        front = made(folder)
        try:
            for line in (("run", "--once"), ("order", "buy", HYNIX, "1", "--price", "180000")):
                front(*line)
            front.world.close()
            path = folder / "world" / "kt.db"
            if chance.random() < 0.7:
                spoil_cells(path, chance)
            else:
                spoil_bytes(path, chance)
            again = Front(folder, front.world, environ=front.environ)
            for line in chance.sample(SHOWS, 4):
                output = chance.choice(("json", "table", "csv", "yaml"))
                self.line("database", *line, "-o", output, front=again, build_app=Reopened(again))
        finally:
            with contextlib.suppress(Exception):
                front.world.close()
            shutil.rmtree(folder)


@dataclass
class Reopened:
    """The app over a journal that is opened when the command wants it."""

    front: Front

    def __call__(self, session: Any) -> Any:
        from tests.cli.front import FakeApp

        world = self.front.world
        world.journal = world.open()

        class App(FakeApp):
            def close(self) -> None:
                world.journal.close()

        return App(self.front, session)


def changed(record: dict[str, Any], chance: random.Random) -> None:
    """One field lost, or with another value."""
    if not record:
        return
    name = chance.choice(list(record))
    if chance.random() < 0.15:
        del record[name]
    elif isinstance(record[name], dict) and chance.random() < 0.7:
        changed(record[name], chance)
    else:
        record[name] = odd(chance) if chance.random() < 0.6 else chance.choice(ODD_TEXT)


class Known(dict[str, int]):
    """Prices of a market that says so when it does not know a stock."""

    def __missing__(self, code: str) -> int:
        raise UnknownStock(f"unknown stock {code}")


def made(folder: Path) -> Front:
    (folder / "world").mkdir()
    world = World(folder / "world")
    world.broker.fill_at_once = True
    world.market.prices = Known(world.market.prices)
    world.analyst.answers = [{SAMSUNG: buy()}]
    front = Front(folder, world)
    front.rest.answers = {"ka10001": [{"stk_nm": "삼성전자", "return_code": 0}]}
    return front


def harmless_line(words: list[str]) -> bool:
    """Whether a command line ends by itself, and writes into no folder but its own."""
    if "watch" in words or ("run" in words and "--once" not in words):
        return False
    return not {"-f", "--follow", "init", "doctor", "sim"} & set(words) or "--profile" in words


def load_text() -> str:
    from kt.cli.docs.example import example_config

    return "\n".join(line for line in example_config().splitlines() if line and "#" not in line)


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    import sys

    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


ODD_CELLS: tuple[Any, ...] = (
    None, "", "x", -1, 2**63 - 1, 1e308, b"\xff\xfe", "[" * 5_000, "{}", "[1]", "null",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-11-23", "{", '"\\ud800"',
    b"\x00" * 9, "NaN", 0, "FILLED", "ACKED", "\u202e", "9" * 5_000,
)  # fmt: skip


def spoil_cells(path: Path, chance: random.Random) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        tables = [
            name
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("sqlite_", "_sqlite"))
            and file.execute(f"SELECT 1 FROM {name}").fetchone()
        ]
        for _ in range(chance.randint(1, 3)):
            table = chance.choice(tables)
            columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
            value, as_text = chance.choice(ODD_CELLS), chance.random() < 0.3
            place = "CAST(? AS TEXT)" if as_text else "?"
            with contextlib.suppress(sqlite3.Error):
                file.execute(f"UPDATE {table} SET {chance.choice(columns)} = {place}", (value,))


def spoil_bytes(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 60)):
        at = chance.randrange(len(data))
        data[at : at + chance.randint(1, 8)] = bytes(
            chance.randrange(256) for _ in range(chance.randint(1, 8))
        )
    path.write_bytes(data)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
