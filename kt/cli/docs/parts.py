"""The parts of the documentation that are read from the code."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kt.cli.docs.keys import Key

WIDTH = 78


def listed(rows: Iterable[tuple[str, str]], indent: int = 4) -> str:
    """Names and meanings in two columns, wrapped to the width of a terminal."""
    rows = list(rows)
    left = max(len(name) for name, _ in rows) + 2
    lines = []
    for name, meaning in rows:
        prefix = " " * indent + name.ljust(left)
        lines += textwrap.wrap(
            meaning or "-",
            WIDTH,
            initial_indent=prefix,
            subsequent_indent=" " * (indent + left),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def exit_codes() -> str:
    from kt.errors import EXIT_MEANINGS

    return listed((str(code.value), meaning) for code, meaning in EXIT_MEANINGS.items())


def environment() -> str:
    from kt.config.load import ENVIRONMENT

    return listed(ENVIRONMENT.items())


def children() -> str:
    from kt.children import PASSED

    lines = textwrap.wrap(", ".join(PASSED), WIDTH - 4, break_on_hyphens=False)
    return "\n".join(f"    {line}" for line in lines)


def denials() -> str:
    from kt.rules.risk.denials import DENIALS

    return listed((code.value, meaning) for code, meaning in DENIALS.items())


def errors() -> str:
    """Every code of the broker with its meaning, whose trouble it is and what kt does."""
    from kt.broker.rest.error_codes import HTTP_STATUSES, RETURN_CODES, RULES, TREATMENTS

    lines = [
        "In brackets stands whose trouble a refusal is: that of this one order, of",
        "the stock, of the market (the hour or the day), of the account, or of the",
        "app key.",
        "",
    ]
    for category, treatment in TREATMENTS.items():
        rows = [
            (rule.code, f"{rule.meaning} [{rule.concerns}]" if rule.concerns else rule.meaning)
            for rule in RULES
            if rule.category is category
        ]
        rows += [
            (f"return {code}", meaning)
            for code, (kind, meaning) in RETURN_CODES.items()
            if kind is category
        ]
        rows += [
            (f"HTTP {status}", meaning)
            for status, (kind, meaning) in HTTP_STATUSES.items()
            if kind is category
        ]
        lines += [f"## {category}: kt {treatment.does}", ""]
        lines += [listed(rows) if rows else "    (nothing kt knows of)", ""]
    renewed = ", ".join(rule.code for rule in RULES if rule.renew)
    lines.append(f"After {renewed} kt takes a new token once, then goes on.")
    return "\n".join(lines)


def configuration() -> str:
    from kt.cli.docs.keys import sections

    found = list(sections())
    profiles = [section for section in found if section.name.startswith("profiles.")]
    lines = []
    for section in found:
        if section in profiles[1:]:
            continue
        if section in profiles:
            rows = [
                (same[0].path.rpartition(".")[2], _told(same[0], _by_profile(same)))
                for same in zip(*(profile.keys for profile in profiles), strict=True)
            ]
            name = "profiles.NAME"
        else:
            rows = [(key.path.rpartition(".")[2], _told(key, _shown(key))) for key in section.keys]
            name = section.name or "top level"
        lines += [f"## {name}", "", listed(rows), ""]
    return "\n".join(lines).rstrip("\n")


def _by_profile(keys: Sequence[Key]) -> str:
    """A key's defaults in the profiles: one when they agree, otherwise each by name."""
    shown = {key.path.split(".")[1]: _shown(key) for key in keys}
    if len(set(shown.values())) == 1:
        return _shown(keys[0])
    return ", ".join(f"{value} on {name}" for name, value in shown.items() if value)


def _told(key: Key, default: str) -> str:
    """The meaning of a key, what it may be, and its default."""
    shown = f"; default {default}" if default else ""
    return f"{key.meaning} [{key.allowed}{shown}]".strip()


def _shown(key: Key) -> str:
    """A default as text; nothing for an empty one."""
    default: Any = key.default
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, int | float):
        return f"{default:,.10g}" if isinstance(default, float) else f"{default:,}"
    return str(default) if default not in ("", []) else ""


def faults() -> str:
    """What the embedded exchange can be told to do wrong."""
    from kt.sim.faults import API_ACTIONS, FRAME_ACTIONS, HANDSHAKE_ACTIONS

    tables = (
        ("With `api` (an API id, `orders`, `lists`, `token` or `*`):", API_ACTIONS),
        ("With `stream` (a type such as `0B`, or `*`):", FRAME_ACTIONS),
        ("With `stream: handshake`:", HANDSHAKE_ACTIONS),
    )
    return "\n\n".join(f"{text}\n\n{listed(table.items())}" for text, table in tables)


PARTS: dict[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "environment": environment,
    "children": children,
    "denials": denials,
    "errors": errors,
    "configuration": configuration,
    "faults": faults,
}
