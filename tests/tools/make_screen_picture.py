"""Draws docs/screen.svg, the picture of `kt top`, from a day that is always the same.

    python -m tests.tools.make_screen_picture

`tests/cli/test_top_picture.py` compares the file with what this draws.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from pathlib import Path
from unittest import mock

from tests.cli.front import Front
from tests.cli.screen_scene import picture, running, traded
from tests.fakes import World

FILE = Path(__file__).resolve().parents[2] / "docs" / "screen.svg"
SIZE = (120, 36)


def drawn() -> str:
    """The picture as SVG."""
    numbers = itertools.count(1)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("kt.ids.secrets.randbits", lambda bits: next(numbers)),
        mock.patch.dict(os.environ),
    ):
        os.environ.pop("NO_COLOR", None)
        world = World(Path(folder))
        front = Front(Path(folder), world)
        try:
            traded(front)
            with running(front):
                return asyncio.run(picture(front, SIZE, "en"))
        finally:
            world.close()


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
