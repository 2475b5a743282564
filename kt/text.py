"""Sanitize external text, so that it cannot control a terminal, inject spreadsheet formulas, or
mislead a reader with invisible characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar

V = TypeVar("V")

LINE = 2_000
"""Maximum length of one displayed text, in characters."""
MESSAGE = 10_000
"""Maximum length of one message, in characters."""
CELL = 10_000
"""Maximum length of one text in a spreadsheet cell, in characters."""

_HIDDEN = (
    r"\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that are invisible or change how others are displayed: C1 controls, bidi, joiners,
fillers, line separators, lone surrogates, tags."""
_HIDES = re.compile(rf"[\x00-\x1f{_HIDDEN}]")
_HIDES_IN_LINES = re.compile(rf"[\x00-\x09\x0b-\x1f{_HIDDEN}]")
_OUR_COLOR = re.compile(r"(\x1b\[(?:0|1|2|3[1-4])m)")
_BREAKS = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
_LOOSE = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]+(?!  \S|\Z)")
_VARIANTS = re.compile(r"[\ufe00-\ufe0f]")
"""Variation selectors."""
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_MARKS = re.compile(rf"({_MARK}{{3}}){_MARK}+")
"""More than three combining marks on one letter, which can cover the lines above."""
_RIGHT_TO_LEFT = (
    r"[\u0590-\u05ff\u0606-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefe"
    r"\U00010800-\U00010fff\U0001e800-\U0001efff]+"
)
_RUN = re.compile(rf"{_RIGHT_TO_LEFT}(?: {_RIGHT_TO_LEFT})*")
_MARKUP = re.compile(r"[\\`*_\[\]<>|#~&!]")
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def visible(text: str, limit: int = LINE) -> str:
    """One line of visible characters: line breaks become spaces, `ESC` becomes `␛`, invisible
    characters become escapes like `\\u202e`; at most `limit` characters."""
    cut = _MARKS.sub(r"\1", _VARIANTS.sub("", _BREAKS.sub(" ", text[: limit + 1])))
    shown = _HIDES.sub(_sign, cut)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def one_line(text: str) -> str:
    return _BREAKS.sub(" ", text)


def sentences(text: str) -> str:
    """A message of kt that contains external text, without colours. Only lines indented by two
    columns stay separate lines, so that external text cannot imitate another message."""
    cut = text if len(text) <= MESSAGE else text[: MESSAGE - 1] + "…"
    return data(_LOOSE.sub(" ", cut))


def screen(text: str, *, colors: bool = False) -> str:
    """Text for a terminal: control characters are escaped except line ends and, with `colors`, kt's
    colours; right-to-left runs are isolated so that they do not reorder other text."""
    parts = _OUR_COLOR.split(text) if colors else [text]
    parts[::2] = [_HIDES_IN_LINES.sub(_sign, part) for part in parts[::2]]
    return _RUN.sub("\u2067\\g<0>\u2069", "".join(parts))


def steering(text: str) -> bool:
    """Whether the text contains control or invisible characters."""
    return _HIDES.search(text) is not None


def data(text: str) -> str:
    """JSON, CSV or YAML output, with control characters that its writer left in escaped."""
    return _HIDES_IN_LINES.sub(_sign, text)


def json_text(text: str) -> str:
    """The same JSON value with control and invisible characters as escapes (they occur only in
    strings)."""
    return _HIDES_IN_LINES.sub(_json_escape, text)


def yaml_text(text: str) -> str:
    """The same YAML value with such characters as escapes; the strings that contain them must be
    double-quoted."""
    return _HIDES_IN_LINES.sub(lambda found: _code(found[0]), text)


def csv_cell(text: str) -> str:
    """The text, escaped if a spreadsheet would read it as a formula."""
    shown = visible(text, CELL)
    return f"'{shown}" if _FORMULA.match(text) else shown


def harmless(value: V) -> V:
    """The same record, list or mapping with `visible` applied to every string in it."""
    return _changed(value, visible)  # type: ignore[no-any-return]


def plain_markdown(value: V) -> V:
    """The same with every text in it as Markdown that shows it and means nothing more."""
    return _changed(value, lambda text: _MARKUP.sub(r"\\\g<0>", visible(text)))  # type: ignore[no-any-return]


def encodable(value: V) -> V:
    """The same value with lone surrogates, which UTF-8 cannot encode, as escapes."""
    return _changed(value, lambda text: text.encode("utf-8", "backslashreplace").decode())  # type: ignore[no-any-return]


def json_bytes(value: Any) -> bytes:
    """Compact JSON of any value; strings with lone surrogates are escaped rather than refused."""
    import msgspec  # which `kt --help` does without

    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(encodable(value))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Enum) else change(value)
    if isinstance(value, Mapping):
        return {_changed(name, change): _changed(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_changed(part, change) for part in value)
    if hasattr(value, "__struct_fields__"):  # of msgspec, which `kt --help` does without
        from msgspec import structs

        return structs.replace(value, **_parts(value, value.__struct_fields__, change))
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        import dataclasses

        return dataclasses.replace(value, **_parts(value, value.__dataclass_fields__, change))
    return value


def _parts(value: Any, names: Iterable[str], change: Callable[[str], str]) -> dict[str, Any]:
    made = {name: _changed(getattr(value, name), change) for name in names}
    return {name: part for name, part in made.items() if part is not getattr(value, name)}


def _sign(found: re.Match[str]) -> str:
    """The symbol of a control character (U+2400 block), an escape for other characters."""
    number = ord(found[0])
    if number < 0x20:
        return chr(0x2400 + number)
    return "␡" if number == 0x7F else _code(found[0])


def _code(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def mask_account(number: str) -> str:
    """Only the last four digits: `******3210` for `9876543210`."""
    digits = re.sub(r"\D", "", number)
    return "*" * max(0, len(digits) - 4) + digits[-4:]
