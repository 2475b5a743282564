"""Text as people paste it, in the one form that kt compares: full-width letters, digits and signs
as ASCII, Hangul composed, every kind of blank as a space, nothing of no width."""

from __future__ import annotations

import unicodedata

_ASCII = {0xFF01 + number: 0x21 + number for number in range(0x5E)}
_BLANKS = dict.fromkeys(map(ord, "\t\n\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"), " ")
_SIGNS = {0x2212: "-", 0xFFE6: "₩"}
_NO_WIDTH: dict[int, str] = dict.fromkeys(
    map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), ""
)
"""What copying from a page or a spreadsheet brings along: soft hyphens, zero-width spaces and
joiners, marks of direction that only say how the text stood there, byte order marks."""
_TABLE = _ASCII | _BLANKS | _SIGNS | _NO_WIDTH


def folded(text: str) -> str:
    """The text in its usual form, without blanks at its ends: `７０，０００` is `70,000`, and
    Hangul in separate letters (as macOS writes file names) is composed. Other digits and
    look-alikes stay what they are, so they are refused and not guessed at."""
    return unicodedata.normalize("NFC", text.translate(_TABLE)).strip()
