"""The picture of the live screen in docs is what the screen draws."""

from __future__ import annotations

from tests.tools.make_screen_picture import FILE, drawn


def test_the_picture_is_fresh() -> None:
    stale = FILE.read_text(encoding="utf-8") != drawn()
    assert not stale, "run: python -m tests.tools.make_screen_picture"
