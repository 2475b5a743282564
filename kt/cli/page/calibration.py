"""The calibration of an analyst as a picture: confidence against the share that was right."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

from kt.cli.page.elements import Element, element
from kt.translation import tr

SIZE, EDGE, LEFT = 240, 34, 44
"""Of the square, and the room for its labels, in pixels."""
TICKS = (0, 25, 50, 75, 100)


def calibration(rows: Iterable[Any]) -> Element | None:
    """One circle for each band of confidence; None when no decision counts. It is drawn with
    attributes alone, which a page without inline styles allows."""
    bands = [
        row
        for row in rows
        if row.confidence != "all" and row.hit_pct is not None and row.mean_confidence is not None
    ]
    if not bands:
        return None
    width, height = SIZE + LEFT + 16, SIZE + EDGE + 12
    parts = [_line(0, 0, 100, 100, "ideal"), *_axes(), *(_circle(row) for row in bands)]
    return element(
        "svg", *parts, class_="calibration", viewBox=f"0 0 {width} {height}",
        width=str(width), height=str(height), role="img",
    )  # fmt: skip


def _place(said: float, right: float) -> tuple[float, float]:
    """The pixels of a point in percent."""
    return LEFT + said / 100 * SIZE, 12 + SIZE - right / 100 * SIZE


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Element:
    (left, low), (right, high) = _place(x1, y1), _place(x2, y2)
    ends = {"x1": left, "y1": low, "x2": right, "y2": high}
    return element("line", class_=kind, **{name: f"{at:.1f}" for name, at in ends.items()})


def _axes() -> Iterable[Element]:
    for tick in TICKS:
        yield _line(tick, 0, tick, 100, "grid")
        yield _line(0, tick, 100, tick, "grid")
        yield _text(*_place(tick, 0), f"{tick / 100:.2g}", "middle", down=14)
        left, high = _place(0, tick)
        yield _text(left - 6, high, f"{tick}%", "end", down=4)
    yield _text(*_place(50, 0), tr("confidence"), "middle", down=30)
    yield _text(LEFT + 6, 12, tr("share that was right"), "start", down=14)


def _text(x: float, y: float, words: str, anchor: str, *, down: int) -> Element:
    return element("text", words, x=f"{x:.1f}", y=f"{y + down:.1f}", text_anchor=anchor)


def _circle(row: Any) -> Element:
    """The radius grows with the root of the number of independent decisions."""
    x, y = _place(row.mean_confidence * 100, row.hit_pct)
    told = f"{row.confidence}: {row.hit_pct:.1f}%, n {row.n:.1f}"
    radius = min(16.0, 3 + sqrt(row.n))
    title = element("title", told)
    return element(
        "circle", title, data_few=str(row.few), cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}"
    )
