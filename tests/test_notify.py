"""The owner is notified at once and in order, and trading never waits for the command."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kt.app import App
from kt.config.load import build_config
from kt.config.model import Config, Notify
from kt.errors import ConfigError, JournalError
from kt.notify import channels
from kt.notify import owner as owner_module
from kt.notify.owner import OwnerNotifier
from kt.records import KST, Delivery
from kt.translation import speaking

ENVIRON = {"PATH": os.defpath}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=KST)


class Ledger:
    """Stores deliveries, as the journal does."""

    def __init__(self) -> None:
        self.rows: list[Delivery] = []
        self.broken = False

    def delivery(self, run: str, row: Delivery) -> None:
        self._check()
        self.rows.append(row)

    def deliveries(self, since: datetime) -> tuple[Delivery, ...]:
        self._check()
        return tuple(row for row in self.rows if row.at >= since)

    def _check(self) -> None:
        if self.broken:
            raise JournalError("the disk is full")

    def outcomes(self) -> list[str]:
        return [row.outcome for row in self.rows]


def owner_of(settings: Notify, shown: list[str], **more: Any) -> OwnerNotifier:
    """A notifier at noon on a Monday, with its own store of deliveries."""
    ledger = more.pop("ledger", None) or Ledger()
    now = more.pop("now", lambda: NOON)
    return OwnerNotifier(settings, shown.append, ENVIRON, now, lambda: ledger, lambda: "R1")


def append_to(folder: Path, after: str = "") -> str:
    """A command that writes its stdin to a file, as soon as another file is there."""
    script = folder / "messenger.py"
    script.write_text(
        "import os, sys, time\n"
        f"while not os.path.exists({str(folder / after)!r}): time.sleep(0.01)\n"
        f"open({str(folder / 'told')!r}, 'a').write(sys.stdin.read())\n"
    )
    return f"{sys.executable} {script}"


def test_a_korean_owner_gets_korean_and_the_journal_keeps_english(tmp_path: Path) -> None:
    ledger = Ledger()
    with speaking("ko"):
        owner = owner_of(Notify(command=append_to(tmp_path)), [], ledger=ledger)
        owner.notify("critical", "kt: cannot log in", "ended: no permission")
        owner.close()
    assert (
        tmp_path / "told"
    ).read_text() == "critical: kt: 로그인할 수 없음. 끝남: 권한이 없습니다\n"
    assert [row.title for row in ledger.rows] == ["kt: cannot log in"]


def test_the_command_gets_each_notice_on_its_stdin_in_order(tmp_path: Path) -> None:
    shown: list[str] = []
    owner = owner_of(Notify(command=append_to(tmp_path)), shown)
    owner.notify("critical", "kt: halt", "too many errors")
    owner.notify("info", "kt: settled", "below the level")
    owner.notify("warning", "kt: 삼성전자", "held")
    owner.close()
    told = (tmp_path / "told").read_text().splitlines()
    assert told == ["critical: kt: halt. too many errors", "warning: kt: 삼성전자. held"]
    assert shown == [told[0], "info: kt: settled. below the level", told[1]]


def test_notify_does_not_wait_for_the_command_but_close_does(tmp_path: Path) -> None:
    owner = owner_of(Notify(command=append_to(tmp_path, "go")), [])
    owner.notify("critical", "kt: halt", "now")
    assert not (tmp_path / "told").exists()
    (tmp_path / "go").touch()
    owner.close()
    assert (tmp_path / "told").exists()


def test_a_command_that_fails_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    shown: list[str] = []
    owner = owner_of(Notify(command=str(tmp_path / "missing")), shown)
    owner.notify("critical", "kt: halt", "one")
    owner.notify("critical", "kt: halt", "two")
    owner.close()
    assert sum("command missing failed: " in line for line in shown) == 2


def test_a_hanging_command_is_ended_after_a_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT", 0.3)
    shown: list[str] = []
    owner = owner_of(Notify(command=append_to(tmp_path, "never")), shown)
    owner.notify("critical", "kt: halt", "now")
    owner.close(0.05)
    assert "may be lost" in shown[-1]
    owner.notify("critical", "kt: halt", "again")
    owner.close(5)
    assert any(" failed: " in line for line in shown)


def test_notices_beyond_the_queue_limit_are_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_module, "MAX_QUEUED", 1)
    shown: list[str] = []
    owner = owner_of(Notify(command=append_to(tmp_path, "go")), shown)
    for number in range(5):
        owner.notify("critical", "kt: halt", str(number))
    (tmp_path / "go").touch()
    owner.close()
    assert sum(line.startswith("critical") for line in shown) == 5
    assert any("too many notices" in line for line in shown)


def test_without_a_channel_no_delivery_thread_is_started() -> None:
    shown: list[str] = []
    owner = owner_of(Notify(), shown)
    owner.notify("critical", "kt: halt", "now")
    owner.close()
    assert shown == ["critical: kt: halt. now"]


def test_the_command_gets_no_key(tmp_path: Path) -> None:
    """The app's notifier removes the keys of `kt run` from the command's environment."""
    script = tmp_path / "messenger.py"
    script.write_text(
        "import json, os, sys\n"
        f"json.dump(dict(os.environ), open({str(tmp_path / 'told')!r}, 'w'))\n"
        "print('x' * 1000000)\n"
    )
    kept = {
        **{"PATH": os.defpath, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TZ": "Asia/Seoul"},
        **{"XDG_RUNTIME_DIR": "/run/user/1", "https_proxy": "http://proxy:3128"},
    }
    keys = {name: "secret" for name in ("KT_APP_KEY", "KT_SECRET_KEY", "GEMINI_API_KEY", "OTHER")}
    config = Config(notify=Notify(command=f"{sys.executable} {script}"), profile="mock")
    owner = App(config, kept | keys, lambda line: None).notifier
    owner.notify("critical", "kt: halt", "now")
    owner.close()
    got = json.loads((tmp_path / "told").read_text())
    assert got.items() >= {**kept, "KT_PROFILE": "mock"}.items()
    assert "secret" not in got.values() and "OTHER" not in got


def test_child_processes_of_a_hanging_command_end_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT", 0.5)
    script = tmp_path / "messenger.sh"
    script.write_text(f"sleep 60 & echo $! > {tmp_path / 'pid'}\nwait\n")
    shown: list[str] = []
    owner = owner_of(Notify(command=f"/bin/sh {script}"), shown)
    owner.notify("critical", "kt: halt", "now")
    owner.close(5)
    assert shown[-1] == "warning: command sh failed: not done in 0.5 s"
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 5
    while _lives(pid):
        assert time.monotonic() < end, "the command's own child goes on"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server on loopback that stores every body it gets, and its address."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def test_the_webhook_gets_each_notice_as_json() -> None:
    ledger = Ledger()
    with receiver() as (address, got):
        owner = owner_of(Notify(webhook=f"http://{address}/hook"), [], ledger=ledger)
        owner.notify("warning", "kt: 삼성전자", "held")
        owner.close()
    assert got == [
        {
            "profile": "",
            "level": "warning",
            "title": "kt: 삼성전자",
            "text": "held",
            "at": "2026-11-23T12:00:00+09:00",
        }
    ]
    assert [(row.channel, row.outcome) for row in ledger.rows] == [("webhook 127.0.0.1", "sent")]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_journaled_with_its_status(status: int) -> None:
    ledger, shown = Ledger(), list[str]()
    with receiver(status) as (address, got):
        owner = owner_of(Notify(webhook=f"http://{address}/token"), shown, ledger=ledger)
        owner.notify("warning", "kt: halt", "now")
        owner.close()
    assert len(got) == 1, "a redirect is not followed"
    (row,) = ledger.rows
    assert (row.outcome, row.detail) == ("failed", f"HTTP {status}")
    assert shown[-1] == f"warning: webhook 127.0.0.1 failed: HTTP {status}"


def test_an_unreachable_webhook_is_journaled_without_its_address() -> None:
    with receiver() as (address, _):
        pass
    ledger = Ledger()
    owner = owner_of(Notify(webhook=f"http://{address}/token"), [], ledger=ledger)
    owner.notify("warning", "kt: halt", "now")
    owner.close()
    (row,) = ledger.rows
    assert row.outcome == "failed" and "ConnectError" in row.detail and "token" not in row.detail


def test_a_webhook_must_use_https_except_on_loopback() -> None:
    for good in ("https://example.com/hook", "http://127.0.0.1:8000/hook"):
        assert build_config({"notify": {"webhook": good}}, {}, {}).notify.webhook == good
    with pytest.raises(ConfigError, match=r"notify\.webhook: http:// is not encrypted"):
        build_config({"notify": {"webhook": "http://example.com/hook"}}, {}, {})


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # apprise's own
def test_an_apprise_service_gets_the_notice() -> None:
    pytest.importorskip("apprise")
    ledger = Ledger()
    with receiver() as (address, got):
        urls = (f"json://{address}/", "nonsense://x")
        owner = owner_of(Notify(urls=urls), [], ledger=ledger)
        owner.notify("critical", "kt: halt", "now")
        owner.close()
    assert [(body["title"], body["message"], body["type"]) for body in got] == [
        ("critical: kt: halt", "now", "failure")
    ]
    assert [(row.channel, row.outcome, row.detail) for row in ledger.rows] == [
        ("apprise json", "sent", ""),
        ("apprise nonsense", "failed", "apprise knows no such address"),
    ]


def test_one_notice_per_title_is_delivered_within_the_group_minutes(tmp_path: Path) -> None:
    clock = [NOON]
    ledger = Ledger()
    settings = Notify(command=append_to(tmp_path), group_minutes=10)
    for minutes, title in ((0, "slow"), (1, "slow"), (2, "other"), (9, "slow"), (12, "slow")):
        clock[0] = NOON + timedelta(minutes=minutes)
        owner = owner_of(settings, [], ledger=ledger, now=lambda: clock[0])
        owner.notify("warning", title, f"at {minutes}")
        owner.close()  # another process each time, as under cron
    assert (tmp_path / "told").read_text().splitlines() == [
        "warning: slow. at 0",
        "warning: other. at 2",
        "warning: slow. at 12 (2 more of this title since 12:01)",
    ]
    assert ledger.outcomes() == ["sent", "grouped", "sent", "grouped", "sent"]


def test_a_critical_notice_is_always_delivered(tmp_path: Path) -> None:
    settings = Notify(command=append_to(tmp_path), quiet_hours="11:00-13:00")
    owner = owner_of(settings, [])
    for text in ("one", "two"):
        owner.notify("critical", "kt: halt", text)
    owner.close()
    assert len((tmp_path / "told").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("hour", "hours", "quiet"),
    [
        (23, "22:00-07:00", True),
        (3, "22:00-07:00", True),
        (7, "22:00-07:00", False),
        (12, "22:00-07:00", False),
        (12, "12:00-13:00", True),
        (13, "12:00-13:00", False),
        (12, "", False),
    ],
)
def test_a_warning_in_the_quiet_hours_is_suppressed(
    tmp_path: Path, hour: int, hours: str, quiet: bool
) -> None:
    ledger = Ledger()
    settings = Notify(command=append_to(tmp_path), quiet_hours=hours)
    owner = owner_of(settings, [], ledger=ledger, now=lambda: NOON.replace(hour=hour))
    owner.notify("warning", "slow", "now")
    owner.close()
    assert ledger.outcomes() == ["quiet" if quiet else "sent"]


def test_the_first_notice_after_the_quiet_hours_counts_the_suppressed_ones(tmp_path: Path) -> None:
    clock = [NOON]
    settings = Notify(command=append_to(tmp_path), quiet_hours="12:00-13:00")
    owner = owner_of(settings, [], now=lambda: clock[0])
    owner.notify("warning", "one", "")
    owner.notify("warning", "two", "")
    clock[0] = NOON.replace(hour=13)
    owner.notify("warning", "three", "now")
    owner.close()
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert line == (
        "warning: three. now (2 kept back in the quiet hours, see `kt log --kind notice`)"
    )


def test_a_failed_delivery_suppresses_no_other_notice(tmp_path: Path) -> None:
    ledger = Ledger()
    owner = owner_of(Notify(command="false"), [], ledger=ledger)
    for _ in range(2):
        owner.notify("warning", "slow", "now")
    owner.close()
    assert ledger.outcomes() == ["failed", "failed"]


def test_a_broken_journal_suppresses_no_notice(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.broken = True
    owner = owner_of(Notify(command=append_to(tmp_path)), [], ledger=ledger)
    owner.notify("warning", "slow", "now")
    owner.close()
    assert (tmp_path / "told").read_text() == "warning: slow. now\n"
