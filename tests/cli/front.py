"""The front door in one process: a command line in, streams and exit code out, over fakes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kt.analyst.replay import ReplayAnalyst
from kt.broker.rest.token import TokenStatus
from kt.broker.stream.lease import Lease
from kt.cli.entry import run
from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.config.load import profile_paths
from kt.config.secrets import AppKeys
from kt.errors import Unreachable
from kt.notify.owner import OwnerNotifier
from kt.records import KST
from kt.steps.context import Context
from tests.fakes import OPEN, FakeStream, World

MOMENT = "2026-11-23T10:00:00+09:00"
"""The time of every document: a Monday in the middle of the session."""


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["items"]
        return found


class FakeTokens:
    """A token source without a server: `login` puts a token there, `revoke` takes it away."""

    def __init__(self) -> None:
        self.keys = AppKeys("key", "secret", source="environment")
        self.kept = ""

    def token(self) -> str:
        self.kept = "TOKEN-123456"
        return self.kept

    def revoke(self) -> bool:
        had, self.kept = bool(self.kept), ""
        return had

    def status(self) -> TokenStatus:
        if not self.kept:
            return TokenStatus("", False, None, None, 0)
        return TokenStatus("TOKE…", True, OPEN + timedelta(hours=24), OPEN, 86_400)


@dataclass
class FakeReply:
    body: dict[str, Any]
    more: bool = False
    date: str = ""


class FakeRest:
    """Raw answers by API id; a list is several pages."""

    def __init__(self) -> None:
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.date = ""
        self.on_call: Callable[..., None] | None = None

    def call(self, api_id: str, body: dict[str, str] | None = None) -> FakeReply:
        self.asked.append((api_id, dict(body or {})))
        if self.on_call is not None:
            self.on_call(api_id, OPEN, 12, 200, "0", "정상")
        pages = self.answers[api_id]
        return FakeReply(pages[0], more=len(pages) > 1, date=self.date)

    def pages(self, api_id: str, body: dict[str, str] | None = None) -> Iterator[FakeReply]:
        self.asked.append((api_id, dict(body or {})))
        yield from (FakeReply(page) for page in self.answers[api_id])


class FakeApp:
    """The app's face to the commands, over the fakes of one world that outlives a command."""

    def __init__(self, front: Front, cli: CliContext) -> None:
        self.front = front
        self.config = cli.config
        self.world = front.world
        self.clock = front.world.clock
        self.journal = front.world.journal
        self.market, self.broker = front.world.market, front.world.broker
        self.analyst = front.world.analyst
        self.replaying = False
        self.token_source = front.tokens
        self.keys = front.tokens.keys
        self.rest = front.rest
        self.notifier = OwnerNotifier(
            cli.config.notify,
            cli.tell,
            {"PATH": os.defpath},
            self.clock.now,
            lambda: self.journal,
        )
        self.paths = profile_paths(cli.config)
        self.paths.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database = front.database or self.journal.path

    def context(self, command: str) -> Context:
        if self.front.broken is not None:
            raise self.front.broken
        self.front.commands.append(command)
        run_id = f"RUN{len(self.front.commands)}"
        self.journal.start_run(run_id, command, "test")
        analyst: Any = self.analyst
        if self.replaying:
            analyst = ReplayAnalyst(self.journal, analyst)
        return self.world.context(run=run_id, config=self.config, analyst=analyst)

    def lease(self) -> Lease:
        return Lease(self.paths.locks, "key", "ws://127.0.0.1:1")

    def stream(self) -> FakeStream:
        return self.front.stream

    def close(self) -> None:
        self.front.closed += 1


@dataclass
class Front:
    """Command lines over one world: orders and time go on from one to the next."""

    folder: Path
    world: World
    environ: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    tokens: FakeTokens = field(default_factory=FakeTokens)
    rest: FakeRest = field(default_factory=FakeRest)
    stream: FakeStream = field(default_factory=FakeStream)
    closed: int = 0
    database: Path | None = None
    """The file that the doctor looks at; None = the journal's own."""
    broken: Exception | None = None
    """Raised when a command wants its context."""

    def __post_init__(self) -> None:
        self.configure("")
        self.environ |= {"KT_STATE_DIR": str(self.folder / "state")}

    def configure(self, text: str) -> None:
        path = self.folder / "config.yaml"
        path.write_text(text, encoding="utf-8")
        self.environ["KT_CONFIG"] = str(path)

    def __call__(
        self,
        *arguments: str,
        stdin: str = "",
        terminal: bool = False,
        width: int = 80,
        color: bool = False,
        person: bool = False,
        stdout: io.StringIO | None = None,
        build_app: Callable[[CliContext], Any] | None = None,
    ) -> Ran:
        """Run one command line: in a pipe, or on a terminal. `person`: messages go to it too, so
        that hints and progress are shown."""
        out, err = stdout or io.StringIO(), io.StringIO()
        console = Console(
            io.TextIOWrapper(io.BytesIO(stdin.encode(errors="surrogateescape")), "utf-8"),
            out,
            err,
            in_terminal=terminal,
            out_terminal=terminal,
            err_terminal=person,
            width=width if terminal else None,
            environ=self.environ | ({} if color else {"NO_COLOR": "1"}),
        )
        cli = CliContext(
            console=console,
            environ=self.environ,
            build_app=build_app or (lambda made: FakeApp(self, made)),  # type: ignore[arg-type,return-value]
        )
        return Ran(run(arguments, cli), out.getvalue(), err.getvalue())


def document(kind: str, items: list[Any], **head: Any) -> str:
    """A document of another command, as text."""
    envelope = {
        "kt": 1,
        "kind": kind,
        "profile": "sim",
        "run": "RUN0",
        "asof": MOMENT,
        "items": items,
    }
    return json.dumps(envelope | head, ensure_ascii=False)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(KST)


GONE = Unreachable("no route to the broker", hint="Check the network.")
