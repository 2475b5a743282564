"""Documents as CSV and as YAML, so that spreadsheets and people's scripts can read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def as_csv(items: Sequence[Any]) -> str:
    """One line an item under a line of names; nested values as `deposit.cash`, lists joined."""
    import csv
    import io

    rows = [flatten(item) for item in items]
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if not names:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def flatten(item: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one: `{"decision": {"action": …}}` gives `decision.action`."""
    if not isinstance(item, dict):
        return {prefix or "value": _cell(item)}
    flat: dict[str, Any] = {}
    for key, value in item.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        flat.update(flatten(value, name) if isinstance(value, dict) else {name: _cell(value)})
    return flat


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        simple = all(isinstance(part, str | int | float) for part in value)
        return "; ".join(map(str, value)) if simple else json.dumps(value, ensure_ascii=False)
    return value


def as_yaml(document: dict[str, Any]) -> str:
    """YAML in which every text that looks like a number or a time is quoted.

    PyYAML leaves `005930` bare because its own rules read it as text; others read 5930.
    """
    import yaml

    class Quoting(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "'" if value[:1].isdigit() or value[:1] in "+-." else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Quoting.add_representer(str, text)
    return yaml.dump(
        document, Dumper=Quoting, allow_unicode=True, sort_keys=False, default_flow_style=False
    )
