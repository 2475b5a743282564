"""The text of kt in the language of the person who reads it.

kt speaks English inside: records, the journal and JSON hold nothing else, whatever the language.
Where text reaches a person (`kt/cli`, `kt/notify`), `tr` looks it up in the catalogue. A message
made from values is found by its pattern, `{held:,} shares of {stock_code} held`, which is the
f-string that made it; so a row that was written in English years ago reads Korean today, and code
that makes a message is a plain f-string. `kt/cli/docs/extraction.py` collects the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter

from kt.particles import with_particle

LANGUAGES = ("en", "ko")
_ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', re.MULTILINE)
_SEAM = re.compile(r'"\n"')
_FIELD = re.compile(r"\{(\w+)(?::([^}]+))?\}|\{\{|\}\}")
_NUMBER = re.compile(r"[+,0-9.<>]*[dfg]?")
_JOINED = re.compile(r"[,;] ")
_WORDS = re.compile(r"(?<![\w\0])[A-Za-z]{2,}(?![\w\0])")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d ")
_GAP = re.compile(r"( {2,})")
_CODE = re.compile(r"[A-Z][A-Z_]+\b:? ")
_BRACKETS = re.compile(r"(.*\S) \((.*)\)(\W*)", re.DOTALL)
_CODES = frozenset({
    "api_id", "base_url", "client_id", "command", "command_path", "field", "field2", "host", "key",
    "kind", "kinds", "known", "mode", "model", "near", "ord_no", "order_id", "orderstate",
    "origins", "output", "path", "profile", "profile2", "state", "stock_code", "stock_name",
    "wanted", "wrong",
})  # fmt: skip
"""Values of these names are codes and names, which are never words to translate."""
_SEPARATORS = ("\n", ". ", "; ", ": ", ", ", " = ")
_ANY = (".*?", r"[\s\S]*?")
"""A value, and one that a colon announces, which may be a list of lines."""
_MOMENT = r"(?:[A-Z][a-z]+day )?\d[\d:.T -]*\d"
_DIGITS = r"[-+]?\d(?:[\d,.]*\d)?"
_ADJACENT = re.compile(r"(\(\?P<\w+>)\.\*\?\)(?=\(\?P)")
"""A value that another follows at once: it is one word."""
_ONE_WORD = frozenset({"api_id", "client_id", "ord_no", "order_id", "stock_code"})
"""Values of these names hold no blanks."""
MAX_PATTERN = 1_000
"""Longer texts are not compared with patterns, only their parts are."""


def parts_of(english: str) -> list[tuple[str, str, str]]:
    """A pattern as (text, name of the value that follows, its format); the name is empty at the
    end."""
    return [(text, name or "", spec or "") for text, name, spec, _ in Formatter().parse(english)]


@dataclass
class Pattern:
    """A message made from values, and its translation."""

    english: str
    translated: str

    @cached_property
    def weight(self) -> int:
        """The number of its own letters: of two patterns that fit, the heavier one is meant."""
        return sum(len(text) for text, _, _ in parts_of(self.english))

    @cached_property
    def typed(self) -> Mapping[str, str]:
        """Its values that are numbers or times by their format, and what they look like."""
        return {
            name: _MOMENT if "%" in spec else _DIGITS
            for _, name, spec in parts_of(self.english)
            if "%" in spec or (spec and _NUMBER.fullmatch(spec))
        }

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """Matches the texts made by this pattern. A value ends where the words after it begin for
        the first time (atomic groups), so that no text takes long."""
        made, run, seen = "", "", set[str]()
        last = ""
        for text, name, _ in parts_of(self.english):
            literal, last = re.escape(text), text.rstrip(" ") or last
            if not made and not run and text[:1].isalpha():
                literal = f"[{text[0].lower()}{text[0].upper()}]{re.escape(text[1:])}"
            run += literal.removesuffix("\\ ") + r"(?: |(?=\n))" if text.endswith(": ") else literal
            if _WORD.search(text):
                made, run = f"{made}(?>{run})", ""
            if name in seen:
                run += f"(?P={name})"
            elif name:
                seen.add(name)
                any_ = r"\S*?" if name in _ONE_WORD else _ANY[last.endswith(":")]
                value = self.typed.get(name, any_)
                run += f"(?P<{name}>{value})"
        return re.compile(_ADJACENT.sub(r"\1[^\\s,;:(]*)", made + run))


class Catalogue:
    """The translations of one language, by their English text."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._whole: dict[str, str] = {}
        self._patterns: dict[str, list[Pattern]] = {}
        for english, translated in (*entries.items(), *_continued(entries)):
            if "{" in english and any(name for _, name, _ in parts_of(english)):
                word = max(_WORDS.findall(_FIELD.sub("\0", english)), key=len, default="")
                self._patterns.setdefault(word.lower(), []).append(
                    Pattern(english.rstrip("."), translated)
                )
            else:
                self._whole[english] = translated
                self._whole.setdefault(_normal(english), translated)
        self.shown = lru_cache(4_096)(self._shown)

    def _shown(self, text: str) -> str:
        """The text in this language; what the catalogue does not know stays English."""
        body = text.strip()
        if not _WORD.search(body):
            return text
        found = self._whole.get(body) or self._whole.get(_normal(body)) or self._by_pattern(body)
        if found is None:
            found = self._by_parts(body)
        elif body.endswith(".") and not found.endswith("."):
            found += "."
        start = text[: len(text) - len(text.lstrip())]
        return f"{start}{found}{text[len(text.rstrip()) :]}"

    def pattern(self, text: str) -> tuple[Pattern, Mapping[str, str]] | None:
        """The pattern that made this text, and its values."""
        if len(text) > MAX_PATTERN:
            return None
        words = {"", *_WORDS.findall(text.lower())}
        fitting = [one for word in words for one in self._patterns.get(word, ())]
        fitting.sort(key=lambda one: -one.weight)
        clock = _CLOCK.match(text)
        for one in fitting:
            if clock and one.expression.fullmatch(text, clock.end()):
                return None  # the time stands before a message, and is no part of it
            found = one.expression.fullmatch(text)
            if found:
                return one, found.groupdict()
        return None

    def _by_pattern(self, text: str) -> str | None:
        found = self.pattern(text.rstrip("."))
        if found is None:
            return None
        pattern, values = found
        shown = {
            name: value if name in pattern.typed or name in _CODES else self.shown(value)
            for name, value in values.items()
        }
        return fill(pattern.translated, shown)

    def _by_parts(self, text: str) -> str:
        """A text put together from several: each part that is known is translated."""
        if "  " in text and "\n" not in text:
            return "".join(self.shown(part) if " " in part else part for part in _GAP.split(text))
        head = _CLOCK.match(text) or (None if "\n" in text else _CODE.match(text))
        if head:
            return f"{self.shown(head[0])}{self.shown(text[head.end() :])}"
        if text[0] == "(" and text[-1] == ")":
            return f"({self.shown(text[1:-1])})"
        for separator in _SEPARATORS:
            if separator in text:
                return separator.join(map(self.shown, text.split(separator)))
        brackets = _BRACKETS.fullmatch(text)
        if brackets:
            return f"{self.shown(brackets[1])} ({self.shown(brackets[2])}){brackets[3]}"
        return text


def _continued(entries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The messages that continue another after a comma, without it."""
    for english, translated in entries.items():
        if _JOINED.match(english) and _JOINED.match(translated):
            yield english[2:], translated[2:]


def fill(translated: str, values: Mapping[str, str]) -> str:
    """The translation with its values; `{name:을/를}` adds the particle that fits the value."""

    def one(found: re.Match[str]) -> str:
        if not found[1]:
            return found[0][0]
        value = values[found[1]]
        return with_particle(value, found[2]) if found[2] else value

    return _FIELD.sub(one, translated).replace(": \n", ":\n")


def _normal(text: str) -> str:
    """What a text is found by: neither its first letter's case nor its full stop matters."""
    body = text.strip().rstrip(".")
    return body[:1].lower() + body[1:]


def entries(po: str) -> dict[str, str]:
    """The translations of a `.po` file by their English text, without those that are missing."""
    quoted = [_SEAM.sub("", text.strip()) for pair in _ENTRY.findall(po) for text in pair]
    import json

    texts = json.loads(f"[{','.join(quoted)}]")
    return {
        english: said
        for english, said in zip(texts[::2], texts[1::2], strict=True)
        if english and said
    }


@lru_cache
def catalogue(language: str) -> Catalogue | None:
    """The catalogue of a language, read from its file once; None for English."""
    if language not in LANGUAGES[1:]:
        return None
    file = Path(__file__).with_name("locale") / f"{language}.po"
    return Catalogue(entries(file.read_text(encoding="utf-8")))


_chosen: Callable[[], str] = lambda: "en"  # noqa: E731


def use(language: str | Callable[[], str]) -> None:
    """Choose the language of this process. A function is called when the first text is shown."""
    global _chosen  # noqa: PLW0603  as gettext does it: one process talks to one person
    _chosen = lru_cache(language) if callable(language) else lambda: language


def language() -> str:
    """The language in use: `en` or `ko`."""
    return _chosen()


@contextmanager
def speaking(language: str | Callable[[], str]) -> Iterator[None]:
    """Use a language for a while; inside, `use` may choose another."""
    global _chosen  # noqa: PLW0603
    before = _chosen
    use(language)
    try:
        yield
    finally:
        _chosen = before


def tr(text: str) -> str:
    """The text as a person reads it."""
    found = catalogue(_chosen())
    return found.shown(text) if found else text
