"""Every configuration key with its default, allowed values and meaning, read from the model."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec
from msgspec import inspect

from kt.config.fields import HOURS_OR_NONE
from kt.config.model import DEFAULT_PROFILES, Config, ProfileConfig
from kt.translation import tr


@dataclass(frozen=True)
class Key:
    """One key. `path` is its place, as in `limits.per_stock`."""

    path: str
    default: Any
    allowed: str
    meaning: str


@dataclass(frozen=True)
class SectionKeys:
    """The keys of one section; the top level has no name."""

    name: str
    meaning: str
    keys: tuple[Key, ...]


def sections() -> Iterator[SectionKeys]:
    """The top level, the three profiles, then every section in the model's order."""
    defaults = Config()
    meanings = _meanings()
    plain = []
    nested = []
    for field in _fields(Config):
        value = getattr(defaults, field.encode_name)
        if isinstance(field.type, inspect.StructType):
            nested.append((field.encode_name, field.type.cls, value))
        elif field.encode_name != "profiles":
            plain.append(_key("", "Config", field, value, meanings))
    yield SectionKeys("", _short(Config), tuple(plain))
    for place, profile in DEFAULT_PROFILES.items():
        yield from _section(f"profiles.{place}", ProfileConfig, profile, meanings)
    for name, kind, value in nested:
        yield from _section(name, kind, value, meanings)


def _section(
    name: str, kind: type[Any], value: Any, meanings: dict[tuple[str, str], str]
) -> Iterator[SectionKeys]:
    """The section, then those inside it."""
    keys, inside = [], []
    for field in _fields(kind):
        given = getattr(value, field.encode_name)
        if isinstance(field.type, inspect.StructType):
            inside.append((f"{name}.{field.encode_name}", field.type.cls, given))
        else:
            keys.append(_key(name, kind.__name__, field, given, meanings))
    yield SectionKeys(name, _short(kind), tuple(keys))
    for part in inside:
        yield from _section(*part, meanings)


def _key(
    section: str,
    owner: str,
    field: inspect.Field,
    value: Any,
    meanings: dict[tuple[str, str], str],
) -> Key:
    name = field.encode_name
    path = f"{section}.{name}" if section else name
    return Key(path, msgspec.to_builtins(value), _allowed(field.type), meanings[owner, name])


def _fields(kind: type[Any]) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found.fields


def _short(kind: type[Any]) -> str:
    """A class's docstring as one paragraph."""
    return " ".join((kind.__doc__ or "").split())


def _allowed(kind: inspect.Type) -> str:
    """The allowed values of a type, in words of the language in use."""
    if isinstance(kind, inspect.BoolType):
        return tr("true or false")
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(str(value) for value in kind.values)
    if isinstance(kind, inspect.IntType):
        return " ".join(map(tr, ["a whole number", *_bounds(kind)]))
    if isinstance(kind, inspect.FloatType):
        return " ".join(map(tr, ["a number", *_bounds(kind)]))
    if isinstance(kind, inspect.VarTupleType):
        return tr("a list")
    if isinstance(kind, inspect.StrType):
        return _PATTERNS.get(kind.pattern or "", "HH:MM") if kind.pattern else tr("text")
    raise TypeError(f"no words for {kind}")


_PATTERNS = {HOURS_OR_NONE: "HH:MM-HH:MM"}
"""The patterns that are no time of day."""


def _bounds(kind: inspect.IntType | inspect.FloatType) -> list[str]:
    bounds = []
    if kind.gt is not None:
        bounds.append(f"above {_number(kind.gt)}")
    if kind.ge is not None:
        bounds.append(f"from {_number(kind.ge)}")
    if kind.le is not None:
        bounds.append(f"{'to' if kind.gt is None else 'up to'} {_number(kind.le)}")
    return bounds


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def _meanings() -> dict[tuple[str, str], str]:
    """The docstring below each key in the source of the configuration, by class and key."""
    found: dict[tuple[str, str], str] = {}
    for part in itertools.chain.from_iterable(
        map(_classes, ("model.py", "scan.py", "questions.py"))
    ):
        for statement, after in zip(part.body, [*part.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = ""
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    text = " ".join(str(after.value.value).split())
                found[part.name, statement.target.id] = text
    return found


def _classes(name: str) -> Iterator[ast.ClassDef]:
    source = resources.files("kt.config").joinpath(name).read_text(encoding="utf-8")
    return (part for part in ast.parse(source).body if isinstance(part, ast.ClassDef))
