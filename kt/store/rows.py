"""Conversion of records to rows and back: times as ISO text in Korean time, lists and objects as
JSON in columns named `…_json`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from kt.errors import JournalError
from kt.records import KST, Record
from kt.text import json_bytes

R = TypeVar("R", bound=Record)
_UNREADABLE = (msgspec.MsgspecError, TypeError, ValueError, RecursionError)
"""What reading a damaged text raises."""
Row = dict[str, Any]
_AS_IT_IS = frozenset({str, int, float, type(None)})
"""The types of most values, which a column takes unchanged."""


def time_text(at: datetime) -> str:
    """ISO 8601 with +09:00; the texts sort in order of time."""
    return (at if at.tzinfo is KST else at.astimezone(KST)).isoformat()


def day_text(day: date) -> str:
    return day.isoformat()


def day_of(at: datetime) -> str:
    """The Korean calendar day of a time."""
    return at.astimezone(KST).date().isoformat()


def to_row(record: Record, *, leave_out: tuple[str, ...] = (), **more: Any) -> Row:
    """A record's fields as columns, and the columns in `more`."""
    row: Row = {}
    for name in record.__struct_fields__:
        if name in leave_out:
            continue
        value = getattr(record, name)
        if type(value) in _AS_IT_IS:
            row[name] = value
        elif isinstance(value, tuple | list | dict):
            row[f"{name}_json"] = json_text(value)
        else:
            row[name] = _column(value)
    row.update(more)
    return row


def from_row(row: Mapping[str, Any], kind: type[R]) -> R:
    """The record in a row; columns that are not its fields are ignored.

    Raises JournalError for a row that is not a valid record.
    """
    values: Row = {}
    try:
        for name in kind.__struct_fields__:
            if name in row:
                values[name] = row[name]
            elif f"{name}_json" in row:
                text = row[f"{name}_json"]
                values[name] = None if text is None else msgspec.json.decode(text)
        return _with_zones(msgspec.convert(values, kind, strict=False))
    except _UNREADABLE as error:
        raise JournalError(
            f"a row of the journal is not a valid {kind.__name__} (seq {row.get('seq')}): {error}",
            hint="it was edited manually, or the file is damaged: run `kt doctor`",
            code="ROW",
        ) from error


@lru_cache(maxsize=4_096)
def _same_record(kind: type[R], names: tuple[str, ...], values: tuple[Any, ...]) -> R:
    return from_row(dict(zip(names, values, strict=True)), kind)


def same_from_row(row: Mapping[str, Any], kind: type[R]) -> R:
    """As `from_row`, for records that nobody can change: equal rows are one record, which is made
    once. The account's rows are read again and again."""
    found: R = _same_record(kind, tuple(row), tuple(row.values()))
    return found


def _with_zones(record: R) -> R:
    """The record. Raises ValueError for a time without an offset, which cannot be compared."""
    for name in _times_of(type(record)):
        value = getattr(record, name)
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{name} {value} has no offset from UTC")
    return record


@cache
def _times_of(kind: type[Record]) -> tuple[str, ...]:
    """The fields of a record that hold a time."""
    hints = get_type_hints(kind)
    return tuple(
        name for name in kind.__struct_fields__ if datetime in (hints[name], *get_args(hints[name]))
    )


def time_of(text: object) -> datetime:
    """The time that `time_text` wrote, or the midnight of a day that `day_text` wrote.

    Raises JournalError for anything else.
    """
    try:
        at = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _damaged(f"a time of the journal cannot be read: {str(text)[:40]!r}") from error
    return at if at.tzinfo else at.replace(tzinfo=KST)


def json_value(text: Any) -> Any:
    """The plain value that `json_text` wrote. Raises JournalError for a text that is no JSON."""
    try:
        return msgspec.json.decode(text)
    except _UNREADABLE as error:
        raise _damaged(f"a text of the journal is no JSON: {error}") from error


def _damaged(message: str) -> JournalError:
    return JournalError(message, hint="the file is damaged: run `kt doctor`", code="ROW")


def packed(text: str) -> bytes:
    """A text as the journal keeps it where it may be long (zlib); nothing for an empty one."""
    return zlib.compress(text.encode()) if text else b""


def unpacked(data: bytes) -> str:
    """The text that `packed` was given. Raises JournalError where the file is damaged."""
    try:
        return zlib.decompress(data).decode() if data else ""
    except (zlib.error, UnicodeDecodeError, TypeError) as error:
        raise _damaged(f"a packed text of the journal cannot be read: {error}") from error


def json_text(value: Any) -> str:
    """Compact JSON with unescaped Korean; nested records become objects."""
    return json_bytes(value).decode()


def from_json(text: str, kind: type[R]) -> R:
    """The record that `json_text` was given. Raises JournalError for any other text."""
    try:
        return msgspec.json.decode(text, type=kind)
    except _UNREADABLE as error:
        raise JournalError(
            f"a text of the journal is no {kind.__name__}: {error}",
            hint="another version of kt wrote it, or the file is damaged: run `kt doctor`",
            code="ROW",
        ) from error


def _column(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return day_text(value)
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value


def insert_sql(table: str, row: Row, *, verb: str = "INSERT", then: str = "") -> str:
    """An INSERT of named parameters for one row."""
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    return f"{verb} INTO {table} ({names}) VALUES ({places}) {then}".strip()


def update_all(row: Row, key: str) -> str:
    """The ON CONFLICT clause that replaces every column but the key."""
    sets = ", ".join(f"{name} = excluded.{name}" for name in row if name != key)
    return f"ON CONFLICT ({key}) DO UPDATE SET {sets}"
