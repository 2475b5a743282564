"""One connection for all kt processes of an app key, on an exchange that kicks the older login."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.day.house import SECONDS, House, Process

KT = f"{sys.executable} -m kt"


def kinds(process: Process) -> set[str]:
    return {json.loads(line)["type"] for line in process.out}


def test_watchers_a_loop_and_a_cron_run_share_it(house: House) -> None:
    scan = {"fast_keep": 5, "deep_keep": 5, "ai_keep": 2}
    house.configure(scan=scan, cycle={"fill_wait": 1800})  # a minute at this speed
    house.open("10:00", speed=30)
    first = house.start("watch", "005930", "000660")
    first.said("price", where="out")
    second = house.start("watch", "005930", "--type", "01,02")
    cron = house.start("run", "--once")
    second.said('"type":"book"', where="out")
    assert cron.wait() == 0, cron.err
    assert any("FILLED" in line for line in cron.err), "it followed its orders"
    loop = house.start("run")
    loop.said(f"stream connected follower of pid {first.pid}")
    loop.said(r"decisions? by rules")
    assert house.control.status()["sessions"] == 1
    assert not first.err and not second.err, "nobody was kicked, nothing was lost"
    assert kinds(second) == {"trade", "book"}

    first.kill()
    loop.said("stream reconnected")
    seen = len(second.out)
    second.said("reconnected")
    house.run("order", "buy", "005930", "1", "--market", "--yes", "--wait")
    loop.said("filled: BUY 삼성전자 1")
    assert len(second.out) > seen, "the watcher that is left goes on"
    assert house.control.status()["sessions"] == 1
    assert loop.end() == 0
    enough(house)
    assert second.end() == 130


def enough(house: House) -> None:
    """A reader that has read enough ends the watcher, quietly and well."""
    done = subprocess.run(
        ["bash", "-c", f"{KT} watch 005930 000660 | head -3; echo ${{PIPESTATUS[0]}}"],
        env=house.environ,
        cwd=house.folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    *lines, code = done.stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["trade"] * 3
    assert (code, done.stderr) == ("0", "")
