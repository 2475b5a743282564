"""`kt top` as a process of its own, over the day of the screen's tests, for a real terminal.

python -m tests.cli.screen_process FOLDER [broken]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest import mock

from kt.cli.entry import run
from kt.cli.support.cli_context import CliContext
from kt.cli.top.dashboard import Dashboard
from tests.cli.front import FakeApp, Front
from tests.cli.screen_scene import traded
from tests.fakes import World


def main(folder: Path, *, broken: bool) -> int:
    front = Front(folder, World(folder))
    traded(front)

    def build(made: CliContext) -> Any:
        return FakeApp(front, made)

    cli = CliContext(environ=front.environ, build_app=build)
    if not broken:
        return run(["top"], cli)
    with mock.patch.object(Dashboard, "_state", side_effect=ZeroDivisionError("a defect")):
        return run(["top"], cli)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), broken="broken" in sys.argv))
