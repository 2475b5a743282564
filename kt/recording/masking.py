"""Hides secrets and the account's number in the lines of a recording."""

from __future__ import annotations

import json
import re

NESTED = 3
"""JSON in texts of JSON: so many times a text may have been escaped."""
SHORTEST = 8
"""Shorter secrets are words of other texts."""


class Masking:
    """Replaces by zeros, so that lengths and digits stay valid. For one thread."""

    def __init__(self, secrets: tuple[str, ...], fields: tuple[str, ...]) -> None:
        """`secrets` are texts, `fields` names of JSON fields whose text values are secret."""
        self._known: set[str] = set()
        self._hidden: dict[bytes, bytes] = {}
        names = "|".join(re.escape(name) for name in fields).encode()
        self._fields = re.compile(rb'(\\*"(?:%s)\\*"\s*:\s*\\*")([^"\\]+)' % names)
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """From now on hide this text, in each spelling that JSON has for it."""
        if len(secret) < SHORTEST or secret in self._known:
            return
        self._known.add(secret)
        for spelling in _spellings(secret):
            self._hidden[spelling] = b"0" * len(secret)
        self._hidden = dict(sorted(self._hidden.items(), key=lambda pair: -len(pair[0])))

    def masked(self, line: bytes) -> bytes:
        """The line without secrets. A value in a field that holds one is hidden in later lines
        too."""
        line = self._fields.sub(self._learn, line)
        for secret, zeros in self._hidden.items():
            if secret in line:
                line = line.replace(secret, zeros)
        return line

    def _learn(self, found: re.Match[bytes]) -> bytes:
        value = found[2].strip()
        if value.strip(b"0"):
            self.hide(value.decode(errors="replace"))
        return found[1] + b"0" * len(found[2])


def _spellings(text: str) -> set[bytes]:
    """The text, and what JSON makes of it, with or without letters beyond ASCII."""
    found = {text}
    for _ in range(NESTED):
        for escaped in tuple(found):
            for ascii_only in (True, False):
                found.add(json.dumps(escaped, ensure_ascii=ascii_only)[1:-1])
    return {spelling.encode(errors="replace") for spelling in found}
