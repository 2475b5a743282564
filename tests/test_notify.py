"""The owner is notified at once and in order, and trading never waits for the command."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from kt import notify
from kt.app import App
from kt.config.model import Config, Notify
from kt.notify import OwnerNotifier

ENVIRON = {"PATH": os.defpath}


def append_to(folder: Path, after: str = "") -> str:
    """A command that writes its stdin to a file, as soon as another file is there."""
    script = folder / "messenger.py"
    script.write_text(
        "import os, sys, time\n"
        f"while not os.path.exists({str(folder / after)!r}): time.sleep(0.01)\n"
        f"open({str(folder / 'told')!r}, 'a').write(sys.stdin.read())\n"
    )
    return f"{sys.executable} {script}"


def test_the_command_gets_each_notice_on_its_stdin_in_order(tmp_path: Path) -> None:
    shown: list[str] = []
    owner = OwnerNotifier(Notify(command=append_to(tmp_path)), shown.append, ENVIRON)
    owner.notify("critical", "kt: halt", "too many errors")
    owner.notify("info", "kt: settled", "below the level")
    owner.notify("warning", "kt: 삼성전자", "held")
    owner.close()
    told = (tmp_path / "told").read_text().splitlines()
    assert told == ["critical: kt: halt. too many errors", "warning: kt: 삼성전자. held"]
    assert shown == [told[0], "info: kt: settled. below the level", told[1]]


def test_notify_does_not_wait_for_the_command_but_close_does(tmp_path: Path) -> None:
    owner = OwnerNotifier(Notify(command=append_to(tmp_path, "go")), lambda line: None, ENVIRON)
    owner.notify("critical", "kt: halt", "now")
    assert not (tmp_path / "told").exists()
    (tmp_path / "go").touch()
    owner.close()
    assert (tmp_path / "told").exists()


def test_a_command_that_fails_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    shown: list[str] = []
    owner = OwnerNotifier(Notify(command=str(tmp_path / "missing")), shown.append, ENVIRON)
    owner.notify("critical", "kt: halt", "one")
    owner.notify("critical", "kt: halt", "two")
    owner.close()
    assert sum("notify command failed" in line for line in shown) == 2


def test_a_hanging_command_is_ended_after_a_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "COMMAND_TIMEOUT", 0.3)
    shown: list[str] = []
    owner = OwnerNotifier(Notify(command=append_to(tmp_path, "never")), shown.append, ENVIRON)
    owner.notify("critical", "kt: halt", "now")
    owner.close(0.05)
    assert "may be lost" in shown[-1]
    owner.notify("critical", "kt: halt", "again")
    owner.close(5)
    assert any("notify command failed" in line for line in shown)


def test_notices_beyond_the_queue_limit_are_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "MOST_WAITING", 1)
    shown: list[str] = []
    owner = OwnerNotifier(Notify(command=append_to(tmp_path, "go")), shown.append, ENVIRON)
    for number in range(5):
        owner.notify("critical", "kt: halt", str(number))
    (tmp_path / "go").touch()
    owner.close()
    assert sum(line.startswith("critical") for line in shown) == 5
    assert any("too many notices" in line for line in shown)


def test_without_a_command_no_messenger_is_started() -> None:
    shown: list[str] = []
    owner = OwnerNotifier(Notify(), shown.append, ENVIRON)
    owner.notify("critical", "kt: halt", "now")
    owner.close()
    assert shown == ["critical: kt: halt. now"]


def test_the_command_gets_no_key(tmp_path: Path) -> None:
    """What `kt run` has in its environment, the app's notifier keeps from the command."""
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
    monkeypatch.setattr(notify, "COMMAND_TIMEOUT", 0.5)
    script = tmp_path / "messenger.sh"
    script.write_text(f"sleep 60 & echo $! > {tmp_path / 'pid'}\nwait\n")
    shown: list[str] = []
    owner = OwnerNotifier(Notify(command=f"/bin/sh {script}"), shown.append, ENVIRON)
    owner.notify("critical", "kt: halt", "now")
    owner.close(5)
    assert shown[-1] == "warning: the notify command failed: not done in 0.5 s"
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
