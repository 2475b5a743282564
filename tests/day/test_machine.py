"""A run that is stopped is not taken for one that runs; one whose files are deleted under it ends
at once, and until then the next one sees it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

from tests.day.house import House

SOON = 5.0
"""Real seconds from the loss to the end of the process."""


IMPATIENT = (
    "from kt.cli import main; from kt.cli.support import exit_watch; "
    "exit_watch.SILENT_REAL = 1.0; main()"
)
"""kt, but for the real seconds without a sign of life that it grants a run."""


def impatiently(house: House, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IMPATIENT, *argv],
        env=house.environ,
        cwd=house.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_seen_as_stopped(house: House, pid: int) -> None:
    (row,) = json.loads(impatiently(house, "status").stdout)["items"]
    assert (row["running"], row["silent"], row["pid"]) == (False, True, pid)
    assert row["heartbeat_age"] > 90
    kept_out = impatiently(house, "run", "--once", "--skip-if-running")
    assert kept_out.returncode == 1, "cron's mail must say it"
    assert f"the process {pid} (kt run) exists, but has sent no heartbeat" in kept_out.stderr
    assert f"`kill -CONT {pid}` lets a stopped one go on" in kept_out.stderr


def test_a_run_whose_folder_was_deleted_ends_and_notifies_the_owner(house: House) -> None:
    told = house.folder / "told"
    script = house.folder / "messenger.py"
    script.write_text(f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())")
    house.configure(notify={"command": f"{sys.executable} {script}"})
    house.open("10:00", speed=60)
    house.environ["KT_BASE_URL"] = house.base_url  # it goes on without its folder
    run = house.start("run")
    run.said("stream connected")
    (row,) = house.items("status")
    assert (row["running"], row["silent"], row["watched_by"][:9]) == (True, False, "run since")
    run.send(signal.SIGSTOP)
    time.sleep(91 / 60 + 0.5)
    assert_seen_as_stopped(house, run.pid)
    shutil.rmtree(house.state / "sim")
    second = house.run("run", "--once", code=1)
    assert "another kt run of this profile is active" in second.err[-1]
    run.send(signal.SIGCONT)
    assert run.wait(SOON) == 1
    lost = f"the state folder {house.state / 'sim'} was deleted or replaced"
    assert run.err[-1].startswith(f"kt: the run ended: {lost}.")
    (report,) = json.loads("".join(run.out))["items"]
    assert report["ended"] == lost and report["alarms"] == [lost]
    assert told.read_text().startswith(f"critical: kt: the run ends. {lost}")
    assert "Nobody watches what is held until `kt run` is started again" in told.read_text()
