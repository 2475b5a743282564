"""The whole page: one file with its style, its scripts and its data, which loads nothing.

A Content-Security-Policy allows the style and the scripts of this very page, by their hashes, and
nothing else: no network, no inline handler, no other script (docs/report-page.md#safety).
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources

from kt.cli.page.chart_data import chart_data
from kt.cli.page.elements import Element, element, written
from kt.cli.page.sections import footer, header, sections, title
from kt.steps.portfolio.period_report import PeriodReport
from kt.text import harmless
from kt.translation import language

MARK = '<html data-kt="report"'
"""What a page of kt begins with, after the document type: only such a file is replaced."""
LIBRARY, SCRIPT, STYLE = "lightweight-charts.js", "page.js", "page.css"


def page(report: PeriodReport, palette: str) -> str:
    """The page in the language in use; `palette` are the colours of gain and loss. Texts of the
    journal are escaped, and their invisible characters shown."""
    report = harmless(report)
    data = json.dumps(chart_data(report), ensure_ascii=False, separators=(",", ":"))
    scripts = [_asset(LIBRARY), _asset(SCRIPT)]
    style = _asset(STYLE)
    return written(
        element(
            "html",
            element("head", *_meta(scripts, style), element("title", title(report))),
            element(
                "body",
                header(report),
                element("main", *sections(report)),
                footer(),
                element("script", inert(data), id="data", type="application/json"),
                *(element("script", text) for text in scripts),
            ),
            data_kt="report",
            lang=language(),
            data_palette=palette,
        )
    )


def _meta(scripts: list[str], style: str) -> list[Element]:
    allowed = " ".join(map(_hash, scripts))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return [
        element("meta", charset="utf-8"),
        Element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("style", style),
    ]


def _asset(name: str) -> str:
    return resources.files("kt.cli.page").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def inert(data: str) -> str:
    """JSON that cannot end its script element, or begin another one."""
    for sign in "<>&\u2028\u2029":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return data
