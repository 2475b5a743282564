"""The Korean particle that fits a word: 삼성전자를, 종목을; 매수로, 체결로, 주문으로."""

from __future__ import annotations

import re

_AFTER = {"을": "를", "이": "가", "은": "는", "과": "와", "으로": "로", "이라는": "라는"}
"""Each particle after a consonant, and its form after a vowel."""
_TRAILING = re.compile(r"[^0-9A-Za-z가-힣%]+$")
_DIGITS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ"}
"""The final consonant of the digits that are read with one (영, 일, 삼, 육, 칠, 팔)."""
_LETTERS = {"L": "ㄹ", "M": "ㅁ", "N": "ㄴ", "R": "ㄹ"}
"""That of the capital letters that are read with one (엘, 엠, 엔, 알)."""
_SOUNDS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "ng": "ㅇ"}
"""That of the endings of English words that are read with one."""


def with_particle(word: str, pair: str) -> str:
    """The word and the form of the particle that follows its last sound. `pair` names both forms,
    as in `을/를`; punctuation at the end of the word is not read."""
    consonant, _, vowel = pair.partition("/")
    final = _final(_TRAILING.sub("", word))
    closed = bool(final) and not (consonant == "으로" and final == "ㄹ")
    return word + (consonant if closed else vowel)


def is_pair(pair: str) -> bool:
    """Whether `pair` names the two forms of one particle."""
    consonant, _, vowel = pair.partition("/")
    return bool(vowel) and _AFTER.get(consonant) == vowel


def _final(word: str) -> str:
    """The consonant that the word ends with when it is read; empty for a vowel."""
    last = word[-1:]
    if "가" <= last <= "힣":
        number = (ord(last) - ord("가")) % 28
        return "ㄹ" if number == 8 else "ㄴ" if number else ""
    return (
        _DIGITS.get(last) or _LETTERS.get(last) or _SOUNDS.get(word[-2:]) or _SOUNDS.get(last, "")
    )
