"""The generated parts of the help topics."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.support.help_text import narrow, wide
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.docs.keys import Key

WIDTH = 78


def listed(rows: Iterable[tuple[str, str]], indent: int = 4) -> str:
    """Names and meanings, these in the language in use, wrapped to the width of a terminal."""
    rows = list(rows)
    left = max(len(name) for name, _ in rows) + 2
    lines = []
    for name, meaning in rows:
        prefix = " " * indent + name.ljust(left)
        lines += textwrap.wrap(
            wide(meaning or "-"),
            WIDTH,
            initial_indent=prefix,
            subsequent_indent=" " * (indent + left),
            break_on_hyphens=False,
        )
    return narrow("\n".join(lines))


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
    """Every error code of the broker: its meaning, what it concerns, and what kt does."""
    from kt.broker.rest.error_codes import HTTP_STATUSES, RETURN_CODES, RULES, TREATMENTS

    lines = [
        tr("In brackets: what a refusal concerns, that is this one order, the stock, the"),
        tr("market (the hour or the day), the account, or the app key."),
        "",
    ]
    for category, treatment in TREATMENTS.items():
        rows = [
            (rule.code, f"{tr(rule.meaning)} [{rule.concerns}]" if rule.concerns else rule.meaning)
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
        lines += [f"## {category}: kt {tr(treatment.does)}", ""]
        lines += [listed(rows) if rows else f"    {tr('(none known)')}", ""]
    renewed = ", ".join(rule.code for rule in RULES if rule.renew)
    lines.append(tr(f"After {renewed} kt gets a new token once and repeats the request."))
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
                (same[0].path.rpartition(".")[2], _described(same[0], _by_profile(same)))
                for same in zip(*(profile.keys for profile in profiles), strict=True)
            ]
            name = "profiles.NAME"
        else:
            rows = [
                (key.path.rpartition(".")[2], _described(key, _shown(key))) for key in section.keys
            ]
            name = section.name or tr("top level")
        if rows:  # a section may hold nothing but others
            lines += [f"## {name}", "", listed(rows), ""]
    return "\n".join(lines).rstrip("\n")


def backtest_keys() -> str:
    """How orders fill on bars."""
    from kt.cli.docs.keys import sections

    own = next(section for section in sections() if section.name == "backtest")
    rows = [(key.path.rpartition(".")[2], _described(key, _shown(key))) for key in own.keys]
    return listed(rows)


def _by_profile(keys: Sequence[Key]) -> str:
    """A key's default in the profiles: one value if they agree, otherwise one per profile."""
    shown = {key.path.split(".")[1]: _shown(key) for key in keys}
    if len(set(shown.values())) == 1:
        return _shown(keys[0])
    return ", ".join(f"{value} on {name}" for name, value in shown.items() if value)


def _described(key: Key, default: str) -> str:
    """A key's meaning, allowed values and default."""
    shown = f"{tr(f'; default {default}')}" if default else ""
    return f"{tr(key.meaning)} [{key.allowed}{shown}]".strip()


def _shown(key: Key) -> str:
    """A default as text; empty for an empty default."""
    default: Any = key.default
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, int | float):
        return f"{default:,.10g}" if isinstance(default, float) else f"{default:,}"
    return str(default) if default not in ("", []) else ""


def faults() -> str:
    """The faults that the embedded exchange can inject."""
    from kt.sim.faults import API_ACTIONS, FRAME_ACTIONS, HANDSHAKE_ACTIONS

    tables = (
        ("With `api` (an API id, `orders`, `lists`, `token` or `*`):", API_ACTIONS),
        ("With `stream` (a type such as `0B`, or `*`):", FRAME_ACTIONS),
        ("With `stream: handshake`:", HANDSHAKE_ACTIONS),
    )
    return "\n\n".join(f"{tr(text)}\n\n{listed(table.items())}" for text, table in tables)


PARTS: dict[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "environment": environment,
    "children": children,
    "denials": denials,
    "errors": errors,
    "configuration": configuration,
    "backtest-keys": backtest_keys,
    "faults": faults,
}
