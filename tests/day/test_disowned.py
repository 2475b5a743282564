"""A run whose files are deleted under it ends at once, and until then the next one sees it."""

from __future__ import annotations

import json
import shutil
import signal
import sys

from tests.day.house import House

SOON = 5.0
"""Real seconds from the loss to the end of the process."""


def test_a_run_whose_folder_is_deleted(house: House) -> None:
    told = house.folder / "told"
    script = house.folder / "messenger.py"
    script.write_text(f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())")
    house.configure(notify={"command": f"{sys.executable} {script}"})
    house.open("10:00", speed=30)
    house.environ["KT_BASE_URL"] = house.base_url  # it goes on without its folder
    run = house.start("run")
    run.said("stream connected")
    run.send(signal.SIGSTOP)  # so that it cannot notice yet
    shutil.rmtree(house.state / "sim")
    second = house.run("run", "--once", code=1)
    assert "another kt run of this profile is at work" in second.err[-1]
    run.send(signal.SIGCONT)
    assert run.wait(SOON) == 1
    lost = f"the state folder {house.state / 'sim'} was deleted or replaced"
    assert run.err[-1].startswith(f"kt: the run ended: {lost}.")
    (report,) = json.loads("".join(run.out))["items"]
    assert report["ended"] == lost and report["alarms"] == [lost]
    assert told.read_text().startswith(f"critical: kt: the run ends. {lost}")
    assert "Nobody watches what is held until `kt run` is started again" in told.read_text()
