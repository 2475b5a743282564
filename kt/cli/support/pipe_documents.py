"""Documents in pipes: write one JSON envelope, read and validate one. Invalid input is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from kt.errors import InputError
from kt.records import KINDS, VERSION, Document, ScanSummary
from kt.text import harmless, json_bytes, json_text, plain_markdown, visible

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

MAX_BYTES = 16 * 1024 * 1024
YEARS = range(2000, 2101)
"""Times outside these years are refused: they cannot be market times, and sums could overflow."""
FUTURE_SECONDS = 5.0
"""Allowed clock difference before a document is refused as coming from the future."""


def emit(
    cli: CliContext,
    kind: str,
    items: Sequence[Any],
    *,
    run: str,
    asof: datetime | None = None,
    profile: str = "",
    scan: ScanSummary | None = None,
) -> None:
    """Print one result in the format of `cli.output`: a table (on a terminal, or as Markdown), or a
    document of this kind. Raises UsageError for an unknown name in --fields."""
    from kt.cli.support.fields import chosen, rows_of, select

    names = chosen(cli)
    safe = plain_markdown if cli.output == "md" else harmless
    if cli.output in ("table", "md") and not names:
        from kt.cli.show import table_of

        cli.console.show(table_of(kind, safe(items), cli.console))
        return
    from kt.cli.support.formats import as_csv, as_yaml

    profile = profile or cli.config.profile
    document = envelope(kind, items, profile, run, asof or cli.now(), scan)
    if cli.output == "csv" or names:
        rows = rows_of(kind, document["items"], totals=cli.totals)
        rows = select(kind, rows, names) if names else rows
        if cli.output == "csv":
            cli.console.write(as_csv(rows))
            return
        from kt.cli.show.pnl import named

        cli.console.show(named(safe(rows), names, cli.console))
    elif cli.output == "yaml":
        cli.console.write(as_yaml(document))
    else:
        cli.console.write(as_json(document, pretty=cli.console.out_terminal))


def envelope(
    kind: str,
    items: Sequence[Any],
    profile: str,
    run: str,
    asof: datetime,
    scan: ScanSummary | None = None,
) -> dict[str, Any]:
    """The document as plain values, with the envelope's keys before the items."""
    if kind not in KINDS:
        raise ValueError(f"no document kind {kind!r}")
    head = {"kt": VERSION, "kind": kind, "profile": profile, "run": run}
    head |= {"asof": asof.isoformat(timespec="seconds")}
    return head | ({"scan": plain(scan)} if scan else {}) | {"items": plain(list(items))}


def plain(value: Any) -> Any:
    """Records as JSON values; times keep their `+09:00`."""
    return msgspec.json.decode(json_bytes(value))


def as_json(value: Any, *, pretty: bool = False) -> str:
    data = json_bytes(value)
    return json_text((msgspec.json.format(data, indent=2) if pretty else data).decode()) + "\n"


def piped(cli: CliContext) -> bool:
    """Whether stdin may hold a document: it is read only when it is not a terminal."""
    return not cli.console.in_terminal


def read(
    cli: CliContext, kinds: Sequence[str], *, max_age: float, now: Callable[[], datetime]
) -> tuple[str, tuple[Any, ...], str]:
    """The piped document as (kind, items, id of the run that wrote it).

    Raises InputError when it is missing, truncated, not exactly one document, of another version,
    kind or profile, older than `max_age` seconds, or has an invalid item. `now` is called after the
    input has arrived: the command before this one may take a while.
    """
    wanted = " or ".join(kinds)
    if cli.console.in_terminal:
        raise InputError(
            f"this command reads {wanted} from a pipe, but stdin is a terminal",
            hint="See `kt help pipes`.",
        )
    document = parse(cli.console.read(MAX_BYTES + 1), wanted)
    _check_head(document, kinds, cli.config.profile)
    _check_age(document, max_age, now())
    return document.kind, _items(document), document.run


def parse(data: bytes, wanted: str) -> Document:
    """Parse bytes as one document. Raises InputError with the reason."""
    if not data.strip():
        raise InputError(
            f"the input is empty; expected {wanted}",
            hint="The command before this one failed; nothing was done.",
        )
    if len(data) > MAX_BYTES:
        raise InputError(f"the input is larger than {MAX_BYTES >> 20} MiB", hint=_NOTHING)
    try:
        return msgspec.json.decode(data, type=Document)
    except msgspec.ValidationError as error:
        raise InputError(
            f"the input is not a kt document: {_lower(error)}", hint=_NOTHING
        ) from error
    except UNREADABLE as error:
        raise InputError(f"the input {unreadable(error, data)}", hint=_NOTHING) from error


_NOTHING = "Nothing was done."
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON can raise."""


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""An escape of half a surrogate pair."""


def unreadable(error: Exception, data: bytes) -> str:
    """Why the bytes are not valid JSON, as the predicate of a sentence."""
    text = str(error)
    lone = _LONE_SURROGATE.search(data)
    if lone:
        return f"contains a lone surrogate ({lone[0].decode()}), which is not valid in UTF-8"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if "truncated" in text:
        return "is truncated: the program that wrote it did not finish"
    if "trailing" in text:
        return "contains more than one document"
    return f"is not JSON: {text}"


def _lower(error: Exception) -> str:
    text = visible(str(error), 300)
    return text[:1].lower() + text[1:]


def _check_head(document: Document, kinds: Sequence[str], profile: str) -> None:
    wanted = " or ".join(kinds)
    if document.kt != VERSION:
        raise InputError(
            f"the document has version {document.kt}, this kt reads version {VERSION}",
            hint="Use the same kt version for the whole pipe.",
        )
    if document.kind not in kinds:
        raise InputError(f"the document contains {document.kind}, not {wanted}", hint=_NOTHING)
    if document.profile != profile:
        raise InputError(
            f"the document comes from the profile {document.profile!r}, this is {profile!r}",
            hint="Use the same profile for the whole pipe.",
        )
    if document.asof.tzinfo is None:
        raise InputError("the document's asof has no time zone", hint=_NOTHING)
    if document.asof.year not in YEARS:
        raise InputError(f"the document's asof is in the year {document.asof.year}", hint=_NOTHING)


def _check_age(document: Document, max_age: float, now: datetime) -> None:
    age = (now - document.asof).total_seconds()
    if age > max_age:
        raise InputError(
            f"the document is {age:,.0f} s old, at most {max_age:,.0f} s is allowed",
            hint="Run the command before this one again.",
        )
    if age < -FUTURE_SECONDS:
        raise InputError(
            f"the document is {-age:,.0f} s ahead of this clock", hint="Check both clocks."
        )


def _items(document: Document) -> tuple[Any, ...]:
    kind = KINDS[document.kind]
    items = []
    for index, raw in enumerate(document.items):
        try:
            item = msgspec.json.decode(raw, type=kind)
        except UNREADABLE as error:
            raise InputError(
                f"items[{index}] of the {document.kind}: {_lower(error)}", hint=_NOTHING
            ) from error
        for name, at in _times(item):
            if at.year not in YEARS:
                raise InputError(
                    f"items[{index}] of the {document.kind}: {name} is in the year {at.year}",
                    hint=_NOTHING,
                )
        items.append(item)
    return tuple(items)


def _times(item: Any) -> Iterator[tuple[str, datetime]]:
    for name in getattr(item, "__struct_fields__", ()):
        value = getattr(item, name)
        if isinstance(value, datetime):
            yield name, value
        elif isinstance(value, msgspec.Struct):
            yield from _times(value)
