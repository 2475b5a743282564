"""Documents as CSV and YAML, for spreadsheets and scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kt.text import csv_cell, steering, yaml_text


def as_csv(items: Sequence[Any]) -> str:
    """One line per item below a header line; nested fields are named like `deposit.cash`, lists are
    joined, and text that a spreadsheet would read as a formula is escaped."""
    import csv
    import io

    rows = [{csv_cell(name): cell for name, cell in flatten(item).items()} for item in items]
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
    """Flatten nested mappings: `{"decision": {"action": …}}` gives `decision.action`."""
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
        text = "; ".join(map(str, value)) if simple else json.dumps(value, ensure_ascii=False)
        return csv_cell(text) if any(isinstance(part, str) for part in value) else text
    return csv_cell(value) if isinstance(value, str) else value


def as_yaml(document: dict[str, Any]) -> str:
    """YAML with quotes around strings that look like numbers or times, and with invisible
    characters escaped.

    PyYAML would not quote `005930`, which other YAML readers read as the number 5930.
    """
    import yaml

    class Quoting(yaml.SafeDumper):
        pass

    def quoted_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        quoted = value[:1].isdigit() or value[:1] in "+-."
        style = '"' if steering(value) else "'" if quoted else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Quoting.add_representer(str, quoted_text)
    text = yaml.dump(
        document, Dumper=Quoting, allow_unicode=True, sort_keys=False, default_flow_style=False
    )
    return yaml_text(text)
