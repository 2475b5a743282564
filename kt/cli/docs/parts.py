"""The parts of the documentation that are read from the code."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
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


def denials() -> str:
    from kt.rules.denials import DENIALS

    return listed((code.value, meaning) for code, meaning in DENIALS.items())


def errors() -> str:
    """Every code of the broker with its meaning and what kt does, by category."""
    from kt.broker.taxonomy import HTTP_STATUSES, RETURN_CODES, RULES, TREATMENTS

    lines = []
    for category, treatment in TREATMENTS.items():
        rows = [(rule.code, rule.meaning) for rule in RULES if rule.category is category]
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

    lines = []
    for section in sections():
        if section.name.startswith("profiles.") and section.name != "profiles.sim":
            continue
        name = "profiles.NAME" if section.name == "profiles.sim" else section.name
        rows = [(key.path.rpartition(".")[2], _told(key)) for key in section.keys]
        lines += [f"## {name or 'top level'}", "", listed(rows), ""]
    return "\n".join(lines).rstrip("\n")


def _told(key: Key) -> str:
    """The meaning of a key, what it may be, and its default."""
    default: Any = key.default
    if isinstance(default, bool):
        default = "true" if default else "false"
    elif isinstance(default, int | float):
        default = f"{default:,.10g}" if isinstance(default, float) else f"{default:,}"
    shown = f"; default {default}" if default not in ("", []) else ""
    return f"{key.meaning} [{key.allowed}{shown}]".strip()


PARTS: dict[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "environment": environment,
    "denials": denials,
    "errors": errors,
    "configuration": configuration,
}
