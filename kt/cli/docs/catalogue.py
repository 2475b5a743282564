"""The catalogue of translations, `kt/locale/ko.po`, brought up to date with the code's messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kt.cli.docs.extraction import messages
from kt.translation import LANGUAGES, entries

PLACE = "kt/locale"
HEADER = """# What kt says to people. `python -m kt.cli.docs --write` adds new messages and removes
# old ones; a message without a translation fails tests/test_translation.py.
#
# {{name}} is a value of the message. {{name:을/를}} adds the particle that fits the value:
# 을/를, 이/가, 은/는, 과/와, 으로/로, 이라는/라는.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""
_VALUE = re.compile(r"\{\w")


def catalogues(root: Path) -> list[tuple[Path, str]]:
    """The path and expected text of the catalogue of every language but English."""
    found = messages(root)
    return [
        (root / PLACE / f"{language}.po", _text(root / PLACE / f"{language}.po", found, language))
        for language in LANGUAGES[1:]
    ]


def _text(path: Path, found: dict[str, set[str]], language: str) -> str:
    """The messages in the order of the code, with the translations that the file has."""
    known = entries(path.read_text(encoding="utf-8")) if path.is_file() else {}
    parts = [HEADER.format(language=language)]
    for message, files in found.items():
        parts.append(f"#: {' '.join(sorted(files))}")
        if _VALUE.search(message):
            parts.append("#, python-brace-format")
        parts.append(f"msgid {_quoted(message)}\nmsgstr {_quoted(known.get(message, ''))}\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """The text as a `.po` file has it: one string a line."""
    lines = text.split("\n")
    pieces = [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    quoted = [json.dumps(piece, ensure_ascii=False) for piece in pieces]
    return quoted[0] if len(quoted) == 1 else "\n".join(['""', *quoted])
