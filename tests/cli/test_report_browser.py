"""The report page in a real browser, where there is one: it is drawn, it loads nothing, nothing of
the journal runs in it, and it prints."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.cli.page import html_page
from kt.steps.portfolio.period_report import period_report
from kt.translation import speaking
from tests.fakes import World
from tests.tools import chromium, sample_days
from tests.tools.chromium import Page
from tests.tools.sample_days import OPENS, WALKS

pytestmark = [
    pytest.mark.skipif(not chromium.found(), reason="no Chromium: apt-get install chromium"),
    pytest.mark.xdist_group("chromium"),
]
ATTACK = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
DAY = OPENS.date()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the day's page in English and in Korean, and that of a hostile journal."""
    folder = tmp_path_factory.mktemp("pages")
    for name, attack in (("plain", ""), ("hostile", f"=cmd|'/C calc'!A0 {ATTACK}")):
        (folder / name).mkdir()
        world = World(folder / name)
        names = {walk.code: attack for walk in WALKS} if attack else None
        sample_days.fill(world.ctx, names, reason=attack)
        report = period_report(world.ctx, DAY, DAY)
        for lang in ("en", "ko"):
            with speaking(lang):
                text = html_page.page(report, "red-blue")
            (folder / f"{name}.{lang}.html").write_text(text, encoding="utf-8")
        world.close()
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium.browser() as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    browser.problems.clear()
    browser.requests.clear()
    return browser


def colors(png: bytes) -> dict[tuple[int, int, int], int]:
    """How many pixels each colour has in a PNG as Chromium writes it (8 bits, RGB or RGBA)."""
    width, _, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and kind in (2, 6)
    data, place = b"", 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += 12 + length
    raw, size = zlib.decompress(data), 3 if kind == 2 else 4
    line, found, before = width * size, {}, bytes(width * size)
    for start in range(0, len(raw), line + 1):
        before = unfiltered(raw[start], raw[start + 1 : start + 1 + line], before, size)
        for at in range(0, line, size):
            color = (before[at], before[at + 1], before[at + 2])
            found[color] = found.get(color, 0) + 1
    return found


def unfiltered(kind: int, line: bytes, above: bytes, size: int) -> bytes:
    """One line of a PNG without its filter."""
    made = bytearray(line)
    for at, value in enumerate(line):
        left = made[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        up = above[at]
        if kind == 4:
            guess = left + up - corner
            near = min((left, up, corner), key=lambda one: abs(guess - one))
        else:
            near = (0, left, up, (left + up) // 2)[kind]
        made[at] = (value + near) & 255
    return bytes(made)


CANVASES = """[...document.querySelectorAll('[data-chart]')].map(box =>
    [...box.querySelectorAll('canvas')].some(canvas => {
        if (!canvas.width || !canvas.height) return false;
        const pen = canvas.getContext('2d');
        const seen = new Set(new Uint32Array(
            pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer));
        return seen.size > 20;
    }))"""


def test_every_chart_is_drawn_and_nothing_is_loaded(page: Page, pages: Path) -> None:
    file = pages / "plain.en.html"
    page.open(file)
    assert page.value("document.documentElement.dataset.drawn") == "6"
    assert page.value(CANVASES) == [True] * 6
    assert (page.problems, page.requests) == ([], [file.as_uri()])


def test_nothing_of_the_journal_runs(page: Page, pages: Path) -> None:
    file = pages / "hostile.en.html"
    page.open(file)
    assert page.value("document.title") == f"kt {DAY} (sim)"
    assert page.value("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert page.value("document.querySelectorAll('script').length") == 3
    assert ATTACK in page.value("document.getElementById('decisions').textContent")
    assert ATTACK in page.value("document.getElementById('risk').textContent")
    assert page.value("document.documentElement.dataset.drawn") == "6"
    assert (page.problems, page.requests) == ([], [file.as_uri()])


def test_the_policy_stops_what_would_run_or_load(page: Page, pages: Path) -> None:
    """Even a script that got in would not run, and no picture would be asked for."""
    text = (pages / "plain.en.html").read_text(encoding="utf-8")
    broken = pages / "broken.html"
    broken.write_text(text.replace("<main>", f"<main>{ATTACK}<p style='color:red'>", 1))
    page.open(broken)
    assert page.value("document.title") == f"kt {DAY} (sim)"
    assert page.requests == [broken.as_uri()]
    assert len([one for one in page.problems if "Content Security Policy" in one]) >= 3


def test_light_and_dark_by_the_system_and_by_the_switch(page: Page, pages: Path) -> None:
    seen = []
    for dark in (False, True):
        page.open(pages / "plain.en.html", dark=dark, width=900, height=700)
        seen.append(colors(page.picture()))
    page.value("document.getElementById('theme').click()")
    seen.append(colors(page.picture()))
    papers = [max(found, key=lambda color: found[color]) for found in seen]
    assert papers == [(255, 255, 255), (18, 22, 28), (255, 255, 255)]
    assert seen[2].keys() == seen[0].keys(), "the charts are repainted with the page"
    assert page.problems == []


def test_korean_is_drawn_with_letters(page: Page, pages: Path) -> None:
    page.open(pages / "plain.ko.html")
    assert page.value("document.documentElement.lang") == "ko"
    assert "실현손익" in page.value("document.body.innerText")
    assert page.value(CANVASES) == [True] * 6


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_width_makes_the_page_scroll_sideways(page: Page, pages: Path, width: int) -> None:
    page.open(pages / "plain.en.html", width=width)
    assert page.value("document.documentElement.scrollWidth") <= width
    boxes = page.value("[...document.querySelectorAll('[data-chart]')].map(b => b.clientWidth)")
    assert min(boxes) > 300


def test_it_prints_on_several_sheets_in_light_colours(page: Page, pages: Path) -> None:
    page.open(pages / "plain.en.html", dark=True)
    pdf = page.printed()
    sheets = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 3 <= sheets <= 12
    assert page.value("document.documentElement.dataset.theme") is None, "the screen is as before"
    assert page.problems == []
