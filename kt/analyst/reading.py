"""Extracts the JSON objects from a model's reply, whatever text surrounds them.

Models write their thoughts first, put JSON into a code fence, wrap a list in an object, write NaN,
or are cut off in the middle. Every object that can be parsed is returned; what was removed or left
out is noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kt.text import encodable

MAX_CHARACTERS = 1_000_000
"""Characters of a reply: some hundred times the usual length."""
MAX_OBJECTS = 1_000
MIN_FIELDS = 3
"""Of an object found inside other text: as many as a shortlist entry has."""
MAX_NESTING = 32
"""Levels of a reply's JSON; the requested schema has two."""
TOO_DEEP = f"nested deeper than {MAX_NESTING} levels"

_TAG = re.compile(r"<(/?)(think|thinking|thoughts?|reasoning|scratchpad)>", re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\r?\n?(.*?)(?:```|~~~)", re.DOTALL)
_SIGN = re.compile(r'["{}\\]')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


class DuplicateName(ValueError):
    """A name occurs twice in one object: JSON allows that, but the value is ambiguous."""


class AmbiguousReply(ValueError):
    """Two code fences with valid JSON: the answer is ambiguous."""


@dataclass(frozen=True, slots=True)
class Read:
    """The objects found; `error` says why there are none, or is empty."""

    objects: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def read_text(text: str) -> Read:
    """All objects of a reply. An empty list is a valid answer; neither a list nor an object is an
    error."""
    if not text.strip():
        return Read(error="the reply holds no text")
    if len(text) > MAX_CHARACTERS:
        return Read(error=f"{len(text):,} characters, more than {MAX_CHARACTERS:,}")
    words, notes = _without_thoughts(text.strip().lstrip("\ufeff"))
    if _depth(words) > MAX_NESTING:
        return Read(notes=tuple(notes), error=TOO_DEEP)
    try:
        found, removed = _whole(words)
        notes += removed
    except (RecursionError, AmbiguousReply) as failure:
        why = str(failure) if isinstance(failure, AmbiguousReply) else TOO_DEEP
        return Read(notes=tuple(notes), error=why)
    except ValueError as failure:
        return _salvaged(words, notes, failure)
    return _listed(found, notes)


def _depth(words: str) -> int:
    """The nesting depth of brackets outside strings, measured before decoding so that no depth can
    break the decoder."""
    level = deepest = 0
    for found in _BRACKET.finditer(words):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, level)
    return deepest


def _without_thoughts(text: str) -> tuple[str, list[str]]:
    """The text without the model's thoughts, even when only their closing tag is there, and the
    note about it. A thought without a closing tag stays: it may contain the answer."""
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
    """The text decoded as JSON, or else the only code fence in it that can be; and notes. Raises
    ValueError."""
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
            raise AmbiguousReply("two answers in one reply") from None
        if not values:
            raise
        return values[0], ["a fence around the answer"]


def _decoded(text: str) -> Any:
    return encodable(json.loads(text, object_pairs_hook=_pairs))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise DuplicateName("a name occurs twice in one object")
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
    objects = tuple(one for one in found[:MAX_OBJECTS] if isinstance(one, dict))
    if found and not objects:
        return Read(notes=tuple(notes), error="a list of something else than objects")
    if len(objects) < len(found):
        notes = [*notes, f"{len(found) - len(objects)} of {len(found)} in the list left out"]
    return Read(objects, tuple(notes))


def _salvaged(words: str, notes: list[str], failure: ValueError) -> Read:
    """Every object that can be parsed by itself: from a list that is cut off or has a bad entry."""
    objects: list[dict[str, Any]] = []
    for span in _flat_objects(words):
        try:
            one = _decoded(span)
        except (ValueError, RecursionError):
            continue
        if len(one) >= MIN_FIELDS and len(objects) < MAX_OBJECTS:
            objects.append(one)
    if not objects:
        return Read(notes=tuple(notes), error=f"not JSON: {str(failure)[:200]}")
    return Read(
        tuple(objects), (*notes, f"not JSON as a whole; {len(objects)} objects in it could be read")
    )


def _flat_objects(words: str) -> Iterator[str]:
    """Every `{…}` without another inside, found by the brackets outside strings."""
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
