"""Which stock a typed text means: a code, a name in Korean or English, initials, a part of a name.

The best kind of match decides, and only matches of that kind count: a text that is one stock's
whole name is not ambiguous because it is part of another's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice, product
from typing import NamedTuple
from unicodedata import is_normalized

from kt.rules.english_words import WORDS, spelled
from kt.rules.typed_text import folded

LONGEST = 40
"""More characters than any listed name has."""
MOST_FORMS = 64
"""Most Korean forms of an English text that are tried."""

_CODE = re.compile(r"A?([0-9][0-9A-Z]{5})")
_LOOSE = re.compile(r"[\s.\-·']+")
_PIECES = re.compile(r"[a-z]+|[^a-z]+")
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FIRST, _LAST, _PER_INITIAL = 0xAC00, 0xD7A3, 588


class StockMatch(NamedTuple):
    """A stock that a text may mean."""

    code: str
    name: str


def code_of(text: str) -> str:
    """The code that a text is in itself, with or without the exchange's A before it; "" when it is
    none. Every code of a stock begins with a digit."""
    text = folded(text)
    found = _CODE.fullmatch(text.upper()) if text.isascii() else None
    return found[1] if found else ""


def find(text: str, names: Mapping[str, str]) -> tuple[StockMatch, ...]:
    """The stocks that a text means, of `names` by code, in order of their names; one is an answer,
    several are a question."""
    wanted = folded(text)[:LONGEST]
    if not key(wanted):
        return ()
    if wanted.upper() in names:
        return (StockMatch(wanted.upper(), names[wanted.upper()]),)
    for fits in _tests(wanted):
        found = [StockMatch(code, name) for code, name in names.items() if fits(name)]
        if found:
            return tuple(sorted(found, key=lambda match: (len(match.name), match.name)))
    return ()


def _tests(wanted: str) -> Iterator[Callable[[str], bool]]:
    """The kinds of match, the best first: the whole name, the whole name in the other script, all
    initials, a part of any of them."""
    plain, forms = key(wanted), korean_forms(wanted)
    yield lambda name: key(name) == plain
    yield lambda name: korean(name) in forms
    yield lambda name: len(key(name)) == len(plain) and _at(plain, key(name), 0)
    yield (
        lambda name: (
            plain in key(name)
            or any(len(form) > 1 and form in korean(name) for form in forms)
            or begins_with_initials(plain, key(name))
        )
    )


@lru_cache(maxsize=20_000)
def key(name: str) -> str:
    """A name without what people leave out or write otherwise: blanks, dots, hyphens, capitals."""
    if name.isalnum() and is_normalized("NFKC", name):  # nearly all names, in a tenth of the time
        return name.casefold()
    return _LOOSE.sub("", folded(name).casefold())


@lru_cache(maxsize=20_000)
def korean(name: str) -> str:
    """The name in Hangul alone: `SK하이닉스` as 에스케이하이닉스, `NAVER` as 네이버."""
    return next(_forms(name))


def korean_forms(text: str) -> frozenset[str]:
    """What an English or mixed text may be in Hangul: `samsung electronics` is 삼성전자 too."""
    return frozenset(islice(_forms(text), MOST_FORMS))


def _forms(text: str) -> Iterator[str]:
    pieces = _PIECES.findall(_LOOSE.sub(" ", folded(text).casefold()))
    choices = [
        (*WORDS.get(piece, ()), spelled(piece)) if piece.isascii() and piece.isalpha()
        else (piece.replace(" ", "").replace("&", "앤"),)
        for piece in pieces
    ]  # fmt: skip
    return ("".join(parts) for parts in product(*choices))


def begins_with_initials(wanted: str, name: str) -> bool:
    """Whether the name has such a part, where a consonant stands for a syllable that begins with
    it: ㅅㅈ is in 삼성전자, 삼성ㅈ too."""
    if not any(letter in _INITIALS for letter in wanted):
        return False
    return any(_at(wanted, name, start) for start in range(len(name) - len(wanted) + 1))


def _at(wanted: str, name: str, start: int) -> bool:
    return all(
        letter == name[start + index] or letter == initial(name[start + index])
        for index, letter in enumerate(wanted)
    )


def initial(letter: str) -> str:
    """The consonant that a syllable begins with; other letters are their own."""
    number = ord(letter)
    if _FIRST <= number <= _LAST:
        return _INITIALS[(number - _FIRST) // _PER_INITIAL]
    return letter
