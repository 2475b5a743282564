"""Makes the pictures of the documentation from data that is the same at every run.

    python -m tests.tools.pictures           all of them
    python -m tests.tools.pictures report    one of them

The report's picture needs Chromium and a Korean font (Debian: chromium, fonts-nanum).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from kt.cli.page import html_page
from kt.steps.portfolio.period_report import period_report
from tests.fakes import World
from tests.tools import chromium, sample_days

DOCS = Path(__file__).resolve().parents[2] / "docs"
WIDTH, HEIGHT = 1000, 1660


def report(target: Path = DOCS / "report.webp") -> None:
    """The upper part of `kt report --html`: the figures, the equity and the first trades."""
    if not chromium.found():
        raise SystemExit("Chromium is missing: apt-get install chromium fonts-nanum")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        sample_days.fill(world.ctx)
        day = sample_days.OPENS.date()
        page = Path(folder) / "page.html"
        text = html_page.page(period_report(world.ctx, day, day), "red-blue")
        world.close()
        page.write_text(text, encoding="utf-8")
        with chromium.browser() as opened:
            opened.open(page, width=WIDTH, height=HEIGHT)
            target.write_bytes(opened.picture("webp"))


PICTURES: dict[str, Callable[[], None]] = {"report": report}


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
