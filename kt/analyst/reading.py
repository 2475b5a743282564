"""The JSON objects in a model's words, whatever stands around them.

Models think aloud, fence their JSON, wrap a list into an object, write NaN, or are cut off in the
middle. Each object that can be read is read; what had to be peeled off or left out is noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kt.text import encodable

MOST_LETTERS = 1_000_000
"""Of a reply: some hundred times what was asked for."""
MOST_OBJECTS = 1_000
LEAST_FIELDS = 3
"""Of an object among other words: a shortlist's has as many."""
MAX_NESTING = 32
"""Levels of a reply's JSON; what is asked for has two."""
TOO_DEEP = f"nested deeper than {MAX_NESTING} levels"

_TAG = re.compile(r"<(/?)(think|thinking|thoughts?|reasoning|scratchpad)>", re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\r?\n?(.*?)(?:```|~~~)", re.DOTALL)
_SIGN = re.compile(r'["{}\\]')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


class TwiceNamed(ValueError):
    """A name that occurs twice in one object: JSON allows it, and it has no one meaning."""


class TwoAnswers(ValueError):
    """Two fences that can both be read: which of them is meant?"""


@dataclass(frozen=True, slots=True)
class Read:
    """What was found; `error` is why nothing was, in words, or empty."""

    objects: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def read_text(text: str) -> Read:
    """All objects of a reply. An empty list is an answer; no list and no object is an error."""
    if not text.strip():
        return Read(error="the reply holds no text")
    if len(text) > MOST_LETTERS:
        return Read(error=f"{len(text):,} characters, more than {MOST_LETTERS:,}")
    words, notes = _without_thoughts(text.strip().lstrip("\ufeff"))
    if _depth(words) > MAX_NESTING:
        return Read(notes=tuple(notes), error=TOO_DEEP)
    try:
        found, peeled = _whole(words)
        notes += peeled
    except (RecursionError, TwoAnswers) as failure:
        why = str(failure) if isinstance(failure, TwoAnswers) else TOO_DEEP
        return Read(notes=tuple(notes), error=why)
    except ValueError as failure:
        return _salvaged(words, notes, failure)
    return _listed(found, notes)


def _depth(words: str) -> int:
    """How deep its brackets lie inside one another, those in strings left out: measured before
    anything is decoded, so that no depth can break the decoder."""
    level = deepest = 0
    for found in _BRACKET.finditer(words):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, level)
    return deepest


def _without_thoughts(text: str) -> tuple[str, list[str]]:
    """Without what the model says to itself, also when only the end of that is marked; a thought
    that never ends may hold the answer and stays."""
    kept: list[str] = []
    at, thought = 0, ""
    for tag in _TAG.finditer(text):
        ends, name = bool(tag[1]), tag[2].casefold()
        if ends and not thought:
            kept, at = [], tag.end()
        elif ends and name == thought:
            at, thought = tag.end(), ""
        elif not ends and not thought:
            kept.append(text[at : tag.start()])
            at, thought = tag.start(), name
    words = "".join([*kept, text[at:]]).strip()
    return words, ["thoughts before the answer"] if words != text else []


def _whole(words: str) -> tuple[Any, list[str]]:
    """The value that the words are, or that their only readable fence holds. Raises ValueError."""
    try:
        return _decoded(words), []
    except ValueError:
        inside = [part for part in (found.strip() for found in _FENCE.findall(words)) if part]
        values = []
        for part in inside:
            try:
                values.append(_decoded(part))
            except ValueError:
                continue
        if len(values) > 1:
            raise TwoAnswers("two answers in one reply") from None
        if not values:
            raise
        return values[0], ["a fence around the answer"]


def _decoded(text: str) -> Any:
    return encodable(json.loads(text, object_pairs_hook=_pairs))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise TwiceNamed("a name occurs twice in one object")
    return made


def _listed(found: Any, notes: list[str]) -> Read:
    """The objects of a list, of a list inside one object, or the one object."""
    if isinstance(found, dict):
        inside = [value for value in found.values() if isinstance(value, list)]
        if len(found) == 1 and len(inside) == 1:
            found, notes = inside[0], [*notes, "an object around the list"]
        else:
            found = [found]
    if not isinstance(found, list):
        return Read(notes=tuple(notes), error=f"no objects but a {type(found).__name__}")
    objects = tuple(one for one in found[:MOST_OBJECTS] if isinstance(one, dict))
    if found and not objects:
        return Read(notes=tuple(notes), error="a list of something else than objects")
    if len(objects) < len(found):
        notes = [*notes, f"{len(found) - len(objects)} of {len(found)} in the list left out"]
    return Read(objects, tuple(notes))


def _salvaged(words: str, notes: list[str], failure: ValueError) -> Read:
    """Each object that can be read by itself: of a list that is cut off, or has one bad one."""
    objects: list[dict[str, Any]] = []
    for span in _flat_objects(words):
        try:
            one = _decoded(span)
        except (ValueError, RecursionError):
            continue
        if len(one) >= LEAST_FIELDS and len(objects) < MOST_OBJECTS:
            objects.append(one)
    if not objects:
        return Read(notes=tuple(notes), error=f"not JSON: {str(failure)[:200]}")
    return Read(
        tuple(objects), (*notes, f"not JSON as a whole; {len(objects)} objects in it could be read")
    )


def _flat_objects(words: str) -> Iterator[str]:
    """Each `{…}` that holds no other, found by its brackets outside of strings."""
    start, quoted, skip = -1, False, -1
    for sign in _SIGN.finditer(words):
        at, which = sign.start(), sign[0]
        if at == skip:
            continue
        if which == "\\":
            skip = at + 1
        elif which == '"':
            quoted = not quoted and start >= 0
        elif not quoted and which == "{":
            start = at
        elif not quoted and start >= 0:
            yield words[start : at + 1]
            start = -1
