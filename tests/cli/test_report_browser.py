"""The report page in a real browser, where there is one: it is drawn, it loads nothing, nothing of
the journal runs in it, and it prints."""

from __future__ import annotations

import re
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

pytestmark = pytest.mark.skipif(
    not chromium.found(), reason="no Chromium: apt-get install chromium"
)
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
    browser.forget()
    return browser


CANVASES = """[...document.querySelectorAll('[data-chart]')].map(box =>
    [...box.querySelectorAll('canvas')].some(canvas => {
        if (!canvas.width || !canvas.height) return false;
        const pen = canvas.getContext('2d');
        const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
        let line = 0;
        for (let at = 0; at < data.length; at += 4)
            line += data[at] === 91 && data[at + 1] === 75 && data[at + 2] === 196;
        return line > 100;
    }))"""
"""Whether each chart shows a line of prices or of equity, in the accent's colour."""


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
    assert (
        page.value("document.querySelectorAll('img:not(.print), iframe, object, embed').length")
        == 0
    )
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


PICTURES = """[...document.querySelectorAll('img.print')].map(img => {
    const canvas = document.createElement('canvas');
    canvas.width = img.naturalWidth;
    canvas.height = img.naturalHeight;
    const pen = canvas.getContext('2d');
    pen.drawImage(img, 0, 0);
    const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set(new Uint32Array(data.buffer));
    const white = data.filter((value, at) => at % 4 === 0 && value > 240).length * 4 / data.length;
    return [img.naturalWidth, seen.size > 20, white > 0.5];
})"""
PAPER = """[getComputedStyle(document.body).backgroundColor,
    ...[...document.querySelectorAll('[data-chart] canvas')].map(canvas =>
        [...canvas.getContext('2d').getImageData(1, 1, 1, 1).data])
        .filter(color => color[3] === 255)
        .map(color => `rgb(${color[0]}, ${color[1]}, ${color[2]})`)]"""
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(18, 22, 28)"


def test_light_and_dark_by_the_system_and_by_the_switch(page: Page, pages: Path) -> None:
    for dark, first, then in ((False, LIGHT, DARK), (True, DARK, LIGHT)):
        page.open(pages / "plain.en.html", dark=dark)
        page.picture()
        found = page.value(PAPER)
        assert found[0] == first and found.count(first) > 6, "the page and its charts"
        assert then not in found
        page.value("document.getElementById('theme').click()")
        page.picture()
        found = page.value(PAPER)
        assert found[0] == then and found.count(then) > 6 and first not in found
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
    assert len(re.findall(rb"/Subtype\s*/Image\b", pdf)) >= 6, "the charts are on paper"
    assert page.value(PICTURES) == [[680, True, True]] * 6
    assert page.value("document.documentElement.dataset.theme") is None, "the screen is as before"
    assert page.problems == []
