"""An HTTP server that answers as a test tells it, and the front door of kt before it."""

from __future__ import annotations

import http.server
import io
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from kt.cli.entry import run
from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.records import KST

APP_KEY = "Pxz9-app-key-of-forty-three-characters-long"
SECRET = "Qwy8-secret-key-of-forty-three-characters-x"
TOKENS = [f"Tkn{n}" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2 + f"-{n}" for n in range(9)]
"""Long, as the broker's are."""
SPEED = 200.0
"""Of the server's clock: pauses of kt's are as much shorter."""

ANCHOR = datetime(2026, 11, 23, 10, 0, tzinfo=KST)
"""What its clock says when it begins."""

Body = dict[str, Any]
Told = tuple[int, Body | bytes] | Body
Answer = Callable[[str, Body], Told]
"""API id and request to HTTP status and body; a body alone comes with 200. `next-key` in a body
goes out as the header it is."""


def said(code: int | str, message: str, status: int = 200) -> tuple[int, Body]:
    return status, {"return_code": code, "return_msg": message}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedBroker

    def do_GET(self) -> None:
        """The clock, as the exchange tells it."""
        status = {
            "anchor": ANCHOR.isoformat(),
            "anchor_real": self.server.began,
            "speed": SPEED,
        }
        self._send(200, status)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])) or "{}")
        api_id = self.headers.get("api-id", "")
        self.server.calls.append((api_id, body, self.headers.get("authorization", "")))
        self.server.keys.append(self.headers.get("next-key", ""))
        if api_id == "au10001":
            told: Told = self.server.issue()
        elif api_id == "au10002":
            told = {"return_code": 0, "return_msg": "정상적으로 처리되었습니다"}
        else:
            told = self.server.answer(api_id, body)
        self._send(*(told if isinstance(told, tuple) else (200, told)))

    def _send(self, status: int, body: Body | bytes) -> None:
        key = str(body.pop("next-key", "")) if isinstance(body, dict) else ""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("cont-yn", "Y" if key else "N")
        self.send_header("next-key", key)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the server's own time."""
        passed = (time.time() - self.server.began) * SPEED
        return format_datetime((ANCHOR + timedelta(seconds=passed)).astimezone(UTC), usegmt=True)

    def log_message(self, *_: object) -> None:
        """Silent."""


class ScriptedBroker(http.server.ThreadingHTTPServer):
    """`answer` is asked for everything but tokens; `calls` is what came in."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.began = time.time()
        self.calls: list[tuple[str, Body, str]] = []
        self.keys: list[str] = []
        self.answer: Answer = lambda api_id, body: {"return_code": 0}
        self.token_answer: Told | None = None
        self.issued = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> ScriptedBroker:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def issue(self) -> Told:
        if self.token_answer is not None:
            return self.token_answer
        self.issued += 1
        return {
            "expires_dt": "20261124100000", "token_type": "Bearer", "return_code": 0,
            "token": TOKENS[self.issued], "return_msg": "정상적으로 처리되었습니다",
        }  # fmt: skip

    def asked(self, api_id: str = "") -> list[Body]:
        """What was asked of one API, or of all but the tokens'."""
        return [
            body
            for name, body, _ in self.calls
            if (name == api_id if api_id else not name.startswith("au"))
        ]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Door:
    """Command lines against one server, with one state folder."""

    broker: ScriptedBroker
    folder: Path
    shown: list[str] = field(default_factory=list)
    """All that was ever printed."""

    @property
    def environ(self) -> dict[str, str]:
        return {
            "KT_STATE_DIR": str(self.folder / "state"),
            "KT_BASE_URL": self.broker.base_url,
            "KT_WS_URL": "ws://127.0.0.1:9/api/dostk/websocket",
            "KT_APP_KEY": APP_KEY,
            "KT_SECRET_KEY": SECRET,
            "KT_CONFIG": str(self.config),
            "NO_COLOR": "1",
        }

    @property
    def config(self) -> Path:
        path = self.folder / "config.yaml"
        if not path.exists():
            path.write_text("", encoding="utf-8")
        return path

    @property
    def state(self) -> Path:
        return self.folder / "state" / "sim"

    def __call__(self, *arguments: str, stdin: str = "", terminal: bool = False) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        console = Console(
            io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"), out, err,
            in_terminal=terminal, out_terminal=terminal, width=80 if terminal else None,
            environ=self.environ,
        )  # fmt: skip
        code = run(arguments, CliContext(console=console, environ=self.environ))
        self.shown += [out.getvalue(), err.getvalue()]
        return Ran(code, out.getvalue(), err.getvalue())

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Of the journal."""
        with sqlite3.connect(self.state / "kt.db") as database:
            found = database.execute(question).fetchall()
        database.close()
        return found
