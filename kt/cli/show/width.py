"""Display width of text (a Hangul syllable takes two columns), shortening and wrapping."""

from __future__ import annotations

import re

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def width_of(text: str) -> int:
    """Width in terminal columns; a Hangul syllable takes two, a colour code none."""
    from wcwidth import wcswidth

    text = _COLOR.sub("", text)
    width: int = wcswidth(text)
    return width if width >= 0 else len(text)


def shorten(text: str, width: int) -> str:
    """The text within `width` columns, with an ellipsis where it was cut."""
    if width_of(text) <= width:
        return text
    kept, used = "", 1
    for letter in text:
        used += max(0, width_of(letter))
        if used > width:
            break
        kept += letter
    return kept.rstrip() + "…"


def paragraph(text: str, limit: int, indent: int = 0, taken: int = 0) -> str:
    """Text wrapped to `limit` columns (0 = unlimited), with continuation lines indented by
    `indent`, or by `taken` if that many columns of the first line are already used."""
    inset = " " * (taken or indent)
    if not limit or taken + width_of(text) <= limit:
        return text
    first, *rest = text.split() or [""]
    start = text[: len(text) - len(text.lstrip())]
    lines, line, used = [], "", taken
    for word in (start + first, *rest):
        wide = width_of(word)
        if line.strip() and used + 1 + wide > limit:
            lines.append(line)
            line, used = inset + word, len(inset) + wide
        else:
            line, used = (f"{line} {word}", used + 1 + wide) if line else (word, used + wide)
    return "\n".join([*lines, line])
